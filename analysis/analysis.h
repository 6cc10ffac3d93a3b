/* SPDX-License-Identifier: MIT */
/*
 * The table of analyses. Each asks one question of the model's second pass and answers it in struct
 * results. To add one: write a file with a `const struct analysis NAME_analysis` at its end and add
 * its row to the table in analysis.c. Rows are fed, and later asked for results, in the table's
 * order.
 */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include "model.h"
#include "results.h"

struct parallelism;
struct stacks;

/* What every analysis of one pass may look at; it outlives all of them. */
struct analysis_context {
	const struct gt_meta
		*meta;		  /* `end` is the window's true end, also when the recorder died */
	struct lock_table *locks; /* what the first pass found */
	const struct model *model;
	struct parallelism *parallelism; /* NULL until its row was made: rows after it may use it */
	struct stacks *stacks;		 /* likewise */
	struct gt_reader_stats reader; /* of the whole file; filled before results are asked for */
	bool clocks_only; /* parallelism is here for others to read its clocks, not for results */
};

/*
 * A pass's rows can be divided into two lanes, each with a model of its own that is fed the same
 * records: so two threads can share the work, and no row can tell the difference.
 */
enum analysis_lane { ANALYSIS_REST = 1 << 0, ANALYSIS_LOCKS = 1 << 1 };

struct analysis {
	const char *name;
	/* enum analysis_lane: where it is; 0: with the rest. In several: results are of the rest's. */
	unsigned int lanes;
	bool (*wanted)(const struct gt_meta *meta); /* NULL: always; otherwise the row is skipped */
	const struct model_sink *sink; /* called with what `new` returned */
	/* NULL when out of memory. */
	void *(*new)(struct analysis_context *ctx);
	/* Fill this analysis's part of `out`, after the model has finished. 0 or -errno. */
	int (*results)(void *self, const struct analysis_context *ctx, struct results *out);
	void (*free)(void *self); /* accepts NULL */
};

#define ANALYSIS_MAX 16

/* `wanted` of rows that have nothing to do where no stacks were taken. */
bool analysis_stacks_wanted(const struct gt_meta *meta);

/* One pass's worth of running analyses. */
struct analysis_set {
	struct analysis_context ctx;
	unsigned int lanes;
	struct analysis_set *beside; /* where the rows are that are not here */
	void *self[ANALYSIS_MAX];
};

/* Make every row and add its sink to `m`. 0 or -ENOMEM; release the set in either case. */
int analysis_set_init(struct analysis_set *set, struct model *m, const struct gt_meta *meta,
		      struct lock_table *locks);
/* Likewise the rows of two lanes, each beside a model. Results are asked of the first. */
int analysis_set_divide(struct analysis_set sets[2], struct model *const m[2],
			const struct gt_meta *meta, struct lock_table *locks);
int analysis_set_results(struct analysis_set *set, struct results *out);
void analysis_set_release(struct analysis_set *set);

#endif
