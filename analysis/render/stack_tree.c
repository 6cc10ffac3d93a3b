/* SPDX-License-Identifier: MIT */
#include "stack_tree.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lib/map.h>

#include "stack_programs.h"

/* Stacks of a hostile trace may have nothing in common, and each is up to a thousand frames deep.
 */
#define NODES_MAX (1U << 22)

struct name {
	const char *text;
	uint32_t id; /* 1, 2, … */
};

struct maker {
	struct stack_tree *t;
	uint32_t cap;
	void *names; /* tree of struct name */
	uint32_t nnames;
	uint32_t *ids;	     /* of one run, by frame: its name's, 0: not looked up yet */
	struct map children; /* parent << 32 | part and name → node */
	int which;
};

/* ---- names as numbers ---- */

/* By comparison, not by hash: names are chosen by whoever wrote the traced program. */
static int name_cmp(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* 0: out of memory. */
static uint32_t name_id(struct maker *mk, const char *text)
{
	struct name key = { .text = text }, *fresh, **found = tfind(&key, &mk->names, name_cmp);

	if (found)
		return (*found)->id;
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return 0;
	*fresh = (struct name){ text, ++mk->nnames };
	if (tsearch(fresh, &mk->names, name_cmp))
		return fresh->id;
	free(fresh);
	return 0;
}

static uint32_t frame_name_id(struct maker *mk, const struct stack_frame *f)
{
	if (!f->source)
		return name_id(mk, f->name);
	if (!mk->ids[f->source - 1])
		mk->ids[f->source - 1] = name_id(mk, f->name);
	return mk->ids[f->source - 1];
}

/* ---- nodes ---- */

static int grow(struct maker *mk)
{
	uint32_t cap = mk->cap ? mk->cap * 2 : 256;
	struct stack_node *p;

	if (mk->t->n < mk->cap)
		return 0;
	p = realloc(mk->t->nodes, cap * sizeof(*p));
	if (!p)
		return -ENOMEM;
	mk->t->nodes = p;
	mk->cap = cap;
	return 0;
}

/* Two texts where each may be unknown. */
static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void merge(struct stack_frame *into, const struct stack_frame *f)
{
	if (into->source == f->source)
		return;
	if (!same_text(into->image, f->image))
		into->image = NULL;
	if (!same_text(into->file, f->file))
		into->file = NULL;
	if (into->line != f->line || !into->file)
		into->line = 0;
	into->source = f->source;
}

static int add_node(struct maker *mk, uint32_t parent, const struct stack_frame *f, uint64_t key)
{
	struct stack_tree *t = mk->t;
	struct stack_node *node;
	int err = grow(mk);

	if (!err)
		err = map_put(&mk->children, key, t->n);
	if (err)
		return err;
	node = &t->nodes[t->n++];
	*node = (struct stack_node){
		.frame = *f,
		.parent = parent,
		.next = t->nodes[parent].child,
		.depth = t->nodes[parent].depth + 1,
	};
	t->nodes[parent].child = t->n - 1;
	if (node->depth > t->depth)
		t->depth = node->depth;
	return 0;
}

/* The node of `f` below *at, made if need be, becomes *at. 1, 0: there is no room, or -ENOMEM. */
static int descend(struct maker *mk, uint32_t *at, const struct stack_frame *f)
{
	uint32_t name = frame_name_id(mk, f);
	uint64_t key = (uint64_t)*at << 32 | (uint64_t)f->part << 28 | name, found;
	int err;

	if (!name)
		return -ENOMEM;
	if (map_get(&mk->children, key, &found)) {
		merge(&mk->t->nodes[found].frame, f);
		*at = (uint32_t)found;
		return 1;
	}
	if (mk->t->n == NODES_MAX)
		return 0;
	err = add_node(mk, *at, f, key);
	*at = mk->t->n - 1;
	return err ? err : 1;
}

static void weigh(struct maker *mk, struct stack_node *node, const struct result_weight *w)
{
	node->total[mk->which] += w->ns;
	node->count[mk->which] += w->count;
}

static int add_path(struct maker *mk, const struct stack_path *path)
{
	struct stack_tree *t = mk->t;
	uint32_t at = 0;
	int more = 1;

	weigh(mk, &t->nodes[0], path->weight);
	if (path->complete)
		t->complete[mk->which] += path->weight->ns;
	for (size_t i = 0; i < path->n; i++) {
		more = descend(mk, &at, &path->frames[i]);
		if (more <= 0)
			break;
		weigh(mk, &t->nodes[at], path->weight);
	}
	t->left_out += more == 0;
	t->nodes[at].self[mk->which] += path->weight->ns;
	return more < 0 ? more : 0;
}

static int add_run(struct maker *mk, int which, const struct results *r)
{
	struct stack_path path;
	int more;

	mk->which = which;
	free(mk->ids);
	mk->ids = calloc(r->nframes + 1, sizeof(*mk->ids));
	if (!mk->ids)
		return -ENOMEM;
	while ((more = stack_paths_next(mk->t->paths[which], &path)) > 0) {
		int err = add_path(mk, &path);

		if (err)
			return err;
	}
	return more;
}

/* ---- order ---- */

static int sibling_cmp(const void *a, const void *b, void *nodes)
{
	const struct stack_node *x = (struct stack_node *)nodes + *(const uint32_t *)a;
	const struct stack_node *y = (struct stack_node *)nodes + *(const uint32_t *)b;
	int order = strcmp(x->frame.name, y->frame.name);

	return order ? order : x->frame.part - y->frame.part;
}

/* Children were hung up newest first; two trees of one trace must not differ. */
static int sort_children(struct stack_tree *t)
{
	uint32_t *list = calloc(t->n, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t n = 0;

		for (uint32_t child = t->nodes[i].child; child; child = t->nodes[child].next)
			list[n++] = child;
		if (n < 2)
			continue;
		qsort_r(list, n, sizeof(*list), sibling_cmp, t->nodes);
		t->nodes[i].child = list[0];
		for (uint32_t k = 0; k < n; k++)
			t->nodes[list[k]].next = k + 1 < n ? list[k + 1] : 0;
	}
	free(list);
	return 0;
}

/* ---- the whole ---- */

/* What only one run has is matched with what only the other has: stack_programs.h. */
static int match(struct stack_tree *t, const struct results *a, const struct results *b)
{
	struct stack_programs odd;
	int err = stack_programs_odd(a, b, t->kind, &odd);

	if (err || !odd.a || !odd.b)
		return err;
	if (asprintf(&t->both, "%s | %s", odd.a, odd.b) < 0) {
		t->both = NULL;
		return -ENOMEM;
	}
	stack_paths_rename(t->paths[0], odd.a, t->both);
	stack_paths_rename(t->paths[1], odd.b, t->both);
	return 0;
}

static int make(struct maker *mk, const struct results *a, const struct results *b)
{
	struct stack_tree *t = mk->t;
	int err = grow(mk);

	if (err)
		return err;
	t->nodes[t->n++] =
		(struct stack_node){ .frame = { .part = STACK_PART_ALL, .name = "all" } };
	t->paths[0] = stack_paths_new(a, t->kind, b != NULL);
	t->paths[1] = b ? stack_paths_new(b, t->kind, true) : NULL;
	if (!t->paths[0] || (b && !t->paths[1]))
		return -ENOMEM;
	err = b ? match(t, a, b) : 0;
	err = err ?: add_run(mk, 0, a);
	if (b)
		err = err ?: add_run(mk, 1, b);
	return err ?: sort_children(t);
}

int stack_tree_make(const struct results *a, const struct results *b, enum stack_kind kind,
		    struct stack_tree *out)
{
	struct maker mk = { .t = out };
	int err;

	*out = (struct stack_tree){ .kind = kind };
	err = make(&mk, a, b);
	tdestroy(mk.names, free);
	free(mk.ids);
	map_free(&mk.children);
	return err;
}

void stack_tree_free(struct stack_tree *t)
{
	free(t->nodes);
	free(t->both);
	stack_paths_free(t->paths[0]);
	stack_paths_free(t->paths[1]);
	*t = (struct stack_tree){ 0 };
}

uint32_t stack_tree_next(const struct stack_tree *t, uint32_t at)
{
	if (t->nodes[at].child)
		return t->nodes[at].child;
	while (at && !t->nodes[at].next)
		at = t->nodes[at].parent;
	return at ? t->nodes[at].next : 0;
}
