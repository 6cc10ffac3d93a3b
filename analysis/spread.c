/* SPDX-License-Identifier: MIT */
#include "spread.h"

#include <errno.h>
#include <stdlib.h>

int spread_add_first(struct spread *s, uint64_t value)
{
	if (s->count++ == 0) {
		s->first = value;
		return 0;
	}
	s->rest = calloc(1, sizeof(*s->rest));
	if (!s->rest || hist_add(s->rest, s->first))
		return -ENOMEM;
	return hist_add(s->rest, value);
}

uint64_t spread_quantile(const struct spread *s, double q)
{
	return s->rest ? hist_quantile(s->rest, q) : s->first;
}

struct result_spread spread_result(const struct spread *s)
{
	return (struct result_spread){
		.sum = s->rest ? hist_sum(s->rest) : s->first,
		.p50 = spread_quantile(s, 0.5),
		.p99 = spread_quantile(s, 0.99),
		.max = s->rest ? hist_max(s->rest) : s->first,
	};
}

void spread_release(struct spread *s)
{
	if (s->rest)
		hist_free(s->rest);
	free(s->rest);
}
