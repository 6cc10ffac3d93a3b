/* SPDX-License-Identifier: MIT */
/* How each CPU's window was spent, and which thread held which CPU for how long. */
#ifndef ANALYSIS_OCCUPANCY_H
#define ANALYSIS_OCCUPANCY_H

#include "analysis.h"

extern const struct analysis occupancy_analysis;

#endif
