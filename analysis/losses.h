/* SPDX-License-Identifier: MIT */
/* What was not recorded, and how much thread-time is unknown for it. */
#ifndef ANALYSIS_LOSSES_H
#define ANALYSIS_LOSSES_H

#include "analysis.h"

#define LOSSES_LIMIT                                                                               \
	0.01 /* share of all threads' life that may be unknown before a verdict is refused */

extern const struct analysis
	losses_analysis; /* reads results.threads: its row stands after theirs */

#endif
