/* SPDX-License-Identifier: MIT */
#include "flame_layout.h"

#include <errno.h>
#include <stdlib.h>

struct layer {
	const struct stack_tree *t;
	struct flame_layout *l;
	uint64_t least; /* ns: lighter frames are left out */
	uint64_t *next; /* by depth: ns from the left edge to where the next frame starts */
};

static uint32_t edge(const struct flame_layout *l, uint64_t ns)
{
	return (uint32_t)((unsigned __int128)ns * FLAME_WIDTH / l->total);
}

static uint32_t heavier(const struct layer *y, uint64_t least)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < y->t->n; i++)
		n += y->t->nodes[i].total[y->l->run] >= least;
	return n;
}

/* A parent is at least as heavy as its child: what is heavy enough is a tree again. */
static void choose_least(struct layer *y)
{
	struct flame_layout *l = y->l;

	l->narrowest = FLAME_NARROWEST;
	for (;;) {
		y->least = (uint64_t)((unsigned __int128)l->total * l->narrowest / FLAME_WIDTH);
		if (!y->least)
			y->least = 1;
		if (l->narrowest >= FLAME_WIDTH / 2 || heavier(y, y->least) <= FLAME_FRAMES_MAX)
			return;
		l->narrowest *= 2;
	}
}

static void place(struct layer *y, uint32_t at)
{
	const struct stack_node *node = &y->t->nodes[at];
	struct flame_layout *l = y->l;
	uint64_t start = y->next[node->depth], end = start + node->total[l->run];

	y->next[node->depth] = end;
	if (!node->total[l->run])
		return;
	if (node->total[l->run] < y->least) {
		const struct stack_node *parent = &y->t->nodes[node->parent];

		l->pruned++;
		if (parent->total[l->run] >= y->least)
			l->pruned_ns += node->total[l->run];
		return;
	}
	y->next[node->depth + 1] = start;
	l->boxes[l->n++] = (struct flame_box){ at, edge(l, start), edge(l, end) - edge(l, start) };
	if (node->depth > l->depth)
		l->depth = node->depth;
}

static uint64_t gone(const struct stack_tree *t, int run)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (!t->nodes[i].total[run] && t->nodes[t->nodes[i].parent].total[run])
			ns += t->nodes[i].total[!run];
	return ns;
}

int flame_layout_make(const struct stack_tree *t, int run, struct flame_layout *out)
{
	struct layer y = { .t = t, .l = out };
	uint32_t at = 0;

	*out = (struct flame_layout){ .run = run, .total = t->nodes[0].total[run] };
	if (!out->total)
		return 0;
	choose_least(&y);
	out->boxes = calloc(heavier(&y, y.least), sizeof(*out->boxes));
	y.next = calloc(t->depth + 2, sizeof(*y.next));
	if (!out->boxes || !y.next) {
		free(y.next);
		return -ENOMEM;
	}
	do
		place(&y, at);
	while ((at = stack_tree_next(t, at)));
	out->gone_ns = gone(t, run);
	free(y.next);
	return 0;
}

void flame_layout_free(struct flame_layout *l)
{
	free(l->boxes);
	*l = (struct flame_layout){ 0 };
}
