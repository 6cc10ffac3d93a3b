/* SPDX-License-Identifier: MIT */
#include "lock_blame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX (1U << 22) /* of all locks: 32 MB */
#define SELF UINT32_MAX	     /* it was thought to have the lock, and had not */

void lock_blames_release(struct lock_blames *b)
{
	free(b->waits);
}

static struct lock_blame_wait *wait_of(struct lock_blames *b, uint32_t thread)
{
	if (thread >= b->nwaits) {
		size_t n = ((size_t)thread + 64) * 2;
		struct lock_blame_wait *p = realloc(b->waits, n * sizeof(*p));

		if (!p) {
			lock_books_check(b->books, -ENOMEM);
			return NULL;
		}
		memset(p + b->nwaits, 0, (n - b->nwaits) * sizeof(*p));
		b->waits = p;
		b->nwaits = n;
	}
	return &b->waits[thread];
}

/* ---- cells ---- */

static bool has_room(struct lock_books *books, struct lock_blame *blame, uint32_t slot)
{
	uint32_t room = blame->room ? blame->room : 4;
	uint64_t *cells, more;

	if (!slot || slot < blame->room)
		return true;
	if (slot >= LOCK_SLOTS_MAX)
		return false;
	while (room <= slot)
		room *= 2;
	more = (uint64_t)room * room - (uint64_t)blame->room * blame->room;
	if (books->cells + more > CELLS_MAX)
		return false;
	cells = calloc((size_t)room * room, sizeof(*cells));
	if (!cells) {
		lock_books_check(books, -ENOMEM);
		return false;
	}
	for (uint32_t i = 0; i < blame->room; i++)
		memcpy(cells + (size_t)i * room, blame->cells + (size_t)i * blame->room,
		       blame->room * sizeof(*cells));
	free(blame->cells);
	blame->cells = cells;
	blame->room = room;
	books->cells += more;
	return true;
}

/* There is room for both: has_room(). */
static inline void add(struct lock_blame *blame, uint32_t holder, uint32_t waiter, uint64_t ns)
{
	blame->cells[(size_t)(holder == waiter ? 0 : holder) * blame->room + waiter] += ns;
}

static void add_later(struct lock_blame_wait *x, uint32_t holder, uint64_t ns)
{
	uint32_t i = 0;

	if (holder == x->slot)
		holder = SELF;
	while (i < x->nlater && x->later[i].holder != holder)
		i++;
	if (i == LOCK_BLAME_LATER) {
		x->later[i - 1].holder = 0; /* too many in a moment to tell apart */
		i--;
	} else if (i == x->nlater) {
		x->later[x->nlater].holder = holder;
		x->later[x->nlater++].ns = 0;
	}
	x->later[i].ns += ns;
}

static inline void charge(struct lock_blame *blame, struct lock_blame_wait *x, uint64_t until)
{
	uint64_t ns = until - x->charged;

	if (until <= x->charged)
		return;
	x->charged = until;
	if (x->paused)
		add_later(x, blame->holder, ns);
	else
		add(blame, blame->holder, x->slot, ns);
}

/* ---- waits ---- */

void lock_blame_wait(struct lock_blames *b, uint32_t lock, uint32_t thread, uint64_t now)
{
	struct lock_book *book = lock_books_get(b->books, lock);
	struct lock_blame_wait *x = book ? wait_of(b, thread) : NULL;
	uint32_t slot;

	if (!x)
		return;
	if (x->lock)
		lock_blame_end(b, thread, now);
	slot = lock_books_slot(b->books, lock, thread);
	if (!slot || !has_room(b->books, &book->blame, slot)) {
		b->books->left_out++;
		return;
	}
	*x = (struct lock_blame_wait){
		.lock = lock + 1,
		.slot = slot,
		.next = book->blame.first,
		.charged = now,
	};
	if (x->next)
		b->waits[x->next - 1].prev = thread + 1;
	book->blame.first = thread + 1;
}

void lock_blame_pause(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;

	if (!x || !x->lock || x->paused)
		return;
	charge(&b->books->at[x->lock - 1]->blame, x, now);
	x->paused = true;
}

void lock_blame_again(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;
	struct lock_blame *blame;

	if (!x || !x->lock || !x->paused)
		return;
	blame = &b->books->at[x->lock - 1]->blame;
	charge(blame, x, now);
	x->paused = false;
	for (uint32_t i = 0; i < x->nlater; i++)
		add(blame, x->later[i].holder == SELF ? blame->holder : x->later[i].holder, x->slot,
		    x->later[i].ns);
	x->nlater = 0;
}

void lock_blame_end(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;
	struct lock_blame *blame;

	if (!x || !x->lock)
		return;
	blame = &b->books->at[x->lock - 1]->blame;
	if (!x->paused)
		charge(blame, x, now);
	if (x->next)
		b->waits[x->next - 1].prev = x->prev;
	if (x->prev)
		b->waits[x->prev - 1].next = x->next;
	else
		blame->first = x->next;
	x->lock = 0;
}

/* ---- holders ---- */

void lock_blame_holder(struct lock_blames *b, uint32_t lock, uint32_t slot, uint64_t when)
{
	struct lock_book *book = lock_books_get(b->books, lock);

	if (book && !has_room(b->books, &book->blame, slot))
		slot = 0;
	if (!book || book->blame.holder == slot)
		return;
	for (uint32_t i = book->blame.first; i; i = b->waits[i - 1].next)
		charge(&book->blame, &b->waits[i - 1], when);
	book->blame.holder = slot;
}

void lock_blame_correct(struct lock_blames *b, uint32_t lock, uint32_t slot)
{
	struct lock_book *book = lock_books_get(b->books, lock);

	if (book)
		book->blame.holder = has_room(b->books, &book->blame, slot) ? slot : 0;
}

uint64_t lock_blame_get(const struct lock_book *book, uint32_t holder, uint32_t waiter)
{
	const struct lock_blame *blame = &book->blame;

	return holder < blame->room && waiter < blame->room
		       ? blame->cells[(size_t)holder * blame->room + waiter]
		       : 0;
}
