/* SPDX-License-Identifier: MIT */
#include "stack_tree.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack_programs.h"

/* Stacks of a hostile trace may have nothing in common, and each is up to a thousand frames deep.
 */
#define NODES_MAX (1U << 22)
#define SYMBOLS_MAX (1U << 26) /* of all paths together */

struct name {
	const char *text;
	uint32_t id; /* 1, 2, … */
};

/* A weight with its path as symbols: part and name of each frame in one number. */
struct item {
	const struct result_weight *weight;
	size_t at; /* its first symbol */
	uint32_t n;
	uint8_t which;
};

/*
 * Paths are brought into an order in which those that begin alike are neighbours; then each one
 * has its first nodes in common with the one before it, and no node has to be looked up.
 */
struct maker {
	struct stack_tree *t;
	uint32_t cap;
	void *names; /* tree of struct name */
	uint32_t nnames;
	uint32_t *ids; /* of one run, by frame: its name's, 0: not looked up yet */
	struct item *items;
	size_t nitems;
	uint32_t *symbols;
	size_t nsymbols, symbols_cap;
	uint32_t *chain; /* nodes of the path added last, by depth */
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

static int add_node(struct maker *mk, uint32_t parent, const struct stack_frame *f)
{
	struct stack_tree *t = mk->t;
	struct stack_node *node;
	int err = grow(mk);

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

/* ---- paths as symbols ---- */

static int symbols_grow(struct maker *mk, size_t n)
{
	size_t cap = mk->symbols_cap ? mk->symbols_cap * 2 : 4096;
	uint32_t *p;

	if (mk->nsymbols + n <= mk->symbols_cap)
		return 0;
	while (cap < mk->nsymbols + n)
		cap *= 2;
	p = realloc(mk->symbols, cap * sizeof(*p));
	if (!p)
		return -ENOMEM;
	mk->symbols = p;
	mk->symbols_cap = cap;
	return 0;
}

static int add_item(struct maker *mk, int which, const struct stack_path *path)
{
	struct item *item = &mk->items[mk->nitems];
	size_t n = path->n;
	int err = symbols_grow(mk, n);

	if (mk->nsymbols + n > SYMBOLS_MAX)
		n = 0; /* its weight is the root's */
	for (size_t i = 0; i < n && !err; i++) {
		uint32_t name = frame_name_id(mk, &path->frames[i]);

		mk->symbols[mk->nsymbols + i] = (uint32_t)path->frames[i].part << 28 | name;
		err = name ? 0 : -ENOMEM;
	}
	*item = (struct item){ path->weight, mk->nsymbols, (uint32_t)n, (uint8_t)which };
	mk->nitems++;
	mk->nsymbols += n;
	return err;
}

static int add_items(struct maker *mk, int which, const struct results *r)
{
	struct stack_path path;
	int more = 0;

	free(mk->ids);
	mk->ids = calloc(r->nframes + 1, sizeof(*mk->ids));
	if (!mk->ids)
		return -ENOMEM;
	while (!more && (more = stack_paths_next(mk->t->paths[which], &path)) > 0)
		more = add_item(mk, which, &path);
	return more;
}

static uint32_t shared(const struct maker *mk, const struct item *a, const struct item *b)
{
	const uint32_t *x = mk->symbols + a->at, *y = mk->symbols + b->at;
	uint32_t n = a->n < b->n ? a->n : b->n, i = 0;

	while (i < n && x[i] == y[i])
		i++;
	return i;
}

static int item_cmp(const void *a, const void *b, void *maker)
{
	const struct item *x = a, *y = b;
	const struct maker *mk = maker;
	uint32_t i = shared(mk, x, y);

	if (i < x->n && i < y->n)
		return mk->symbols[x->at + i] < mk->symbols[y->at + i] ? -1 : 1;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	if (x->which != y->which)
		return x->which < y->which ? -1 : 1;
	return x->weight < y->weight ? -1 : x->weight > y->weight;
}

/* ---- paths as nodes ---- */

static void weigh(struct stack_node *node, const struct item *item)
{
	node->total[item->which] += item->weight->ns;
	node->count[item->which] += item->weight->count;
}

/* `common`: frames that it shares with the path before it. Returns how many nodes it has, or
 * -ENOMEM. */
static int add_path(struct maker *mk, const struct item *item, uint32_t common)
{
	struct stack_tree *t = mk->t;
	struct stack_path path;
	uint32_t i;
	int err = stack_paths_of(t->paths[item->which], item->weight, &path);

	weigh(&t->nodes[0], item);
	if (path.complete)
		t->complete[item->which] += item->weight->ns;
	for (i = 0; i < item->n && !err; i++) {
		if (i < common) {
			merge(&t->nodes[mk->chain[i + 1]].frame, &path.frames[i]);
		} else {
			if (t->n == NODES_MAX)
				break;
			err = add_node(mk, mk->chain[i], &path.frames[i]);
			mk->chain[i + 1] = t->n - 1;
		}
		weigh(&t->nodes[mk->chain[i + 1]], item);
	}
	t->left_out += i < path.n;
	t->nodes[mk->chain[i]].self[item->which] += item->weight->ns;
	return err ? err : (int)i;
}

static int add_paths(struct maker *mk)
{
	uint32_t longest = 0;
	int have = 0;

	for (size_t i = 0; i < mk->nitems; i++)
		longest = mk->items[i].n > longest ? mk->items[i].n : longest;
	mk->chain = calloc((size_t)longest + 1, sizeof(*mk->chain));
	if (!mk->chain)
		return -ENOMEM;
	qsort_r(mk->items, mk->nitems, sizeof(*mk->items), item_cmp, mk);
	for (size_t i = 0; i < mk->nitems && have >= 0; i++) {
		uint32_t common = i ? shared(mk, &mk->items[i - 1], &mk->items[i]) : 0;

		have = add_path(mk, &mk->items[i],
				common < (uint32_t)have ? common : (uint32_t)have);
	}
	return have < 0 ? have : 0;
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
	mk->items = calloc(a->nweights + (b ? b->nweights : 0) + 1, sizeof(*mk->items));
	if (!mk->items)
		return -ENOMEM;
	err = err ?: add_items(mk, 0, a);
	if (b)
		err = err ?: add_items(mk, 1, b);
	err = err ?: add_paths(mk);
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
	free(mk.items);
	free(mk.symbols);
	free(mk.chain);
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
