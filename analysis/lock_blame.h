/* SPDX-License-Identifier: MIT */
/*
 * Who keeps whom waiting: every waiter's time is charged to whoever holds the lock at that moment.
 * Waits are told as they happen: a waiter that runs again may have the lock or go back to waiting,
 * which only its next step tells; that time is charged in the second case.
 *
 * A change of holders is only noted: charged is whoever stops waiting, for each that had the lock
 * meanwhile, so that it costs no look at everybody else who waits. What that would cost with many
 * waiters and changes is bounded: of the rest only the sum is kept, as time by others.
 */
#ifndef ANALYSIS_LOCK_BLAME_H
#define ANALYSIS_LOCK_BLAME_H

#include "lock_books.h"

/* One thread's wait; a zeroed struct is none. */
struct lock_blame_wait {
	uint64_t charged;    /* up to here */
	uint64_t untold;     /* ns of a pause whose holders are no longer kept */
	uint32_t past;	     /* the first tenure that it has not been charged for */
	uint32_t part;	     /* its part in the lock, by number */
	uint32_t self;	     /* index + 1 */
	uint32_t next, prev; /* thread index + 1 */
	uint32_t lock;	     /* number + 1; 0: it waits for none */
	bool paused;	     /* it runs: what follows is charged if it goes on waiting */
};

struct lock_blames {
	struct lock_books *books;
	struct lock_blame_wait *waits; /* by struct thread.index */
	size_t nwaits;
};

void lock_blames_release(struct lock_blames *b); /* what it owns, not the struct */

void lock_blame_wait(struct lock_blames *b, uint32_t lock, uint32_t thread, uint64_t now);
void lock_blame_pause(struct lock_blames *b, uint32_t thread, uint64_t now);
void lock_blame_again(struct lock_blames *b, uint32_t thread, uint64_t now);
/* The wait is over: when it was paused, else now. */
void lock_blame_end(struct lock_blames *b, uint32_t thread, uint64_t now);

/* From `when` on, not long ago, the lock is held by this thread, index + 1, or by nobody: 0. */
void lock_blame_holder(struct lock_blames *b, uint32_t lock, uint32_t holder, uint64_t when);

/* Who was thought to hold it since the last call never did: it was this one. */
void lock_blame_correct(struct lock_blames *b, uint32_t lock, uint32_t holder);

#endif
