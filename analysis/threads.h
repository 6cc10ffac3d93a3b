/* SPDX-License-Identifier: MIT */
/* Each thread's time by state, its switches, wakeups and migrations; and processes as the sums of
 * theirs. */
#ifndef ANALYSIS_THREADS_H
#define ANALYSIS_THREADS_H

#include "analysis.h"

extern const struct analysis threads_analysis;
extern const struct analysis
	processes_analysis; /* reads results.threads: its row stands after theirs */

#endif
