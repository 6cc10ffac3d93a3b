/* SPDX-License-Identifier: MIT */
/*
 * From pairs of small numbers (a word and a thread, two words) to an index into the caller's array.
 * Analyses ask for the same few pairs over and over: where one was found last is looked at before
 * the map.
 */
#ifndef ANALYSIS_PAIRS_H
#define ANALYSIS_PAIRS_H

#include "lib/map.h"

#define PAIRS_LAST 1024
#define PAIRS_NONE UINT32_MAX

/* A zeroed struct is empty. */
struct pairs {
	struct map map;
	struct {
		uint64_t key;
		uint32_t at; /* + 1; 0: none */
	} last[PAIRS_LAST];
};

static inline uint64_t pairs_key(uint32_t a, uint32_t b)
{
	return (uint64_t)a << 32 | b;
}

/* Of 16 by 64 each has its own. */
static inline uint32_t pairs_place(uint32_t a, uint32_t b)
{
	return (b * 16 + a) % PAIRS_LAST;
}

/* Its index, if the pair is where it was found last; or PAIRS_NONE. */
static inline uint32_t pairs_hint(const struct pairs *p, uint32_t a, uint32_t b)
{
	uint32_t place = pairs_place(a, b);

	return p->last[place].key == pairs_key(a, b) ? p->last[place].at - 1 : PAIRS_NONE;
}

/* The same without hints, of which this makes one. */
uint32_t pairs_look(struct pairs *p, uint32_t a, uint32_t b);

static inline uint32_t pairs_get(struct pairs *p, uint32_t a, uint32_t b)
{
	uint32_t at = pairs_hint(p, a, b);

	return at != PAIRS_NONE ? at : pairs_look(p, a, b);
}

/* Add or replace. 0 or -ENOMEM (nothing has changed). */
int pairs_put(struct pairs *p, uint32_t a, uint32_t b, uint32_t at);

/* As pairs_look(), leaving no hint. */
uint32_t pairs_find(const struct pairs *p, uint32_t a, uint32_t b);

void pairs_free(struct pairs *p); /* what it owns, not the struct; leaves it empty */

#endif
