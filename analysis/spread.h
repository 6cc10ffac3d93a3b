/* SPDX-License-Identifier: MIT */
/*
 * A spread of durations that costs little while there are few: most futex words are waited on once,
 * and most threads wait for a lock a few times.
 */
#ifndef ANALYSIS_SPREAD_H
#define ANALYSIS_SPREAD_H

#include "lib/cold.h"
#include "lib/hist.h"
#include "results.h"

#define SPREAD_FEW 32

/* A zeroed struct is empty. */
struct spread {
	uint64_t count;
	union {
		uint64_t first;	   /* of one: the value */
		uint64_t *few;	   /* of up to SPREAD_FEW: all of them, room for a power of two */
		struct hist *many; /* of more: all of them */
	};
};

COLD int spread_add_few(struct spread *s, uint64_t value); /* as long as they are few */

static inline int spread_add(struct spread *s, uint64_t value) /* 0 or -ENOMEM: it is left out */
{
	if (s->count < SPREAD_FEW + 1)
		return spread_add_few(s, value);
	s->count++;
	return hist_add(s->many, value);
}

uint64_t spread_quantile(const struct spread *s, double q); /* 0 when empty */
struct result_spread spread_result(const struct spread *s);
void spread_release(struct spread *s);

#endif
