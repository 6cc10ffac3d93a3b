/* SPDX-License-Identifier: MIT */
/*
 * Numbers from people: the whole string is the number (no spaces, no sign, no trailing letters),
 * and it lies in the range. Each returns 0, -EINVAL (no number), or -ERANGE, and leaves *out alone
 * unless 0.
 */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <stddef.h>
#include <stdint.h>

int parse_u64(const char *s, uint64_t min, uint64_t max,
	      uint64_t *out); /* decimal, or hexadecimal after 0x */
int parse_double(const char *s, double min, double max,
		 double *out); /* 12, 0.5, 1e3; no inf, nan, hex */

/* A size in bytes, optionally in K, M or G (1024 each, either case), as in 64K. */
int parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* Numbers parted by commas, into a list to be freed: 0, -EINVAL (also for an empty one), -ERANGE or
 * -ENOMEM. */
int parse_list(const char *s, uint64_t min, uint64_t max, uint64_t **out, size_t *n);

#endif
