/* SPDX-License-Identifier: MIT */
/*
 * The stacks of a trace by their numbers. A stack may be told after its first use, or never when
 * its process had gone: so numbers are looked up only when the whole trace has been read.
 */
#ifndef ANALYSIS_STACKS_H
#define ANALYSIS_STACKS_H

#include "analysis.h"

struct stacks;

/*
 * Index + 1 into results.stacks of GT_STACK's number `id`; 0 for 0. One that was never told is
 * shown as a single frame that says so. Valid once stacks_analysis has given its results.
 */
uint32_t stacks_index(const struct stacks *s, uint32_t id);

extern const struct analysis stacks_analysis;

#endif
