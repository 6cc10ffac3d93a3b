/* SPDX-License-Identifier: MIT */
/* Each thread's part in each lock or event: sums by (group, thread). */
#ifndef ANALYSIS_LOCK_PARTS_H
#define ANALYSIS_LOCK_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "../lib/map.h"

#define LOCK_PARTS_MAX (1U << 22) /* a hostile trace may have any number */

struct lock_part {
	uint32_t group;			   /* index in the lock table */
	uint32_t thread;		   /* struct thread.index */
	uint64_t waits, wait, holds, held; /* times in ns */
};

/* A zeroed struct is empty. */
struct lock_parts {
	struct map index;
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
