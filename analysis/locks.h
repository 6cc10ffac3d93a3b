/* SPDX-License-Identifier: MIT */
/*
 * Per lock and per event: who waited, how long, from whom to whom it went. Its row comes after
 * parallelism's.
 */
#ifndef ANALYSIS_LOCKS_H
#define ANALYSIS_LOCKS_H

#include "analysis.h"

extern const struct analysis locks_analysis;

#endif
