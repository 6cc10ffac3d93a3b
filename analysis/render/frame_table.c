/* SPDX-License-Identifier: MIT */
#include "frame_table.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* In the tree; the frame itself may move. */
struct listed {
	const char *name, *file, *image;
	uint32_t number;
};

static int text_cmp(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int listed_cmp(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = text_cmp(x->name, y->name);

	order = order ? order : text_cmp(x->file, y->file);
	return order ? order : text_cmp(x->image, y->image);
}

int frame_table_init(struct frame_table *t, const struct results *r)
{
	*t = (struct frame_table){ 0 };
	t->numbers = calloc(r->nframes + 1, sizeof(*t->numbers));
	return t->numbers ? 0 : -ENOMEM;
}

static int append(struct frame_table *t, const struct stack_frame *f)
{
	uint32_t cap = t->cap ? t->cap * 2 : 256;
	struct stack_frame *p;

	if (t->n == t->cap) {
		p = realloc(t->list, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		t->list = p;
		t->cap = cap;
	}
	t->list[t->n++] = *f;
	return 0;
}

/* By name, file and image; a new one gets the next number. */
static int64_t look_up(struct frame_table *t, const struct stack_frame *f)
{
	struct listed key = { f->name, f->file, f->image, t->n }, *fresh, **found;

	found = tfind(&key, &t->tree, listed_cmp);
	if (found)
		return (*found)->number;
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	*fresh = key;
	if (!tsearch(fresh, &t->tree, listed_cmp)) {
		free(fresh);
		return -ENOMEM;
	}
	if (append(t, f))
		return -ENOMEM;
	return fresh->number;
}

int64_t frame_table_number(struct frame_table *t, const struct stack_frame *f)
{
	int64_t number;

	if (f->source && t->numbers[f->source - 1])
		return t->numbers[f->source - 1] - 1;
	number = look_up(t, f);
	if (number < 0)
		return number;
	if (t->list[number].line != f->line)
		t->list[number].line = 0;
	if (f->source)
		t->numbers[f->source - 1] = (uint32_t)number + 1;
	return number;
}

void frame_table_free(struct frame_table *t)
{
	tdestroy(t->tree, free);
	free(t->list);
	free(t->numbers);
	*t = (struct frame_table){ 0 };
}
