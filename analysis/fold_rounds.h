/* SPDX-License-Identifier: MIT */
/*
 * A wait for a lock may take many rounds: each that a timer ends was ended by nobody, yet who ends
 * the last one made the thread wait through all of them. Rounds are put by until that shows.
 */
#ifndef ANALYSIS_FOLD_ROUNDS_H
#define ANALYSIS_FOLD_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* Rounds of one thread, one lock and one stack. */
struct fold_round {
	uint32_t lock, stack; /* group's id; the trace's number of a stack */
	uint64_t ns, count;   /* 0: none */
	uint64_t resumed;     /* when the thread last ran on after one of them; 0: it has not yet */
};

/* A zeroed struct holds nothing. */
struct fold_rounds {
	struct fold_round *at; /* by struct thread.index */
	size_t n;
};

/* The thread's rounds so far, maybe none; NULL: out of memory. Valid until the next call. */
struct fold_round *fold_rounds_of(struct fold_rounds *r, const struct thread *t);

/* Does `t`, about to block at `now` on group `lock`, go on with the wait its rounds are of? */
bool fold_round_goes_on(const struct fold_round *round, uint32_t lock, uint64_t now);

void fold_rounds_release(struct fold_rounds *r);

#endif
