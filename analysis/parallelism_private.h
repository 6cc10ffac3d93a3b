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
	} link[2];	/* in the queues of runnable threads: of the whole run, of its process */
	uint64_t since; /* when it became runnable */
	uint64_t run;
	double critical, inverse_at;
};

/* The whole run or a process. Sums are ns; `cap` is the machine's number of CPUs, at least 2. */
struct scope {
	uint64_t last; /* up to when everything is integrated */
	uint32_t count[ROLE_COUNT];
	uint32_t cap;
	uint64_t *demand;	 /* by P + R + L, 0…cap; cap stands for all above it, too */
	uint32_t demand_len;
	uint64_t **idle_waiters; /* [P + R][L], the latter 0…cap; made row by row when needed */
	uint64_t *histogram;	 /* by P, of active time */
	uint32_t histogram_len;
	uint64_t *mask_time; /* thread-time in P, R or L by CPU mask */
	uint32_t mask_time_len;
	uint64_t alone, serialized, waiting, runnable;
	struct part *queue_first, *queue_last; /* runnable threads, longest first */
	uint64_t starved, starved_until;
	uint64_t run, run_max;
	uint32_t workers;
};

struct parallelism {
	struct scope whole;
	struct scope **scopes; /* by process index */
	struct part **parts;   /* by thread index */
	uint32_t scopes_cap, parts_cap;
	/* The same, were every unproven wait one for a lock; NULL where there is none. */
	struct parallelism *if_locks;
	bool unproven_too; /* this one is that */
	double inverse; /* integral of 1/P over the time with P > 0, up to whole.last */
	int err;
};

int parallelism_results(void *self, const struct analysis_context *ctx, struct results *out);

#endif
