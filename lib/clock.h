/* SPDX-License-Identifier: MIT */
/* Clocks in the unit that everything here is told in. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* ns on `clock`. */
uint64_t clock_ns(clockid_t clock);

/* ns on CLOCK_MONOTONIC, the clock of all records. */
uint64_t clock_monotonic(void);

#endif
