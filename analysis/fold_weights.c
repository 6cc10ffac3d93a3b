/* SPDX-License-Identifier: MIT */
#include "fold_weights.h"

#include <errno.h>
#include <stdlib.h>

#include "model.h"
#include "stacks.h"

static struct result_weight weight_of(const struct analysis_context *ctx,
				      const struct fold_sum *from, enum stack_kind kind)
{
	const struct fold_fact *fact = &from->fact;
	struct result_weight w = {
		.kind = kind,
		.state = fact->state,
		.thread = model_thread_at(ctx->model, fact->thread)->id,
		.stack = stacks_index(ctx->stacks, fact->stack),
		.ns = kind == STACK_CRITICAL ? from->critical : from->ns,
		.count = from->count,
	};

	if (kind == STACK_LOCK) {
		w.lock = fact->lock;
		w.other = stacks_index(ctx->stacks, fact->other);
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
static bool counts_for(const struct analysis_context *ctx, const struct fold_fact *fact,
		       enum stack_kind kind)
{
	static const enum fold_what from[STACK_KINDS] = {
		[STACK_LOCK] = FOLD_INTERVAL, [STACK_OFFCPU] = FOLD_INTERVAL,
		[STACK_ONCPU] = FOLD_SAMPLE,  [STACK_CRITICAL] = FOLD_SAMPLE,
		[STACK_WAKE] = FOLD_WAKING,
	};

	return from[kind] == fact->what && stack_kind_taken(kind, ctx->meta->stacks) &&
	       (kind != STACK_LOCK || fact->state == STATE_LOCK);
}

int fold_weights(const struct fold_facts *facts, const struct analysis_context *ctx,
		 struct results *out)
{
	struct result_weight *list;
	size_t n = 0;

	/* A fact counts for two kinds at most. */
	list = calloc(2 * (size_t)facts->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < facts->n; i++)
		for (int kind = 0; kind < STACK_KINDS; kind++)
			if (counts_for(ctx, &facts->list[i].fact, kind))
				list[n++] = weight_of(ctx, &facts->list[i], kind);
	out->weights = list;
	out->nweights = merge(list, n);
	sum_up(out);
	return 0;
}
