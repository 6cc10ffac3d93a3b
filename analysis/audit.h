/* SPDX-License-Identifier: MIT */
/*
 * The model's run times against the sums that the kernel side kept: equal sums prove that nothing
 * was lost on the way from the hook to the report, not that the hook is right.
 */
#ifndef ANALYSIS_AUDIT_H
#define ANALYSIS_AUDIT_H

#include "analysis.h"

extern const struct analysis audit_analysis;

#endif
