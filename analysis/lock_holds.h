/* SPDX-License-Identifier: MIT */
/*
 * Who holds a lock. There are three ways to know, one for each lock: lock_exact.c where probes tell
 * of every taking and letting go, lock_global.c for the one lock of an interpreter, lock_plain.c
 * for all others. docs/method.md has their rules.
 */
#ifndef ANALYSIS_LOCK_HOLDS_H
#define ANALYSIS_LOCK_HOLDS_H

#include "lock_blame.h"
#include "lock_find.h"

/* After a timeout a thread looks who holds the lock, perhaps asks for it, and waits again. */
#define LOCK_TIMEOUT_GAP_NS 200000ULL
/*
 * A woken thread that is back within this has lost a race, or has gone from the condvar to its
 * mutex.
 */
#define LOCK_WOKEN_GAP_NS 50000ULL
/* A thread that comes from elsewhere and blocks on the lock within this has come to ask for it. */
#define LOCK_ASK_GAP_NS 200000ULL

/* A block on a lock, or its end. */
struct lock_step {
	const struct thread *t;
	uint32_t lock;
	uint64_t now;
	bool again;	/* block: it goes on with the wait it was in */
	bool by_nobody; /* resume: a timer ended the round */
	uint64_t start; /* resume: of the wait */
};

/* A futex call of `from` on `lock` that wakes `to`. */
struct lock_woken {
	const struct thread *from, *to;
	uint32_t lock;
	uint64_t ts;	/* maybe a little ago: struct wake */
	uint64_t start; /* of the wait of `to` */
};

struct lock_plain;
struct lock_global;
struct lock_exact;

struct lock_holds {
	struct lock_books *books;
	struct lock_blames blames;
	const struct lock_table *table;
	struct lock_plain *plain;   /* by struct thread.index */
	struct lock_global *global; /* likewise */
	struct lock_exact *exact;   /* likewise */
	size_t nplain, nglobal, nexact;
	/* From the waking by data until the thread has the lock, by struct thread.index; 0: none.
	 */
	uint64_t *data;
	size_t ndata;
};

void lock_holds_init(struct lock_holds *h, struct lock_books *books, const struct lock_table *t);
void lock_holds_release(struct lock_holds *h);

/* Make room for entry `index` and more, zeroed. False when out of memory, which is noted. */
COLD bool lock_holds_grow(struct lock_holds *h, void **array, size_t *n, size_t size,
			  uint32_t index);

/* An entry of a per-thread array that grows by need; NULL when out of memory. */
static inline void *lock_holds_entry(struct lock_holds *h, void **array, size_t *n, size_t size,
				     uint32_t index)
{
	if (index >= *n && !lock_holds_grow(h, array, n, size, index))
		return NULL;
	return (char *)*array + index * size;
}

/* ---- told by lock_waits.c, in order of time ---- */

void lock_holds_block(struct lock_holds *h, const struct lock_step *s);
void lock_holds_resume(struct lock_holds *h, const struct lock_step *s);
/* It blocks elsewhere (also on a futex that is no lock), ends, or is lost sight of. */
void lock_holds_leave(struct lock_holds *h, const struct thread *t, enum state next, uint64_t now);
/* Woken from such a block; and running again after it. */
void lock_holds_back(struct lock_holds *h, const struct thread *t, uint64_t now);
void lock_holds_arrive(struct lock_holds *h, const struct thread *t, uint64_t now);
void lock_holds_wake(struct lock_holds *h, const struct lock_woken *w);

/* ---- latency of data ---- */

/* Data (or a timer it slept for) woke the thread. */
void lock_holds_data(struct lock_holds *h, const struct thread *t, uint64_t now);
/* It goes on without having needed a lock for it. */
void lock_holds_data_used(struct lock_holds *h, const struct thread *t);
/* It has the lock, since `when`. */
void lock_holds_got(struct lock_holds *h, uint32_t lock, const struct thread *t, uint64_t when);

/* ---- lock_plain.c ---- */

void lock_plain_block(struct lock_holds *h, const struct lock_step *s);
void lock_plain_resume(struct lock_holds *h, const struct lock_step *s);
void lock_plain_leave(struct lock_holds *h, const struct thread *t, enum state next, uint64_t now);
void lock_plain_back(struct lock_holds *h, const struct thread *t, uint64_t now);
void lock_plain_wake(struct lock_holds *h, const struct lock_woken *w);

/* ---- lock_global.c ---- */

void lock_global_block(struct lock_holds *h, const struct lock_step *s);
void lock_global_resume(struct lock_holds *h, const struct lock_step *s);
void lock_global_leave(struct lock_holds *h, const struct thread *t, enum state next, uint64_t now);
void lock_global_arrive(struct lock_holds *h, const struct thread *t, uint64_t now);
void lock_global_wake(struct lock_holds *h, const struct lock_woken *w);

/* ---- lock_exact.c ---- */

void lock_exact_block(struct lock_holds *h, const struct lock_step *s);
void lock_exact_resume(struct lock_holds *h, const struct lock_step *s);
void lock_exact_end(struct lock_holds *h, const struct thread *t, uint64_t now);
/* A GT_LOCK record of a lock that is known by probes alone. `began`: when the probes were set. */
void lock_exact_record(struct lock_holds *h, const struct thread *t, uint32_t lock, uint32_t role,
		       uint64_t began, uint64_t now);

#endif
