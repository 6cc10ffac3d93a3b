/* SPDX-License-Identifier: MIT */
/* Makes the results' weights of the facts that time was summed by: one fact may count for two kinds
 * of stacks, and facts that differ in what a kind leaves out are one weight of it. */
#ifndef ANALYSIS_FOLD_WEIGHTS_H
#define ANALYSIS_FOLD_WEIGHTS_H

#include "analysis.h"
#include "fold_facts.h"

/* Sets `out->weights` and their sums, and needs its stacks. 0 or -ENOMEM. */
int fold_weights(const struct fold_facts *facts, const struct analysis_context *ctx,
		 struct results *out);

#endif
