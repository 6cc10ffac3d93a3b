/* SPDX-License-Identifier: MIT */
/*
 * Numbers 0, 1, 2 … for places in memory: (address space, address). What is known of a place is
 * kept by the caller in an array by that number.
 */
#ifndef ANALYSIS_LOCK_PLACES_H
#define ANALYSIS_LOCK_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "../lib/map.h"

#define LOCK_PLACES_NONE UINT32_MAX

struct lock_place {
	uint64_t addr;
	uint32_t as;
	uint32_t next; /* with the same key in the map: a place has 96 bits, a key 64 */
};

/* A zeroed struct is empty. */
struct lock_places {
	struct map map;
	struct lock_place *at;
	size_t n, room;
};

/* The place's number, or LOCK_PLACES_NONE. */
uint32_t lock_places_find(const struct lock_places *p, uint32_t as, uint64_t addr);

/* The same for a place that is not there yet. LOCK_PLACES_NONE: out of memory. */
uint32_t lock_places_add(struct lock_places *p, uint32_t as, uint64_t addr);

void lock_places_release(struct lock_places *p);

#endif
