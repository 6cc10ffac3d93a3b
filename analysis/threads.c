/* SPDX-License-Identifier: MIT */
#include "threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"
#include "parallelism.h"

enum change { CHANGE_NOTHING, CHANGE_VOLUNTARY, CHANGE_INVOLUNTARY, CHANGE_WAKEUP, CHANGES };

struct life {
	bool seen; /* it lived inside the window */
	uint64_t start, end;
	uint64_t time[STATE_COUNT];
	uint64_t changes[CHANGES];
	uint64_t migrations;
	uint32_t last_cpu; /* + 1; 0: it has not run */
};

struct threads {
	struct life *lives; /* by thread index */
	uint32_t cap;
	uint8_t change[STATE_COUNT][STATE_COUNT]; /* what a change of state counts as */
	int err;
};

static COLD struct life *life_new(struct threads *s, uint32_t thread)
{
	uint32_t cap = s->cap ? s->cap : 64;
	struct life *p;

	while (cap <= thread)
		cap *= 2;
	p = realloc(s->lives, cap * sizeof(*p));
	if (!p) {
		s->err = -ENOMEM;
		return NULL;
	}
	memset(p + s->cap, 0, (cap - s->cap) * sizeof(*p));
	s->lives = p;
	s->cap = cap;
	return &s->lives[thread];
}

static inline struct life *life_of(struct threads *s, uint32_t thread)
{
	return thread < s->cap ? &s->lives[thread] : life_new(s, thread);
}

/* What a change of state counts as besides time. The end of the window switches nobody out. */
static enum change change_of(enum state from, enum state to)
{
	bool was_blocked = from > STATE_RUNNABLE && from != STATE_UNKNOWN;

	if (from == STATE_RUNNING && to == STATE_RUNNABLE)
		return CHANGE_INVOLUNTARY;
	if (from == STATE_RUNNING && to != STATE_NONE && to != STATE_UNKNOWN)
		return CHANGE_VOLUNTARY;
	if (was_blocked && (to == STATE_RUNNABLE || to == STATE_RUNNING))
		return CHANGE_WAKEUP;
	return CHANGE_NOTHING;
}

static void transition(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct threads *s = ctx;
	struct life *life = life_of(s, t->index);

	if (!life)
		return;
	if (t->state == STATE_NONE) {
		life->seen = true;
		life->start = now;
	} else {
		life->time[t->state] += now - t->since;
	}
	life->end = now;
	life->changes[s->change[t->state][next]]++;
}

static void cpu_span(void *ctx, const struct model *m, const struct cpu *cpu,
		     const struct thread *t, uint64_t start, uint64_t end, uint64_t idle)
{
	struct life *life = t ? life_of(ctx, t->index) : NULL;

	if (!life)
		return;
	life->migrations += life->last_cpu && life->last_cpu != cpu->id + 1;
	life->last_cpu = cpu->id + 1;
}

static const struct model_sink sink = { .transition = transition, .cpu_span = cpu_span };

static void *threads_new(struct analysis_context *ctx)
{
	struct threads *s = calloc(1, sizeof(*s));

	for (int from = 0; s && from < STATE_COUNT; from++)
		for (int to = 0; to < STATE_COUNT; to++)
			s->change[from][to] = change_of(from, to);
	return s;
}

static int fill(struct result_thread *r, const struct thread *t, const struct life *life,
		const struct analysis_context *ctx)
{
	*r = (struct result_thread){
		.id = t->id,
		.process = t->process->id,
		.tid = t->tid,
		.comm = strdup(t->comm),
		.start = life->start,
		.end = life->end,
		.run = life->time[STATE_RUNNING],
		.runnable = life->time[STATE_RUNNABLE],
		.lock = life->time[STATE_LOCK],
		.event = life->time[STATE_EVENT],
		.io = life->time[STATE_IO],
		.kernel_lock = life->time[STATE_KERNEL_LOCK],
		.sleep = life->time[STATE_SLEEP],
		.other = life->time[STATE_OTHER],
		.unknown = life->time[STATE_UNKNOWN],
		.switches_voluntary = life->changes[CHANGE_VOLUNTARY],
		.switches_involuntary = life->changes[CHANGE_INVOLUNTARY],
		.wakeups = life->changes[CHANGE_WAKEUP],
		.migrations = life->migrations,
		.critical = (uint64_t)parallelism_critical(ctx->parallelism, t),
		.kernel = t->flags & (GT_TASK_KTHREAD | GT_TASK_IO_WORKER),
	};
	return r->comm ? 0 : -ENOMEM;
}

static int threads_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct threads *s = self;
	int err = s->err;

	out->threads = calloc(model_nthreads(ctx->model) + 1, sizeof(*out->threads));
	if (!out->threads)
		err = -ENOMEM;
	for (uint32_t i = 0; i < model_nthreads(ctx->model) && i < s->cap && !err; i++)
		if (s->lives[i].seen)
			err = fill(&out->threads[out->nthreads++], model_thread_at(ctx->model, i),
				   &s->lives[i], ctx);
	return err;
}

static void threads_free(void *self)
{
	struct threads *s = self;

	if (s)
		free(s->lives);
	free(s);
}

const struct analysis threads_analysis = {
	.name = "threads",
	.sink = &sink,
	.new = threads_new,
	.results = threads_results,
	.free = threads_free,
};
