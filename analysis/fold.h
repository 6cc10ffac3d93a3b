/* SPDX-License-Identifier: MIT */
/*
 * Time by what explains it: thread, state, stack and, for locks, who made the lock available. What
 * flame graphs draw. The sums of a kind are those of the threads' states, to the nanosecond, since
 * both are made of the same transitions.
 */
#ifndef ANALYSIS_FOLD_H
#define ANALYSIS_FOLD_H

#include "analysis.h"

extern const struct analysis fold_analysis;

#endif
