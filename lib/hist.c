/* SPDX-License-Identifier: MIT */
#include "lib/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"

#define SUB_BITS 6
#define SUB (1 << SUB_BITS)

/* The middle of a bucket: at most half its width, 1/128 of the value, from anything in it. */
static uint64_t hist_value(unsigned int octave, unsigned int sub)
{
	unsigned int shift = octave ? octave - 1 : 0;

	if (!octave)
		return sub;
	return ((uint64_t)(SUB + sub) << shift) + ((1ULL << shift) >> 1);
}

static uint64_t *hist_octave(struct hist *h, unsigned int octave)
{
	if (!h->octaves[octave])
		h->octaves[octave] = calloc(SUB, sizeof(uint64_t));
	return h->octaves[octave];
}

static void hist_total(struct hist *h, uint64_t count, uint64_t sum, uint64_t max)
{
	h->count += count;
	if (__builtin_add_overflow(h->sum, sum, &h->sum))
		h->sum = UINT64_MAX;
	if (max > h->max)
		h->max = max;
}

static COLD int add_first(struct hist *h, unsigned int octave, unsigned int sub)
{
	uint64_t *buckets = hist_octave(h, octave);

	if (!buckets)
		return -ENOMEM;
	buckets[sub]++;
	return 0;
}

/* Octave 0 holds 0…63, octave k the values with highest bit k + 5. */
static inline unsigned int bucket_of(uint64_t value, unsigned int *sub)
{
	unsigned int high;

	*sub = (unsigned int)value;
	if (value < SUB)
		return 0;
	high = 63 - (unsigned int)__builtin_clzll(value);
	*sub = (value >> (high - SUB_BITS)) & (SUB - 1);
	return high - SUB_BITS + 1;
}

uint64_t hist_near(uint64_t value)
{
	unsigned int sub, octave = bucket_of(value, &sub);

	return hist_value(octave, sub);
}

int hist_add(struct hist *h, uint64_t value)
{
	unsigned int sub, octave = bucket_of(value, &sub);

	hist_total(h, 1, value, value);
	if (!h->octaves[octave])
		return add_first(h, octave, sub);
	h->octaves[octave][sub]++;
	return 0;
}

int hist_merge(struct hist *h, const struct hist *from)
{
	int err = 0;

	hist_total(h, from->count, from->sum, from->max);
	for (unsigned int i = 0; i < HIST_OCTAVES; i++) {
		uint64_t *buckets = from->octaves[i] ? hist_octave(h, i) : NULL;

		if (from->octaves[i] && !buckets)
			err = -ENOMEM;
		for (unsigned int k = 0; buckets && k < SUB; k++)
			buckets[k] += from->octaves[i][k];
	}
	return err;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	double rank = q * (double)h->count;
	uint64_t seen = 0;

	if (q >= 1)
		return h->max;
	for (unsigned int i = 0; i < HIST_OCTAVES; i++) {
		for (unsigned int k = 0; h->octaves[i] && k < SUB; k++) {
			uint64_t value = hist_value(i, k);

			seen += h->octaves[i][k];
			if (seen && (double)seen >= rank)
				return value < h->max ? value : h->max;
		}
	}
	return h->max;
}

uint64_t hist_count(const struct hist *h)
{
	return h->count;
}

uint64_t hist_sum(const struct hist *h)
{
	return h->sum;
}

uint64_t hist_max(const struct hist *h)
{
	return h->max;
}

void hist_free(struct hist *h)
{
	for (unsigned int i = 0; i < HIST_OCTAVES; i++)
		free(h->octaves[i]);
	memset(h, 0, sizeof(*h));
}
