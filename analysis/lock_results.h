/* SPDX-License-Identifier: MIT */
/* What the second pass kept of each lock and event, as rows of the results. */
#ifndef ANALYSIS_LOCK_RESULTS_H
#define ANALYSIS_LOCK_RESULTS_H

#include "analysis.h"
#include "lock_blame.h"
#include "lock_shares.h"

struct lock_results {
	const struct analysis_context *ctx;
	struct lock_books *books;
	const struct lock_shares *shares;
	const struct lock_probed *probed; /* NULL: nothing was probed */
};

/* Every thread's part in one lock. Behind the first n, up to all: those not worth a row. */
struct lock_result_parts {
	const struct lock_part *at;
	size_t n, all;
};

/* Its threads, holds and pairs: lock_holders.c. 0 or -ENOMEM. */
int lock_holders(const struct lock_results *l, uint32_t lock, struct lock_result_parts parts,
		 struct result_lock *r);

/* Fills out->locks and out->events. Once, after the model has finished. 0 or -ENOMEM. */
int lock_results(const struct lock_results *l, struct results *out);

#endif
