/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "feed.h"
#include "model_losses.h"

static void verdict_free(struct result_verdict *v)
{
	for (size_t i = 0; i < v->nevidence; i++)
		free(v->evidence[i]);
	free(v->evidence);
	free(v->sentence);
}

static void processes_free(struct results *r)
{
	for (size_t i = 0; i < r->nprocesses; i++) {
		free(r->processes[i].comm);
		free(r->processes[i].exe);
		free(r->processes[i].interpreter.name);
		free(r->processes[i].interpreter.image);
		free(r->processes[i].parallelism.histogram);
		verdict_free(&r->processes[i].verdict);
	}
	free(r->processes);
}

static void locks_free(struct results *r)
{
	for (size_t i = 0; i < r->nlocks; i++) {
		free(r->locks[i].processes);
		free(r->locks[i].explains_of_process);
		free(r->locks[i].name);
		free(r->locks[i].image);
		free(r->locks[i].words);
		for (size_t j = 0; j < r->locks[i].nrecognised_by; j++)
			free(r->locks[i].recognised_by[j]);
		free(r->locks[i].recognised_by);
		free(r->locks[i].by_thread);
		free(r->locks[i].pairs);
	}
	free(r->locks);
}

static void events_free(struct results *r)
{
	for (size_t i = 0; i < r->nevents; i++) {
		free(r->events[i].processes);
		free(r->events[i].name);
		free(r->events[i].words);
	}
	free(r->events);
}

static void stacks_free(struct results *r)
{
	for (size_t i = 0; i < r->nframes; i++) {
		free(r->frames[i].name);
		free(r->frames[i].image);
		free(r->frames[i].file);
	}
	for (size_t i = 0; i < r->nstacks; i++)
		free(r->stacks[i].frames);
	free(r->frames);
	free(r->stacks);
	free(r->weights);
}

void results_free(struct results *r)
{
	verdict_free(&r->verdict);
	free(r->parallelism.histogram);
	free(r->cpus);
	free(r->occupancy);
	processes_free(r);
	for (size_t i = 0; i < r->nthreads; i++)
		free(r->threads[i].comm);
	free(r->threads);
	locks_free(r);
	events_free(r);
	free(r->futex_calls);
	free(r->wakeups);
	stacks_free(r);
	for (size_t i = 0; i < r->nnotes; i++)
		free(r->notes[i].text);
	free(r->notes);
	memset(r, 0, sizeof(*r));
}

/* First pass: what is each futex word, and when were records lost? */
static int find_locks(struct gt_reader *reader, unsigned int jobs, const struct gt_meta *meta,
		      struct lock_table **locks, struct model_losses *losses, uint64_t *dropped)
{
	struct model *m = model_new(meta, NULL);
	struct lock_finder *finder = lock_finder_new();
	int err = -ENOMEM;

	*locks = NULL;
	if (!m || !finder)
		goto out;
	model_collect_losses(m, losses);
	err = model_add_sink(m, lock_finder_sink(), finder);
	if (!err)
		err = feed(reader, jobs, &m, 1);
	if (err)
		goto out;
	*dropped = lock_finder_dropped(finder);
	*locks = lock_finder_table(finder);
	if (!*locks)
		err = -ENOMEM;
out:
	lock_finder_free(finder);
	model_free(m);
	return err;
}

/* Second pass: measure, on one model or beside two. */
static int measure(struct gt_reader *reader, unsigned int jobs, const struct gt_meta *meta,
		   struct lock_table *locks, const struct model_losses *losses, struct results *out)
{
	struct model *m[2] = { NULL };
	struct analysis_set sets[2] = { 0 };
	unsigned int lanes = jobs > 1 ? 2 : 1;
	int err = 0;

	for (unsigned int i = 0; i < lanes && !err; i++) {
		m[i] = model_new(meta, locks);
		err = m[i] ? model_expect_losses(m[i], losses) : -ENOMEM;
	}
	if (!err)
		err = lanes > 1 ? analysis_set_divide(sets, m, meta, locks)
				: analysis_set_init(sets, m[0], meta, locks);
	if (!err)
		err = feed(reader, jobs, m, lanes);
	if (err)
		goto out;
	gt_reader_stats(reader, &sets[0].ctx.reader);
	out->start = model_window_start(m[0]);
	out->end = model_now(m[0]);
	err = analysis_set_results(sets, out);
out:
	for (unsigned int i = 0; i < lanes; i++) {
		analysis_set_release(&sets[i]);
		model_free(m[i]);
	}
	return err;
}

int results_from_trace(struct gt_reader *reader, unsigned int jobs, struct results *out)
{
	const struct gt_meta *meta = gt_reader_meta(reader);
	struct gt_reader_stats stats;
	struct lock_table *locks;
	struct gt_meta window = *meta;
	struct model_losses losses = { 0 };
	uint64_t dropped = 0;
	int err;

	memset(out, 0, sizeof(*out));
	err = find_locks(reader, jobs, meta, &locks, &losses, &dropped);
	if (err)
		goto out;
	/* The recorder died: what the last mark closed is complete up to the mark. */
	gt_reader_stats(reader, &stats);
	if (!window.end)
		window.end = stats.last_mark;
	out->meta = meta;
	out->losses.left_out = dropped;
	err = measure(reader, jobs, &window, locks, &losses, out);
	lock_table_free(locks);
	if (err)
		results_free(out);
out:
	model_losses_free(&losses);
	return err;
}
