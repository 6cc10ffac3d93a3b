/* SPDX-License-Identifier: MIT */
/*
 * A spread of durations that costs little while there is only one: most futex words are waited on
 * once.
 */
#ifndef ANALYSIS_SPREAD_H
#define ANALYSIS_SPREAD_H

#include "lib/cold.h"
#include "lib/hist.h"
#include "results.h"

/* A zeroed struct is empty. */
struct spread {
	uint64_t first;
	uint64_t count;
	struct hist *rest; /* from the second value on, all of them */
};

COLD int spread_add_first(struct spread *s, uint64_t value); /* one of the first two */

static inline int spread_add(struct spread *s, uint64_t value) /* 0 or -ENOMEM */
{
	if (!s->rest)
		return spread_add_first(s, value);
	s->count++;
	return hist_add(s->rest, value);
}

uint64_t spread_quantile(const struct spread *s, double q); /* 0 when empty */
struct result_spread spread_result(const struct spread *s);
void spread_release(struct spread *s);

#endif
