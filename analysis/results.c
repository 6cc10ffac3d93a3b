/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "lib/trace_ahead.h"
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

static int feed_batch(struct model *m, const struct gt_batch *b)
{
	int err = 0;

	for (uint32_t i = 0; i < b->n && !err; i++)
		err = model_event(m, &b->events[i]);
	return err;
}

static int feed_alone(struct gt_reader *reader, struct model *m)
{
	struct gt_batch *batch = calloc(1, sizeof(*batch));
	int more = batch ? 1 : -ENOMEM, err = 0;

	while (!err && more > 0) {
		more = gt_reader_batch(reader, batch);
		if (more > 0)
			err = feed_batch(m, batch);
	}
	if (batch)
		gt_batch_release(batch);
	free(batch);
	return err ? err : more;
}

/* Feed the whole trace to the model; with more than one job, a thread reads ahead. 0 or -errno. */
static int feed(struct gt_reader *reader, unsigned int jobs, struct model *m)
{
	struct trace_ahead *ahead = jobs > 1 ? trace_ahead_new(reader, 1) : NULL;
	const struct gt_batch *batch = NULL;
	int more, err = 0;

	if (ahead) {
		while (!err && (more = trace_ahead_next(ahead, 0, &batch)) > 0)
			err = feed_batch(m, batch);
		err = err ? err : more;
		trace_ahead_free(ahead);
	} else {
		err = feed_alone(reader, m);
	}
	return err ? err : model_finish(m);
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
		err = feed(reader, jobs, m);
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

/* Second pass: measure. */
static int measure(struct gt_reader *reader, unsigned int jobs, const struct gt_meta *meta,
		   struct lock_table *locks, struct model_losses *losses, struct results *out)
{
	struct model *m = model_new(meta, locks);
	struct analysis_set set;
	int err;

	if (!m)
		return -ENOMEM;
	model_expect_losses(m, losses);
	err = analysis_set_init(&set, m, meta, locks);
	if (!err)
		err = gt_reader_rewind(reader);
	if (!err)
		err = feed(reader, jobs, m);
	if (err)
		goto out;
	gt_reader_stats(reader, &set.ctx.reader);
	out->start = model_window_start(m);
	out->end = model_now(m);
	err = analysis_set_results(&set, out);
out:
	analysis_set_release(&set);
	model_free(m);
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
