/* SPDX-License-Identifier: MIT */
#include "spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for the next of few; the first of them comes from the struct itself. */
static uint64_t *room(struct spread *s)
{
	uint64_t *few;

	if (s->count & (s->count - 1))
		return s->few;
	few = s->count == 1 ? malloc(2 * sizeof(*few))
			    : realloc(s->few, s->count * 2 * sizeof(*few));
	if (few && s->count == 1)
		few[0] = s->first;
	return few;
}

static int become_many(struct spread *s, uint64_t value)
{
	struct hist *many = calloc(1, sizeof(*many));
	int err = many ? hist_add(many, value) : -ENOMEM;

	for (uint64_t i = 0; i < s->count && !err; i++)
		err = hist_add(many, s->few[i]);
	if (err) {
		if (many)
			hist_free(many);
		free(many);
		return err;
	}
	free(s->few);
	s->many = many;
	s->count++;
	return 0;
}

int spread_add_few(struct spread *s, uint64_t value)
{
	uint64_t *few;

	if (s->count == SPREAD_FEW)
		return become_many(s, value);
	if (!s->count) {
		s->first = value;
		s->count = 1;
		return 0;
	}
	few = room(s);
	if (!few)
		return -ENOMEM;
	s->few = few;
	few[s->count++] = value;
	return 0;
}

static int value_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The same as if they were in a histogram: quantiles do not change where few become many. */
static uint64_t quantile_of_few(const struct spread *s, double q)
{
	uint64_t sorted[SPREAD_FEW], max, near;
	double rank = q * (double)s->count;
	size_t i = 0;

	memcpy(sorted, s->few, s->count * sizeof(*sorted));
	qsort(sorted, s->count, sizeof(*sorted), value_cmp);
	max = sorted[s->count - 1];
	if (q >= 1)
		return max;
	while (i + 1 < s->count && (double)(i + 1) < rank)
		i++;
	near = hist_near(sorted[i]);
	return near < max ? near : max;
}

uint64_t spread_quantile(const struct spread *s, double q)
{
	if (s->count <= 1)
		return s->first;
	return s->count <= SPREAD_FEW ? quantile_of_few(s, q) : hist_quantile(s->many, q);
}

static uint64_t sum_of(const struct spread *s)
{
	uint64_t sum = 0;

	if (s->count <= 1)
		return s->first;
	if (s->count > SPREAD_FEW)
		return hist_sum(s->many);
	for (uint64_t i = 0; i < s->count; i++)
		if (__builtin_add_overflow(sum, s->few[i], &sum))
			return UINT64_MAX;
	return sum;
}

struct result_spread spread_result(const struct spread *s)
{
	return (struct result_spread){
		.sum = sum_of(s),
		.p50 = spread_quantile(s, 0.5),
		.p99 = spread_quantile(s, 0.99),
		.max = spread_quantile(s, 1),
	};
}

void spread_release(struct spread *s)
{
	if (s->count > SPREAD_FEW) {
		hist_free(s->many);
		free(s->many);
	} else if (s->count > 1) {
		free(s->few);
	}
}
