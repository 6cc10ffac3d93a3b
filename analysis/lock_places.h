/* SPDX-License-Identifier: MIT */
/*
 * Numbers 0, 1, 2 … for places in memory: (address space, address). What is known of a place is
 * kept by the caller in an array by that number.
 */
#ifndef ANALYSIS_LOCK_PLACES_H
#define ANALYSIS_LOCK_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"

#define LOCK_PLACES_NONE UINT32_MAX

struct lock_place {
	uint64_t addr;
	uint32_t as;
	uint32_t number; /* + 1; 0: a free slot */
};

/* A zeroed struct is empty. */
struct lock_places {
	struct lock_place *slots; /* open addressing: a place is in its home or behind it */
	uint32_t bits;		  /* 1 << bits slots, if any */
	uint32_t n;
};

/* Where to look for it first. */
static inline size_t lock_places_home(const struct lock_places *p, uint32_t as, uint64_t addr)
{
	return hash_pair(addr, as) >> (64 - p->bits);
}

/* The place's number, or LOCK_PLACES_NONE. */
static inline uint32_t lock_places_find(const struct lock_places *p, uint32_t as, uint64_t addr)
{
	size_t i, mask = ((size_t)1 << p->bits) - 1;

	if (!p->slots)
		return LOCK_PLACES_NONE;
	for (i = lock_places_home(p, as, addr); p->slots[i].number; i = (i + 1) & mask)
		if (p->slots[i].addr == addr && p->slots[i].as == as)
			return p->slots[i].number - 1;
	return LOCK_PLACES_NONE;
}

/* The same for a place that is not there yet. LOCK_PLACES_NONE: out of memory. */
uint32_t lock_places_add(struct lock_places *p, uint32_t as, uint64_t addr);

void lock_places_release(struct lock_places *p);

#endif
