/* SPDX-License-Identifier: MIT */
#include "clock.h"

uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t clock_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
