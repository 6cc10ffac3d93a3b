/* SPDX-License-Identifier: MIT */
/*
 * What is kept of each lock and event while the second pass runs: its sums, every thread's part in
 * it, and who kept whom waiting. Locks are numbered as in the lock table; behind its groups come
 * locks that only probes told of. Memory follows threads × locks and is bounded; what finds no room
 * is counted.
 */
#ifndef ANALYSIS_LOCK_BOOKS_H
#define ANALYSIS_LOCK_BOOKS_H

#include "lib/cold.h"
#include "lock_find.h"
#include "lock_parts.h"
#include "lock_probed.h"
#include "spread.h"

#define LOCK_NONE UINT32_MAX

/* Until then that thread was held to have the lock. */
struct lock_tenure {
	uint64_t until;
	uint32_t holder;
};

/* Who is held to have the lock, and everybody who waits: lock_blame.h. */
struct lock_blame {
	uint32_t holder; /* struct thread.index + 1; 0: nobody known */
	uint32_t first;	 /* waiting thread's index + 1; 0: none */
	/* Who had it before, oldest first, as far as not every waiter has been charged for it. */
	struct lock_tenure *past;
	uint32_t npast, past_room;
	uint32_t waiting; /* threads */
};

/* A hold that goes on, or is taken to. */
struct lock_hold {
	uint32_t thread; /* index + 1; 0: nobody */
	uint64_t since;
	struct lock_clock at; /* the thread's clocks then */
	/* So far as known it has let go then: it woke another, or blocked elsewhere. 0: it has not.
	 */
	uint64_t let_go, away;
	struct lock_clock let_go_at, away_at;
};

/* How a lock's holders are known: lock_holds.h. */
enum lock_way { LOCK_WAY_PLAIN, LOCK_WAY_GLOBAL, LOCK_WAY_EXACT };

struct lock_book {
	uint64_t timeouts, handoffs;
	struct spread wait, handoff, hold;
	uint64_t blocked; /* time in STATE_LOCK, ns */
	uint32_t asleep;  /* threads in STATE_LOCK for it now */
	/* The last round that a timer ended: when, and since when that thread had been waiting. */
	uint64_t timed_out, timed_out_start;
	uint64_t last_wake;
	uint32_t last_waker; /* struct thread.index */
	enum lock_way way;
	bool tells_having; /* probes have told of having it, so asking alone is not taken for it */
	struct lock_blame blame;
	/* lock_global.c */
	struct lock_hold held,
		before; /* `before` has let go, if `held` does not lose the lock again */
	uint64_t free_since;
	uint32_t on; /* first of the threads that go on: index + 1 */
	struct spread ask, leave;
	uint64_t ask_p50, leave_p50;
};

struct lock_books {
	uint32_t nlocks;
	uint8_t *ways;	       /* enum lock_way, by lock */
	bool any_global;       /* there is one of LOCK_WAY_GLOBAL */
	struct lock_book **at; /* NULL: nothing happened to it yet */
	struct lock_parts parts;
	uint64_t *runnable; /* by struct thread.index: ns it has waited for a CPU */
	size_t nrunnable;
	uint64_t cells_left; /* of all rows, and past holders: what there is room for */
	uint64_t left_out;
	int err; /* the first -ENOMEM */
};

/* Either may be NULL. 0 or -ENOMEM; release it in either case. */
int lock_books_init(struct lock_books *b, const struct lock_table *table,
		    const struct lock_probed *probed);
void lock_books_release(struct lock_books *b); /* what it owns, not the struct */

void lock_books_check(struct lock_books *b, int err);

COLD struct lock_book *lock_books_make(struct lock_books *b, uint32_t lock);

/* Found or made; NULL when out of memory, which is noted. */
static inline struct lock_book *lock_books_get(struct lock_books *b, uint32_t lock)
{
	if (lock >= b->nlocks)
		return NULL;
	return b->at[lock] ? b->at[lock] : lock_books_make(b, lock);
}

COLD struct lock_part *lock_books_part_look(struct lock_books *b, uint32_t lock, uint32_t thread);

/* Likewise; NULL also beyond LOCK_PARTS_MAX. Valid until the next call. */
static inline struct lock_part *lock_books_part(struct lock_books *b, uint32_t lock,
						uint32_t thread)
{
	uint32_t at = pairs_hint(&b->parts.index, lock, thread);

	return at != PAIRS_NONE ? &b->parts.at[at] : lock_books_part_look(b, lock, thread);
}

/* Before the model changes a thread's state: keeps its clocks. */
void lock_books_transition(struct lock_books *b, const struct thread *t, uint64_t now);

/* A time before the present state began is one at its beginning: nothing older is kept. */
static inline struct lock_clock lock_books_clock(const struct lock_books *b, const struct thread *t,
						 uint64_t now)
{
	uint64_t spent = now > t->since ? now - t->since : 0;

	return (struct lock_clock){
		.run = t->run_total + (t->state == STATE_RUNNING ? spent : 0),
		.runnable = t->index < b->nrunnable ? b->runnable[t->index] : 0,
	};
}

/*
 * A hold of `ns` that ended: what of it the thread ran, and waited for a CPU, since `from` until
 * `to`; the rest it was asleep.
 */
void lock_books_hold(struct lock_books *b, uint32_t lock, uint32_t thread, uint64_t ns,
		     struct lock_clock from, struct lock_clock to);

#endif
