/* SPDX-License-Identifier: MIT */
#include "fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "fold_rounds.h"
#include "lib/map.h"
#include "lock_find.h"
#include "parallelism.h"
#include "stacks.h"

/*
 * Distinct facts that are kept with their stacks. Beyond them time is kept without, by thread,
 * state and lock, and that is counted; beyond twice as many it is only counted.
 */
#define FACTS_MAX (1U << 20)

enum what { INTERVAL, SAMPLE, WAKING };

/* What makes two pieces of time one; numbers of stacks are the trace's. */
struct fact {
	uint32_t thread;       /* index */
	uint32_t other_thread; /* id of the waker, of a WAKING the wakee's; 0: none */
	uint32_t lock;	       /* group's id, 0: none */
	uint32_t stack, other; /* 0: none taken */
	uint16_t what;
	uint16_t state;
};

struct folded {
	struct fact fact;
	uint32_t next;		      /* index + 1 of the next one with the same hash */
	uint64_t ns, critical, count; /* critical: of samples, divided by the threads running */
};

struct fold {
	const struct analysis_context *ctx;
	uint32_t stacks; /* enum gt_stacks */
	struct folded *list;
	uint32_t n, cap;
	struct map first; /* hash → index + 1 */
	uint64_t seed;	  /* a trace cannot know what will collide */
	struct fold_rounds rounds;
	uint64_t left_out;
	int err;
};

static const bool off_cpu[STATE_COUNT] = {
	[STATE_RUNNABLE] = true, [STATE_LOCK] = true,	     [STATE_EVENT] = true,
	[STATE_IO] = true,	 [STATE_KERNEL_LOCK] = true, [STATE_SLEEP] = true,
	[STATE_OTHER] = true,	 [STATE_UNKNOWN] = true,
};

/* ---- the table ---- */

static uint64_t hash(const struct fold *f, const struct fact *fact)
{
	uint64_t words[sizeof(*fact) / sizeof(uint64_t)], h = f->seed;

	_Static_assert(sizeof(*fact) % sizeof(uint64_t) == 0, "a fact is whole words");
	memcpy(words, fact, sizeof(*fact));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	return h;
}

static struct folded *append(struct fold *f, const struct fact *fact, uint64_t key, uint64_t first)
{
	uint32_t cap = f->cap ? f->cap * 2 : 256;
	struct folded *p;

	if (f->n == f->cap) {
		p = realloc(f->list, cap * sizeof(*p));
		if (!p)
			return NULL;
		f->list = p;
		f->cap = cap;
	}
	if (map_put(&f->first, key, f->n + 1))
		return NULL;
	p = &f->list[f->n++];
	*p = (struct folded){ .fact = *fact, .next = (uint32_t)first };
	return p;
}

/* NULL: there is no room, or `err` says that memory ran out. */
static struct folded *find(struct fold *f, const struct fact *fact, uint32_t max)
{
	uint64_t key = hash(f, fact), first = 0;
	struct folded *p;

	map_get(&f->first, key, &first);
	for (uint64_t i = first; i; i = f->list[i - 1].next)
		if (!memcmp(&f->list[i - 1].fact, fact, sizeof(*fact)))
			return &f->list[i - 1];
	if (f->n >= max)
		return NULL;
	p = append(f, fact, key, first);
	if (!p)
		f->err = -ENOMEM;
	return p;
}

static void add(struct fold *f, const struct fact *fact, uint64_t ns, uint64_t critical,
		uint64_t count)
{
	struct folded *p = find(f, fact, FACTS_MAX);
	struct fact bare = *fact;

	if (!p && !f->err) {
		f->left_out++;
		bare.stack = bare.other = bare.other_thread = 0;
		p = find(f, &bare, 2 * FACTS_MAX);
	}
	if (!p)
		return;
	p->ns += ns;
	p->critical += critical;
	p->count += count;
}

/* ---- second pass ---- */

static void add_lock(struct fold *f, const struct thread *t, const struct fold_round *round,
		     bool by_waker)
{
	struct fact fact = {
		.thread = t->index,
		.what = INTERVAL,
		.state = STATE_LOCK,
		.lock = round->lock,
		.stack = round->stack,
		.other_thread = by_waker ? t->waker : 0,
		.other = by_waker ? t->waker_stack : 0,
	};

	if (round->count)
		add(f, &fact, round->ns, 0, round->count);
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
	struct fact fact = { .thread = t->index, .what = INTERVAL, .state = state };

	if (!ns || (state != STATE_LOCK && !(f->stacks & GT_STACKS_OFFCPU)))
		return;
	if (state == STATE_LOCK) {
		add_round(f, t, ns);
		return;
	}
	if (state != STATE_UNKNOWN)
		fact.stack = t->stack;
	add(f, &fact, ns, 0, 1);
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
	struct fact fact = { .what = WAKING, .other_thread = wakee->id, .stack = wake->stack };

	if (!wake->waker || !(f->stacks & GT_STACKS_WAKE))
		return;
	fact.thread = wake->waker->index;
	/* One that was woken on its way to sleep has not been blocked at all. */
	add(f, &fact, wake->ts > wakee->since ? wake->ts - wakee->since : 0, 0, 1);
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
	add(f, &(struct fact){ .thread = t->index, .what = SAMPLE, .stack = ev->u.sample.stack },
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
	if (getrandom(&f->seed, sizeof(f->seed), GRND_NONBLOCK) < 0)
		f->seed = (uintptr_t)f;
	return f;
}

/* ---- results ---- */

static struct result_weight weight_of(const struct fold *f, const struct folded *from,
				      enum stack_kind kind)
{
	const struct fact *fact = &from->fact;
	struct result_weight w = {
		.kind = kind,
		.state = fact->state,
		.thread = model_thread_at(f->ctx->model, fact->thread)->id,
		.stack = stacks_index(f->ctx->stacks, fact->stack),
		.ns = kind == STACK_CRITICAL ? from->critical : from->ns,
		.count = from->count,
	};

	if (kind == STACK_LOCK) {
		w.lock = fact->lock;
		w.other = stacks_index(f->ctx->stacks, fact->other);
	}
	if (kind == STACK_LOCK || kind == STACK_WAKE)
		w.other_thread = fact->other_thread;
	return w;
}

static int u32_cmp(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

/* By what makes two weights one. */
static int same_cmp(const void *a, const void *b)
{
	const struct result_weight *x = a, *y = b;
	int order = u32_cmp(x->kind, y->kind);

	order = order ? order : u32_cmp(x->thread, y->thread);
	order = order ? order : u32_cmp(x->state, y->state);
	order = order ? order : u32_cmp(x->stack, y->stack);
	order = order ? order : u32_cmp(x->lock, y->lock);
	order = order ? order : u32_cmp(x->other_thread, y->other_thread);
	return order ? order : u32_cmp(x->other, y->other);
}

static int weight_cmp(const void *a, const void *b)
{
	const struct result_weight *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return same_cmp(a, b);
}

/* Facts that differ in what a kind leaves out are one weight of it. */
static size_t merge(struct result_weight *list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), same_cmp);
	for (size_t i = 0; i < n; i++) {
		if (kept && !same_cmp(&list[kept - 1], &list[i])) {
			list[kept - 1].ns += list[i].ns;
			list[kept - 1].count += list[i].count;
		} else {
			list[kept++] = list[i];
		}
	}
	qsort(list, kept, sizeof(*list), weight_cmp);
	return kept;
}

static void sum_up(struct results *out)
{
	for (size_t i = 0; i < out->nweights; i++) {
		const struct result_weight *w = &out->weights[i];
		struct result_stack_sum *sum = &out->stack_sums[w->kind];

		sum->ns += w->ns;
		sum->count += w->count;
		if (w->stack && out->stacks[w->stack - 1].flags & GT_STACK_COMPLETE)
			sum->complete += w->ns;
	}
}

/* The kinds that one fact counts for. */
static bool counts_for(const struct fold *f, const struct fact *fact, enum stack_kind kind)
{
	static const enum what from[STACK_KINDS] = {
		[STACK_LOCK] = INTERVAL,   [STACK_OFFCPU] = INTERVAL, [STACK_ONCPU] = SAMPLE,
		[STACK_CRITICAL] = SAMPLE, [STACK_WAKE] = WAKING,
	};

	return from[kind] == fact->what && stack_kind_taken(kind, f->stacks) &&
	       (kind != STACK_LOCK || fact->state == STATE_LOCK);
}

static int fold_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct fold *f = self;
	struct result_weight *list;
	size_t n = 0;

	if (f->err)
		return f->err;
	out->losses.left_out += f->left_out;
	/* A fact counts for two kinds at most. */
	list = calloc(2 * (size_t)f->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n; i++)
		for (int kind = 0; kind < STACK_KINDS; kind++)
			if (counts_for(f, &f->list[i].fact, kind))
				list[n++] = weight_of(f, &f->list[i], kind);
	out->weights = list;
	out->nweights = merge(list, n);
	sum_up(out);
	return 0;
}

static void fold_free(void *self)
{
	struct fold *f = self;

	if (!f)
		return;
	free(f->list);
	fold_rounds_release(&f->rounds);
	map_free(&f->first);
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
