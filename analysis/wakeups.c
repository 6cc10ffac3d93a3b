/* SPDX-License-Identifier: MIT */
#include "wakeups.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/map.h"

/* Pairs of threads can be many more than threads: beyond this many edges new ones are not kept. */
#define EDGES_MAX (1U << 20)
#define HINTS 4096 /* a power of two */

struct edge {
	uint32_t from; /* thread index + 1; 0: timer or interrupt */
	uint32_t to;   /* thread index */
	uint32_t lock;
	uint32_t next; /* index + 1 of the next edge of the same pair, by another lock */
	uint64_t count;
};

struct wakeups {
	struct edge *edges;
	uint32_t nedges, cap;
	uint64_t left_out; /* wake-ups of pairs beyond EDGES_MAX */
	struct map first;  /* from << 32 | to → index + 1 of the pair's first edge */
	uint32_t hints[HINTS]; /* by a hash of the whole edge: where one of them was found last */
	int err;
};

static void edge_add(struct wakeups *w, struct edge edge)
{
	uint64_t key = (uint64_t)edge.from << 32 | edge.to;
	uint32_t cap = w->cap ? w->cap * 2 : 64;
	struct edge *p;

	if (w->nedges == EDGES_MAX) {
		w->left_out++;
		return;
	}
	if (w->nedges == w->cap) {
		p = realloc(w->edges, cap * sizeof(*p));
		if (!p) {
			w->err = -ENOMEM;
			return;
		}
		w->edges = p;
		w->cap = cap;
	}
	w->edges[w->nedges++] = edge;
	w->err = map_put(&w->first, key, w->nedges);
}

static bool is_same(const struct edge *a, const struct edge *b)
{
	return !((a->from ^ b->from) | (a->to ^ b->to) | (a->lock ^ b->lock));
}

static uint32_t *hint_of(struct wakeups *w, const struct edge *e)
{
	uint64_t hash = ((uint64_t)e->from << 32 | e->to) * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ e->lock) * 0x9e3779b97f4a7c15ULL;
	return &w->hints[hash >> 32 & (HINTS - 1)];
}

/* Locks of a pair come in any order: a walk over its edges is what no processor foresees. */
static void count(struct wakeups *w, struct edge *edge, uint32_t *hint)
{
	uint64_t first = 0;

	map_get(&w->first, (uint64_t)edge->from << 32 | edge->to, &first);
	edge->next = (uint32_t)first;
	for (uint32_t i = edge->next; i; i = w->edges[i - 1].next) {
		if (w->edges[i - 1].lock == edge->lock) {
			w->edges[i - 1].count++;
			*hint = i - 1;
			return;
		}
	}
	edge_add(w, *edge);
}

static void wake(void *ctx, const struct model *m, const struct wake *wake)
{
	const struct thread *t = wake->wakee;
	const struct lock_group *group = t->blocked_on_futex ? t->wait.group : NULL;
	struct edge edge = {
		.from = wake->waker ? wake->waker->index + 1 : 0,
		.to = t->index,
		.lock = group && group->sort == SORT_LOCK ? group->id : 0,
		.count = 1,
	};
	struct wakeups *w = ctx;
	uint32_t *hint = hint_of(w, &edge);

	if (w->err)
		return;
	if (*hint < w->nedges && is_same(&w->edges[*hint], &edge))
		w->edges[*hint].count++;
	else
		count(w, &edge, hint);
}

static const struct model_sink sink = { .wake = wake };

static void *wakeups_new(struct analysis_context *ctx)
{
	return calloc(1, sizeof(struct wakeups));
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
	map_free(&w->first);
	free(w);
}

const struct analysis wakeups_analysis = {
	.name = "wakeups",
	.sink = &sink,
	.new = wakeups_new,
	.results = wakeups_results,
	.free = wakeups_free,
};
