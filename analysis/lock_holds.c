/* SPDX-License-Identifier: MIT */
#include "lock_holds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lock_holds_init(struct lock_holds *h, struct lock_books *books, const struct lock_table *t)
{
	*h = (struct lock_holds){ .books = books, .blames = { .books = books }, .table = t };
}

void lock_holds_release(struct lock_holds *h)
{
	lock_blames_release(&h->blames);
	free(h->plain);
	free(h->global);
	free(h->exact);
	free(h->data);
}

bool lock_holds_grow(struct lock_holds *h, void **array, size_t *n, size_t size, uint32_t index)
{
	size_t room = ((size_t)index + 64) * 2;
	char *p = realloc(*array, room * size);

	if (!p) {
		lock_books_check(h->books, -ENOMEM);
		return false;
	}
	memset(p + *n * size, 0, (room - *n) * size);
	*array = p;
	*n = room;
	return true;
}

/* ---- which way ---- */

static enum lock_way way_of(const struct lock_holds *h, uint32_t lock)
{
	return lock < h->books->nlocks ? h->books->ways[lock] : LOCK_WAY_PLAIN;
}

/*
 * A thread follows one lock at a time in lock_plain.c and one in lock_global.c: each hears also of
 * its blocks on other locks, as of blocks elsewhere.
 */
void lock_holds_block(struct lock_holds *h, const struct lock_step *s)
{
	enum lock_way way = way_of(h, s->lock);

	if (way == LOCK_WAY_PLAIN)
		lock_plain_block(h, s);
	else
		lock_plain_leave(h, s->t, s->t->state, s->now);
	if (way == LOCK_WAY_EXACT)
		lock_exact_block(h, s);
	if (h->books->any_global)
		lock_global_block(h, s);
}

void lock_holds_resume(struct lock_holds *h, const struct lock_step *s)
{
	enum lock_way way = way_of(h, s->lock);

	if (way == LOCK_WAY_PLAIN)
		lock_plain_resume(h, s);
	if (way == LOCK_WAY_EXACT)
		lock_exact_resume(h, s);
	if (h->books->any_global)
		lock_global_resume(h, s);
}

void lock_holds_leave(struct lock_holds *h, const struct thread *t, enum state next, uint64_t now)
{
	lock_plain_leave(h, t, next, now);
	if (h->books->any_global)
		lock_global_leave(h, t, next, now);
	if (next == STATE_NONE || next == STATE_UNKNOWN)
		lock_exact_end(h, t, now);
	lock_holds_data_used(h, t);
}

void lock_holds_back(struct lock_holds *h, const struct thread *t, uint64_t now)
{
	lock_plain_back(h, t, now);
}

void lock_holds_arrive(struct lock_holds *h, const struct thread *t, uint64_t now)
{
	if (h->books->any_global)
		lock_global_arrive(h, t, now);
}

void lock_holds_wake(struct lock_holds *h, const struct lock_woken *w)
{
	enum lock_way way = way_of(h, w->lock);

	if (way == LOCK_WAY_PLAIN)
		lock_plain_wake(h, w);
	if (way == LOCK_WAY_GLOBAL)
		lock_global_wake(h, w);
}

/* ---- latency of data ---- */

void lock_holds_data(struct lock_holds *h, const struct thread *t, uint64_t now)
{
	uint64_t *data = lock_holds_entry(h, (void **)&h->data, &h->ndata, sizeof(*data), t->index);

	if (data)
		*data = now;
}

void lock_holds_data_used(struct lock_holds *h, const struct thread *t)
{
	if (t->index < h->ndata)
		h->data[t->index] = 0;
}

void lock_holds_got(struct lock_holds *h, uint32_t lock, const struct thread *t, uint64_t when)
{
	uint64_t since = t->index < h->ndata ? h->data[t->index] : 0;
	struct lock_part *p;

	if (!since)
		return;
	h->data[t->index] = 0;
	p = lock_books_part(h->books, lock, t->index);
	if (p && when >= since)
		lock_books_check(h->books, spread_add(&p->io, when - since));
}
