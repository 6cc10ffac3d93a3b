/* SPDX-License-Identifier: MIT */
#include "fold.h"

#include <errno.h>
#include <stdlib.h>

#include "fold_facts.h"
#include "fold_rounds.h"
#include "fold_weights.h"
#include "parallelism.h"

struct fold {
	const struct analysis_context *ctx;
	uint32_t stacks; /* enum gt_stacks */
	struct fold_facts facts;
	struct fold_rounds rounds;
	uint64_t left_out; /* samples of threads that the model does not know */
	int err;
};

static const bool off_cpu[STATE_COUNT] = {
	[STATE_RUNNABLE] = true, [STATE_LOCK] = true,	     [STATE_EVENT] = true,
	[STATE_IO] = true,	 [STATE_KERNEL_LOCK] = true, [STATE_SLEEP] = true,
	[STATE_OTHER] = true,	 [STATE_UNKNOWN] = true,
};

static void add_lock(struct fold *f, const struct thread *t, const struct fold_round *round,
		     bool by_waker)
{
	struct fold_fact fact = {
		.thread = t->index,
		.what = FOLD_INTERVAL,
		.state = STATE_LOCK,
		.lock = round->lock,
		.stack = round->stack,
		.other_thread = by_waker ? t->waker : 0,
		.other = by_waker ? t->waker_stack : 0,
	};

	if (round->count)
		fold_facts_add(&f->facts, &fact, round->ns, 0, round->count);
}

/* Rounds put by go to whoever ended the wait, or to nobody where the thread gave up waiting. */
static void flush(struct fold *f, const struct thread *t, bool by_waker)
{
	struct fold_round *round = fold_rounds_of(&f->rounds, t);

	if (!round)
		return;
	add_lock(f, t, round, by_waker);
	*round = (struct fold_round){ 0 };
}

static void add_round(struct fold *f, const struct thread *t, uint64_t ns)
{
	struct fold_round now = {
		.lock = t->wait.group ? t->wait.group->id : 0,
		.stack = t->stack,
		.ns = ns,
		.count = 1,
	};
	struct fold_round *put_by = fold_rounds_of(&f->rounds, t);

	if (!put_by) {
		f->err = -ENOMEM;
		return;
	}
	if (t->waker) {
		flush(f, t, true);
		add_lock(f, t, &now, true);
		return;
	}
	if (put_by->count && (put_by->stack != now.stack || put_by->lock != now.lock))
		flush(f, t, false);
	put_by->lock = now.lock;
	put_by->stack = now.stack;
	put_by->ns += ns;
	put_by->count++;
	put_by->resumed = 0;
}

static void add_off_cpu(struct fold *f, const struct thread *t, enum state state, uint64_t ns)
{
	struct fold_fact fact = { .thread = t->index, .what = FOLD_INTERVAL, .state = state };

	if (!ns || (state != STATE_LOCK && !(f->stacks & GT_STACKS_OFFCPU)))
		return;
	if (state == STATE_LOCK) {
		add_round(f, t, ns);
		return;
	}
	if (state != STATE_UNKNOWN)
		fact.stack = t->stack;
	fold_facts_add(&f->facts, &fact, ns, 0, 1);
}

/* Is the wait that rounds were put by for over, and was nobody seen to end it? */
static void look_at_rounds(struct fold *f, const struct thread *t, enum state next, uint64_t now)
{
	struct fold_round *round = &f->rounds.at[t->index];
	uint32_t lock = t->wait.group ? t->wait.group->id : 0;

	if (!round->count)
		return;
	if (next == STATE_RUNNING && !round->resumed)
		round->resumed = now;
	else if (t->state == STATE_RUNNING && next != STATE_RUNNABLE &&
		 (next != STATE_LOCK || !fold_round_goes_on(round, lock, now)))
		flush(f, t, false);
	else if (next == STATE_NONE || next == STATE_UNKNOWN)
		flush(f, t, false);
}

/* The same division of time as that of threads.c, whose sums these must be. */
static void transition(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct fold *f = ctx;

	if (off_cpu[t->state])
		add_off_cpu(f, t, t->state, now - t->since);
	if (t->index < f->rounds.n)
		look_at_rounds(f, t, next, now);
}

static void wake(void *ctx, const struct model *m, const struct wake *wake)
{
	struct fold *f = ctx;
	const struct thread *wakee = wake->wakee;
	struct fold_fact fact = { .what = FOLD_WAKING,
				  .other_thread = wakee->id,
				  .stack = wake->stack };

	if (!wake->waker || !(f->stacks & GT_STACKS_WAKE))
		return;
	fact.thread = wake->waker->index;
	/* One that was woken on its way to sleep has not been blocked at all. */
	fold_facts_add(&f->facts, &fact, wake->ts > wakee->since ? wake->ts - wakee->since : 0, 0,
		       1);
}

static void record(void *ctx, const struct model *m, const struct gt_event *ev)
{
	struct fold *f = ctx;
	uint64_t start = model_window_start(m), end = f->ctx->meta->end, period;
	const struct thread *t;
	uint32_t running;

	if (ev->kind != GT_SAMPLE || ev->ts < start || (end && ev->ts > end))
		return;
	t = model_thread(m, ev->task);
	if (!t) {
		f->left_out++;
		return;
	}
	/* No sample can stand for more than the window. */
	period = end && ev->u.sample.period > end - start ? end - start : ev->u.sample.period;
	running = parallelism_running(f->ctx->parallelism, NULL);
	running = running ? running : 1;
	fold_facts_add(&f->facts,
		       &(struct fold_fact){ .thread = t->index,
					    .what = FOLD_SAMPLE,
					    .stack = ev->u.sample.stack },
		       period, (period + running / 2) / running, 1);
}

static const struct model_sink sink = { .transition = transition, .wake = wake, .record = record };

static void *fold_new(struct analysis_context *ctx)
{
	struct fold *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ctx = ctx;
	f->stacks = ctx->meta->stacks;
	return f;
}

static int fold_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct fold *f = self;

	if (f->err || f->facts.err)
		return f->err ? f->err : f->facts.err;
	out->losses.left_out += f->left_out + f->facts.left_out;
	return fold_weights(&f->facts, f->ctx, out);
}

static void fold_free(void *self)
{
	struct fold *f = self;

	if (!f)
		return;
	fold_facts_release(&f->facts);
	fold_rounds_release(&f->rounds);
	free(f);
}

const struct analysis fold_analysis = {
	.name = "fold",
	.wanted = analysis_stacks_wanted,
	.sink = &sink,
	.new = fold_new,
	.results = fold_results,
	.free = fold_free,
};
