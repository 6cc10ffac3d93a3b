/* SPDX-License-Identifier: MIT */
/*
 * What the recorder said of the programs it watched: what they interpret with, and what could not
 * be done. Its row comes after the processes'.
 */
#ifndef ANALYSIS_INTERPRETERS_H
#define ANALYSIS_INTERPRETERS_H

#include "analysis.h"

/*
 * Was the interpreter of `p` seen to run, not only to be linked? By its lock's waits or probes, or
 * because the program is the interpreter: the rows of locks must be there.
 */
bool interpreters_ran(const struct results *r, const struct result_process *p);

extern const struct analysis interpreters_analysis;

#endif
