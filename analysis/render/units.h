/* SPDX-License-Identifier: MIT */
/*
 * Numbers for people: three significant digits and a unit. Values that are unknown (RESULT_UNKNOWN,
 * negative or not finite) read "-", so that no made-up zero is ever printed.
 */
#ifndef ANALYSIS_RENDER_UNITS_H
#define ANALYSIS_RENDER_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNITS_SIZE 24

struct units {
	char text[UNITS_SIZE];
};

struct units units_time(uint64_t ns, bool unicode); /* "12.3 ms"; the micro sign needs `unicode` */
struct units units_count(uint64_t n);		    /* "98765", "1.23 M" */
struct units units_bytes(uint64_t n);		    /* "1.23 MB", powers of 1000 */
struct units units_share(double share);		    /* of 0…1: "97.3 %", "<0.1 %" */
struct units units_factor(double x);		    /* "1.97" */

/* part ÷ whole; negative (unknown) when whole is 0 or either is RESULT_UNKNOWN. */
double units_ratio(uint64_t part, uint64_t whole);

#endif
