/* SPDX-License-Identifier: MIT */
#include "lock_parts.h"

#include <stdlib.h>
#include <string.h>

struct lock_part *lock_parts_get(struct lock_parts *p, uint32_t group, uint32_t thread)
{
	uint32_t at = pairs_get(&p->index, group, thread);

	if (at != PAIRS_NONE)
		return &p->at[at];
	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct lock_part *grown =
			p->n < LOCK_PARTS_MAX ? realloc(p->at, room * sizeof(*grown)) : NULL;

		if (!grown)
			return NULL;
		p->at = grown;
		p->room = room;
	}
	if (pairs_put(&p->index, group, thread, p->n))
		return NULL;
	p->at[p->n] = (struct lock_part){ .group = group, .thread = thread };
	return &p->at[p->n++];
}

static int part_cmp(const void *a, const void *b)
{
	const struct lock_part *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->thread < y->thread ? -1 : x->thread > y->thread;
}

void lock_parts_sort(struct lock_parts *p)
{
	pairs_free(&p->index);
	if (p->n)
		qsort(p->at, p->n, sizeof(*p->at), part_cmp);
}

void lock_parts_release(struct lock_parts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		spread_release(&p->at[i].io);
		free(p->at[i].row);
	}
	pairs_free(&p->index);
	free(p->at);
	memset(p, 0, sizeof(*p));
}
