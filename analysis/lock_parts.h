/* SPDX-License-Identifier: MIT */
/* Each thread's part in each lock or event: sums by (group, thread). */
#ifndef ANALYSIS_LOCK_PARTS_H
#define ANALYSIS_LOCK_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "lock_row.h"
#include "pairs.h"
#include "spread.h"

#define LOCK_PARTS_MAX (1U << 20) /* a hostile trace may have any number */

/* What a thread has spent on a CPU, and waiting for one, so far: ns. */
struct lock_clock {
	uint64_t run, runnable;
};

struct lock_part {
	uint32_t group;	      /* number of the lock */
	uint32_t thread;      /* struct thread.index */
	bool probed;	      /* a probe has told of it */
	struct lock_row *row; /* who kept it waiting; NULL: it has not waited */
	/* Times in ns. */
	uint64_t waits, wait, wait_runnable, wait_running, races_lost;
	uint64_t holds, held, held_running, held_runnable;
	uint64_t acquisitions, releases;
	struct spread io; /* from the waking by data to having the lock */
	/* lock_exact.c: it holds the lock; 0: it does not. */
	uint64_t holding;
	struct lock_clock holding_at;
};

/* A zeroed struct is empty. */
struct lock_parts {
	struct pairs index; /* group, thread */
	struct lock_part *at;
	size_t n, room;
};

/*
 * Found or made. Valid until the next call; NULL when out of memory or, in a hostile trace, of
 * room.
 */
struct lock_part *lock_parts_get(struct lock_parts *p, uint32_t group, uint32_t thread);

/* Sort by group, then thread. Nothing can be looked up or added afterwards. */
void lock_parts_sort(struct lock_parts *p);

void lock_parts_release(struct lock_parts *p);

#endif
