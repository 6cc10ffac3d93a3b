/* SPDX-License-Identifier: MIT */
#include "wakeups.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cold.h"
#include "lib/hash.h"

/* Pairs of threads can be many more than threads: beyond this many edges new ones are not kept. */
#define EDGES_MAX (1U << 20)
#define FIRST_BITS 8

struct edge {
	uint32_t from; /* thread index + 1; 0: timer or interrupt */
	uint32_t to;   /* thread index */
	uint32_t lock;
	uint64_t count;
};

struct wakeups {
	struct edge *edges;
	uint32_t nedges, cap;
	uint32_t *slots;   /* index + 1 of an edge, 0: free; an edge is in its home or behind it */
	uint32_t bits;	   /* 1 << bits slots, if any */
	uint64_t left_out; /* wake-ups of pairs beyond EDGES_MAX */
	int err;
};

/* Two threads may have any number of locks in common, so the lock is part of what is looked up. */
static uint32_t home_of(const struct wakeups *w, uint32_t from, uint32_t to, uint32_t lock)
{
	return hash_pair((uint64_t)from << 32 | to, lock) >> (64 - w->bits);
}

static inline bool is(const struct edge *e, uint32_t from, uint32_t to, uint32_t lock)
{
	return !((e->from ^ from) | (e->to ^ to) | (e->lock ^ lock));
}

/* Its slot, or the free one where it would go. There always is one. */
static inline uint32_t *slot_of(const struct wakeups *w, uint32_t from, uint32_t to, uint32_t lock)
{
	uint32_t i = home_of(w, from, to, lock), mask = (1U << w->bits) - 1;

	while (w->slots[i] && !is(&w->edges[w->slots[i] - 1], from, to, lock))
		i = (i + 1) & mask;
	return &w->slots[i];
}

/* Twice as many slots as edges, half of them free. */
static bool make_room(struct wakeups *w)
{
	uint32_t bits = w->bits + 1, cap = 1U << w->bits;
	uint32_t *slots = calloc((size_t)1 << bits, sizeof(*slots));
	struct edge *edges = slots ? realloc(w->edges, cap * sizeof(*edges)) : NULL;

	if (!edges) {
		free(slots);
		return false;
	}
	free(w->slots);
	w->slots = slots;
	w->bits = bits;
	w->edges = edges;
	w->cap = cap;
	for (uint32_t i = 0; i < w->nedges; i++)
		*slot_of(w, edges[i].from, edges[i].to, edges[i].lock) = i + 1;
	return true;
}

static COLD void edge_add(struct wakeups *w, uint32_t from, uint32_t to, uint32_t lock)
{
	if (w->nedges == EDGES_MAX) {
		w->left_out++;
		return;
	}
	if (w->nedges == w->cap && !make_room(w)) {
		w->err = -ENOMEM;
		return;
	}
	w->edges[w->nedges++] = (struct edge){ from, to, lock, 1 };
	*slot_of(w, from, to, lock) = w->nedges;
}

static void wake(void *ctx, const struct model *m, const struct wake *wake)
{
	const struct thread *t = wake->wakee;
	const struct lock_group *group = t->blocked_on_futex ? t->wait.group : NULL;
	uint32_t from = wake->waker ? wake->waker->index + 1 : 0;
	uint32_t lock = group && group->sort == SORT_LOCK ? group->id : 0;
	struct wakeups *w = ctx;
	uint32_t at;

	if (w->err)
		return;
	at = w->slots ? *slot_of(w, from, t->index, lock) : 0;
	if (at)
		w->edges[at - 1].count++;
	else
		edge_add(w, from, t->index, lock);
}

static const struct model_sink sink = { .wake = wake };

static void *wakeups_new(struct analysis_context *ctx)
{
	struct wakeups *w = calloc(1, sizeof(*w));

	if (w)
		w->bits = FIRST_BITS;
	return w;
}

/* Most frequent first, then in a fixed order, so that two reports of a trace are equal. */
static int by_count(const void *a, const void *b)
{
	const struct result_wakeup *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (x->lock > y->lock) - (x->lock < y->lock);
}

static int wakeups_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct wakeups *w = self;

	if (w->err)
		return w->err;
	out->losses.left_out += w->left_out;
	out->wakeups = calloc(w->nedges + 1, sizeof(*out->wakeups));
	if (!out->wakeups)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->nedges; i++) {
		const struct edge *e = &w->edges[i];

		out->wakeups[out->nwakeups++] = (struct result_wakeup){
			.from = e->from ? model_thread_at(ctx->model, e->from - 1)->id : 0,
			.to = model_thread_at(ctx->model, e->to)->id,
			.lock = e->lock,
			.count = e->count,
		};
	}
	qsort(out->wakeups, out->nwakeups, sizeof(*out->wakeups), by_count);
	return 0;
}

static void wakeups_free(void *self)
{
	struct wakeups *w = self;

	if (!w)
		return;
	free(w->edges);
	free(w->slots);
	free(w);
}

const struct analysis wakeups_analysis = {
	.name = "wakeups",
	.sink = &sink,
	.new = wakeups_new,
	.results = wakeups_results,
	.free = wakeups_free,
};
