/* SPDX-License-Identifier: MIT */
/* Who woke whom, and on which lock. */
#ifndef ANALYSIS_WAKEUPS_H
#define ANALYSIS_WAKEUPS_H

#include "analysis.h"

extern const struct analysis wakeups_analysis;

#endif
