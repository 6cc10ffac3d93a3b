/* SPDX-License-Identifier: MIT */
/* One pass: a trace's records, from the first to the last, into models. */
#ifndef ANALYSIS_FEED_H
#define ANALYSIS_FEED_H

#include "model.h"

#define FEED_MODELS 2

/*
 * Every one of `n` models gets every record and is finished. With at least two jobs each has a
 * thread of its own, and reading too where there is a job for it; otherwise, or where no threads
 * can be had, the caller does everything. 0 or -errno.
 */
int feed(struct gt_reader *reader, unsigned int jobs, struct model *const *models, unsigned int n);

#endif
