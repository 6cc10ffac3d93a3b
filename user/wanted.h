/* SPDX-License-Identifier: MIT */
/* What the options about stacks and samples come to. */
#ifndef USER_WANTED_H
#define USER_WANTED_H

#include <stdint.h>

#include <giltrace/trace.h>

#include "opts.h"

struct wanted {
	uint32_t stacks;    /* enum gt_stacks */
	uint32_t sample_hz; /* 0 without GT_STACKS_ONCPU */
};

/* NULL, or what is wrong with the options, in words for the user. */
const char *wanted_stacks(const struct options *o, enum gt_target target, struct wanted *out);

#endif
