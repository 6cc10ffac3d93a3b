/* SPDX-License-Identifier: MIT */
/*
 * Programs of two runs that stand for each other. Programs of one name do; where the runs are of
 * two programs (one with threads, one with processes), the heaviest that only A has stands for the
 * heaviest that only B has.
 */
#ifndef ANALYSIS_RENDER_STACK_PROGRAMS_H
#define ANALYSIS_RENDER_STACK_PROGRAMS_H

#include <analysis/results.h>

/* The pair of different names; NULL where a run has no program of its own. Owned by the results. */
struct stack_programs {
	const char *a, *b;
};

/* By the weights of `kind`. 0 or -ENOMEM. */
int stack_programs_odd(const struct results *a, const struct results *b, enum stack_kind kind,
		       struct stack_programs *out);

#endif
