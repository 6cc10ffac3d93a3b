/* SPDX-License-Identifier: MIT */
#include "lock_books.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX (1U << 22) /* 64 MB */

static bool is_global(enum lock_kind_id kind)
{
	return kind == LOCK_KIND_CPYTHON_GIL || kind == LOCK_KIND_PYPY_GIL ||
	       kind == LOCK_KIND_RUBY_GVL || kind == LOCK_KIND_OCAML_MASTER ||
	       kind == LOCK_KIND_GIL;
}

static enum lock_way way_of(const struct lock_table *table, const struct lock_probed *probed,
			    uint32_t lock)
{
	const struct lock_group *g = table ? lock_table_at(table, lock) : NULL;

	if (lock_probed_at(probed, lock))
		return LOCK_WAY_EXACT;
	return g && g->sort == SORT_LOCK && g->as && is_global(g->kind) ? LOCK_WAY_GLOBAL
									: LOCK_WAY_PLAIN;
}

int lock_books_init(struct lock_books *b, const struct lock_table *table,
		    const struct lock_probed *probed)
{
	uint32_t n = probed ? lock_probed_nlocks(probed) : table ? lock_table_size(table) : 0;

	memset(b, 0, sizeof(*b));
	b->at = calloc((size_t)n + 1, sizeof(*b->at));
	b->ways = calloc((size_t)n + 1, sizeof(*b->ways));
	if (!b->at || !b->ways)
		return -ENOMEM;
	b->nlocks = n;
	b->cells_left = CELLS_MAX;
	for (uint32_t i = 0; i < n; i++) {
		b->ways[i] = way_of(table, probed, i);
		b->any_global |= b->ways[i] == LOCK_WAY_GLOBAL;
	}
	return 0;
}

void lock_books_release(struct lock_books *b)
{
	for (uint32_t i = 0; i < b->nlocks; i++) {
		struct lock_book *book = b->at[i];

		if (!book)
			continue;
		spread_release(&book->wait);
		spread_release(&book->handoff);
		spread_release(&book->hold);
		spread_release(&book->ask);
		spread_release(&book->leave);
		free(book->blame.past);
		free(book);
	}
	lock_parts_release(&b->parts);
	free(b->runnable);
	free(b->ways);
	free(b->at);
}

void lock_books_check(struct lock_books *b, int err)
{
	if (err && !b->err)
		b->err = err;
}

struct lock_book *lock_books_make(struct lock_books *b, uint32_t lock)
{
	b->at[lock] = calloc(1, sizeof(**b->at));
	if (b->at[lock])
		b->at[lock]->way = b->ways[lock];
	else
		lock_books_check(b, -ENOMEM);
	return b->at[lock];
}

struct lock_part *lock_books_part_look(struct lock_books *b, uint32_t lock, uint32_t thread)
{
	struct lock_part *p = lock_parts_get(&b->parts, lock, thread);

	if (!p && b->parts.n < LOCK_PARTS_MAX)
		lock_books_check(b, -ENOMEM);
	b->left_out += !p;
	return p;
}

static COLD bool make_room(struct lock_books *b, uint32_t thread)
{
	size_t n = ((size_t)thread + 64) * 2;
	uint64_t *p = realloc(b->runnable, n * sizeof(*p));

	if (!p) {
		lock_books_check(b, -ENOMEM);
		return false;
	}
	memset(p + b->nrunnable, 0, (n - b->nrunnable) * sizeof(*p));
	b->runnable = p;
	b->nrunnable = n;
	return true;
}

void lock_books_transition(struct lock_books *b, const struct thread *t, uint64_t now)
{
	if (t->state == STATE_RUNNABLE && (t->index < b->nrunnable || make_room(b, t->index)))
		b->runnable[t->index] += now - t->since;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

static uint64_t passed(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

void lock_books_hold(struct lock_books *b, uint32_t lock, uint32_t thread, uint64_t ns,
		     struct lock_clock from, struct lock_clock to)
{
	struct lock_part *p = lock_books_part(b, lock, thread);
	uint64_t runnable = at_most(passed(from.runnable, to.runnable), ns);

	lock_books_check(b, spread_add(&b->at[lock]->hold, ns));
	if (!p)
		return;
	p->holds++;
	p->held += ns;
	p->held_runnable += runnable;
	p->held_running += at_most(passed(from.run, to.run), ns - runnable);
}
