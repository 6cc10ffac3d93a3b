/* SPDX-License-Identifier: MIT */
/*
 * Quantiles of durations. Buckets are log-linear: 64 equal ones between each power of two and the
 * next, so a quantile is at most 1/64 of its value too low or too high, however long the tail.
 * Count, sum and maximum are exact.
 */
#ifndef LIB_HIST_H
#define LIB_HIST_H

#include <stdint.h>

#define HIST_OCTAVES 59 /* values below 64, then one for each power of two */

/* A zeroed struct is an empty histogram. Memory is taken octave by octave, as values appear. */
struct hist {
	uint64_t *octaves[HIST_OCTAVES];
	uint64_t count, sum, max; /* read them through the functions */
};

/* 0 or -ENOMEM; then sum, count and max include the value and only quantiles miss it. */
int hist_add(struct hist *h, uint64_t value);

/* Add all of `from` to `h`. 0 or -ENOMEM, likewise. */
int hist_merge(struct hist *h, const struct hist *from);

/* The value that a share q (0…1) of all values does not exceed; 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);

/* What a histogram takes this value for: the middle of its bucket. */
uint64_t hist_near(uint64_t value);

uint64_t hist_count(const struct hist *h);
uint64_t hist_sum(const struct hist *h); /* stops at UINT64_MAX */
uint64_t hist_max(const struct hist *h);

void hist_free(struct hist *h); /* frees what it owns, not the struct; leaves an empty histogram */

#endif
