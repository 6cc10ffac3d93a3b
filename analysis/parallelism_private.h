/* SPDX-License-Identifier: MIT */
/* What parallelism.c collects and parallelism_results.c evaluates. */
#ifndef ANALYSIS_PARALLELISM_PRIVATE_H
#define ANALYSIS_PARALLELISM_PRIVATE_H

#include "parallelism.h"

#define STARVED_NS 1000000ULL /* a runnable interval that counts as starving */

enum role { ROLE_NONE, ROLE_RUNNING, ROLE_RUNNABLE, ROLE_LOCK, ROLE_COUNT };

/* A thread's part in it. */
struct part {
	struct {
		struct part *prev, *next;
	} link[2];	   /* in the queues of runnable threads: of the whole run, of its process */
	uint64_t since;	   /* when it became runnable */
	struct scope *own; /* of its process */
	uint64_t run;
	double critical, inverse_at;
	/* Time in P, R or L under its present CPU mask, not yet in the scopes' sums. */
	uint64_t masked;
	uint32_t mask;
};

/* The whole run or a process. Sums are ns; `cap` is the machine's number of CPUs, at least 2. */
struct scope {
	uint64_t last; /* up to when everything is integrated */
	uint32_t count[ROLE_COUNT];
	uint32_t cap;
	uint32_t demand_len, histogram_len, mask_time_len;
	uint64_t *histogram; /* by P, of active time */
	uint64_t alone, serialized, waiting, runnable;
	/*
	 * [P + R][L], the latter 0…cap; made row by row when needed. Which of the time at which L
	 * threads wait for locks while only P + R could use a CPU is lost depends on N, that is on
	 * masks not yet seen; neither need be told apart beyond the machine's size.
	 */
	uint64_t **idle_waiters;
	/* By P + R + L, 0…cap; cap stands for all above it, too. Until scope_close() without the
	 * time that is in `idle_waiters`. */
	uint64_t *demand;
	struct part *queue_first, *queue_last; /* runnable threads, longest first */
	uint64_t starved, starved_until;
	uint64_t *mask_time; /* thread-time in P, R or L by CPU mask */
	uint64_t run, run_max;
	uint32_t workers;
};

struct parallelism {
	struct scope whole;
	struct scope **scopes; /* by process index */
	struct scope *only;    /* of the first process, as long as that is the whole run; or NULL */
	struct part **parts;   /* by thread index */
	uint32_t scopes_cap, parts_cap;
	/* The same, were every unproven wait one for a lock; NULL where there is none. */
	struct parallelism *if_locks;
	bool clocks_only; /* only what others read while it goes on is kept */
	double inverse;	  /* integral of 1/P over the time with P > 0, up to whole.last */
	int err;
};

/* ---- parallelism_scope.c; false: out of memory ---- */

void scope_init(struct scope *s, uint32_t cap, uint64_t now);
void scope_free(struct scope *s); /* what it owns */

/* A thread goes from one role to another. `which` says by which of its links it is in the queue. */
bool scope_change(struct scope *s, int which, struct part *part, enum role from, enum role to,
		  uint64_t now);

/* Likewise, but only the clock of serialized time and the counts go on. */
static inline void scope_tick(struct scope *s, enum role from, enum role to, uint64_t now)
{
	if (s->count[ROLE_RUNNING] <= 1 && s->count[ROLE_LOCK])
		s->serialized += now - s->last;
	s->last = now;
	s->count[from]--;
	s->count[to]++;
}

/* All that `from`, the whole run, has come to belongs to the empty `s`, too. */
bool scope_copy(struct scope *s, const struct scope *from);

bool scope_add_mask(struct scope *s, uint32_t mask, uint64_t ns);

/* All is told: `demand` is complete. */
bool scope_close(struct scope *s);

int parallelism_results(void *self, const struct analysis_context *ctx, struct results *out);

#endif
