/* SPDX-License-Identifier: MIT */
/*
 * Two runs side by side: A is what B is compared with. Wall time is the length of a run's window,
 * so it holds what nobody ran in (time asleep, waiting for input) as well.
 */
#ifndef ANALYSIS_COMPARE_H
#define ANALYSIS_COMPARE_H

#include <stdint.h>

#include "results.h"

enum compare_unit { COMPARE_NS, COMPARE_COUNT, COMPARE_FACTOR, COMPARE_SHARE };

/* One run in few numbers. Times are ns, those of states summed over all threads. */
struct compare_run {
	uint64_t wall, active;
	uint64_t processes, threads;
	double average, attainable, efficiency, serialized_share,
		starved_share; /* negative: unknown */
	uint64_t lock_loss;
	uint64_t lock_waits,
		lock_wait; /* over all locks: waits, and from first block to going on */
	uint64_t run, runnable, lock, event, io, kernel_lock, sleep, other, unknown;
	uint64_t switches, migrations;
};

/* A number of both runs. */
struct compare_row {
	const char *name; /* JSON key and the row's title */
	enum compare_unit unit;
	double a, b;  /* ns, a count, a factor or a share, by unit; negative: unknown */
	double ratio; /* b ÷ a; negative: a is 0, or one of them is unknown */
};

#define COMPARE_ROWS_MAX 24

struct comparison {
	const struct results *a, *b;
	struct compare_run run_a, run_b;
	double wall_ratio; /* wall of A ÷ wall of B, above 1 when B is faster; negative: unknown */
	struct compare_row rows[COMPARE_ROWS_MAX];
	size_t nrows;
	char *sentence; /* one line: how much faster, and what changed with it */
};

/* Compare two runs. The results stay the caller's and must outlive the comparison. 0 or -ENOMEM. */
int compare_make(const struct results *a, const struct results *b, struct comparison *out);

void compare_free(struct comparison *c); /* what it owns, not the struct; accepts NULL */

#endif
