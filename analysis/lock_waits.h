/* SPDX-License-Identifier: MIT */
/*
 * Second pass: from blocking and waking to waits as a program's author would count them. A wait for
 * a lock may take several futex waits: one per timeout, one per lost race, one for the condition
 * variable and one for its mutex. It runs from the first block to the switch-in after which the
 * thread goes on.
 */
#ifndef ANALYSIS_LOCK_WAITS_H
#define ANALYSIS_LOCK_WAITS_H

#include "lock_parts.h"
#include "lock_shares.h"
#include "parallelism.h"
#include "spread.h"

struct lock_waits_group {
	uint64_t timeouts, handoffs;
	struct spread wait, handoff, hold;
	uint64_t blocked; /* time in STATE_LOCK, ns */
	/* The last round that a timer ended: when, and since when that thread had been waiting. */
	uint64_t timed_out, timed_out_start;
	uint64_t last_wake;
	uint32_t last_waker; /* struct thread.index */
};

struct lock_waits;

/* `p` tells the serialized time; NULL: that stays 0. NULL when out of memory. */
struct lock_waits *lock_waits_new(const struct lock_table *table, const struct parallelism *p);
void lock_waits_free(struct lock_waits *w);

/* For a model's second pass. */
void lock_waits_transition(struct lock_waits *w, const struct thread *t, enum state next,
			   uint64_t now);
void lock_waits_wake(struct lock_waits *w, const struct wake *wake);

/* NULL when nobody waited on that group. */
const struct lock_waits_group *lock_waits_at(const struct lock_waits *w, uint32_t group);

/* How much of the serialized time each group explains. */
const struct lock_shares *lock_waits_shares(const struct lock_waits *w);

/* Every thread's parts, sorted by group, then thread. Once, after the last transition. */
const struct lock_part *lock_waits_parts(struct lock_waits *w, size_t *n);

/* Waits and holds that found no room in the parts. */
uint64_t lock_waits_left_out(const struct lock_waits *w);

/* The first -ENOMEM on the way, or 0. */
int lock_waits_error(const struct lock_waits *w);

#endif
