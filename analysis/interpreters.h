/* SPDX-License-Identifier: MIT */
/*
 * What the recorder said of the programs it watched: what they interpret with, and what could not
 * be done. Its row comes after the processes'.
 */
#ifndef ANALYSIS_INTERPRETERS_H
#define ANALYSIS_INTERPRETERS_H

#include "analysis.h"

extern const struct analysis interpreters_analysis;

#endif
