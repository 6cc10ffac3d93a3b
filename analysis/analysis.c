/* SPDX-License-Identifier: MIT */
#include "analysis.h"

#include <errno.h>

#include "audit.h"
#include "fold.h"
#include "interpreters.h"
#include "locks.h"
#include "losses.h"
#include "occupancy.h"
#include "parallelism.h"
#include "stacks.h"
#include "threads.h"
#include "verdict.h"
#include "wakeups.h"

/*
 * In this order they hear of each change, and in this order they give their results: locks read
 * parallelism's clocks, processes sum the threads' rows, fold looks stacks up by what came of their
 * numbers, and the verdict reads everyone's.
 */
static const struct analysis *const analyses[] = {
	&threads_analysis,   &processes_analysis, &interpreters_analysis, &parallelism_analysis,
	&occupancy_analysis, &locks_analysis,	  &wakeups_analysis,	  &stacks_analysis,
	&fold_analysis,	     &losses_analysis,	  &audit_analysis,	  &verdict_analysis,
};

#define ANALYSES (sizeof(analyses) / sizeof(analyses[0]))

_Static_assert(ANALYSES <= ANALYSIS_MAX, "ANALYSIS_MAX is too small");

bool analysis_stacks_wanted(const struct gt_meta *meta)
{
	return meta->stacks != 0;
}

static bool is_wanted(const struct analysis *a, const struct gt_meta *meta)
{
	return !a->wanted || a->wanted(meta);
}

static bool is_in(const struct analysis *a, unsigned int lanes)
{
	return lanes & (a->lanes ? a->lanes : ANALYSIS_REST);
}

static int set_init(struct analysis_set *set, unsigned int lanes, struct model *m,
		    const struct gt_meta *meta, struct lock_table *locks)
{
	int err = 0;

	*set = (struct analysis_set){ .lanes = lanes,
				      .ctx = { .meta = meta, .locks = locks, .model = m } };
	set->ctx.clocks_only = !(lanes & ANALYSIS_REST);
	for (size_t i = 0; i < ANALYSES && !err; i++) {
		if (!analyses[i]->new || !is_in(analyses[i], lanes) ||
		    !is_wanted(analyses[i], meta))
			continue;
		set->self[i] = analyses[i]->new (&set->ctx);
		if (!set->self[i])
			return -ENOMEM;
		if (analyses[i]->sink)
			err = model_add_sink(m, analyses[i]->sink, set->self[i]);
	}
	return err;
}

int analysis_set_init(struct analysis_set *set, struct model *m, const struct gt_meta *meta,
		      struct lock_table *locks)
{
	return set_init(set, ANALYSIS_REST | ANALYSIS_LOCKS, m, meta, locks);
}

int analysis_set_divide(struct analysis_set sets[2], struct model *const m[2],
			const struct gt_meta *meta, struct lock_table *locks)
{
	int err = set_init(&sets[0], ANALYSIS_REST, m[0], meta, locks);
	int beside = set_init(&sets[1], ANALYSIS_LOCKS, m[1], meta, locks);

	sets[0].beside = &sets[1];
	return err ? err : beside;
}

int analysis_set_results(struct analysis_set *set, struct results *out)
{
	int err = 0;

	for (size_t i = 0; i < ANALYSES && !err; i++) {
		const struct analysis_set *home = is_in(analyses[i], set->lanes) ? set
										 : set->beside;

		if (analyses[i]->results && is_wanted(analyses[i], set->ctx.meta))
			err = analyses[i]->results(home->self[i], &set->ctx, out);
	}
	return err;
}

void analysis_set_release(struct analysis_set *set)
{
	for (size_t i = 0; i < ANALYSES; i++)
		if (analyses[i]->free)
			analyses[i]->free(set->self[i]);
}
