/* SPDX-License-Identifier: MIT */
/*
 * Second pass: from blocking and waking to waits as a program's author would count them. A wait for
 * a lock may take several futex waits: one per timeout, one per lost race, one for the condition
 * variable and one for its mutex. It runs from the first block to the switch-in after which the
 * thread goes on.
 */
#ifndef ANALYSIS_LOCK_WAITS_H
#define ANALYSIS_LOCK_WAITS_H

#include "lock_books.h"
#include "lock_holds.h"
#include "lock_shares.h"
#include "parallelism.h"

struct lock_waits;

/*
 * `p` tells the serialized time; NULL: that stays 0. `books` has room for the table's groups. NULL
 * when out of memory.
 */
struct lock_waits *lock_waits_new(const struct lock_table *table, const struct parallelism *p,
				  struct lock_books *books, struct lock_holds *holds);
void lock_waits_free(struct lock_waits *w);

/* For a model's second pass. */
void lock_waits_transition(struct lock_waits *w, const struct thread *t, enum state next,
			   uint64_t now);
/* Before a probe tells what the thread does with another lock. */
void lock_waits_probed(struct lock_waits *w, const struct thread *t);
void lock_waits_wake(struct lock_waits *w, const struct wake *wake);

/* How much of the serialized time each group explains. */
const struct lock_shares *lock_waits_shares(const struct lock_waits *w);

#endif
