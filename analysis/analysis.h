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
};

struct analysis {
	const char *name;
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
	void *self[ANALYSIS_MAX];
};

/* Make every row and add its sink to `m`. 0 or -ENOMEM; release the set in either case. */
int analysis_set_init(struct analysis_set *set, struct model *m, const struct gt_meta *meta,
		      struct lock_table *locks);
int analysis_set_results(struct analysis_set *set, struct results *out);
void analysis_set_release(struct analysis_set *set);

#endif
