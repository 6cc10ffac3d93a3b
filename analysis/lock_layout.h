/* SPDX-License-Identifier: MIT */
/*
 * A GIL as CPython 3 lays it out: a condition variable with its mutex, waited on for the lock with
 * a timeout, and right behind them a second pair, waited on without one by a thread that was made
 * to let go until another has taken over. Nothing but such a lock is waited on in this way,
 * whatever program it is in, so no idle CPU is needed to tell it.
 */
#ifndef ANALYSIS_LOCK_LAYOUT_H
#define ANALYSIS_LOCK_LAYOUT_H

#include "lock_find.h"
#include "lock_merge.h"

/*
 * Join the two condition variables of such a lock where no thread ever waits on both: one that
 * computes always waits on the second, one that comes from elsewhere always on the first. The lock
 * must have been handed over when a wait for it timed out; request and response are not.
 */
void lock_layout_join(struct lock_merge *m, const struct lock_words *w);

/* Set `gil_layout` in the evidence (by root word) of every set that has the layout. */
void lock_layout_find(struct lock_evidence *by_root, const struct lock_words *w,
		      const struct lock_merge *m);

#endif
