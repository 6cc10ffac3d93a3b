/* SPDX-License-Identifier: MIT */
#include "lock_blame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"

#define CELLS_MAX (1U << 22) /* of all locks: 32 MB */
#define PAST_MAX 256	     /* changes of holders that are kept of one lock */

void lock_blames_release(struct lock_blames *b)
{
	free(b->waits);
}

static COLD struct lock_blame_wait *wait_new(struct lock_blames *b, uint32_t thread)
{
	size_t n = ((size_t)thread + 64) * 2;
	struct lock_blame_wait *p = realloc(b->waits, n * sizeof(*p));

	if (!p) {
		lock_books_check(b->books, -ENOMEM);
		return NULL;
	}
	memset(p + b->nwaits, 0, (n - b->nwaits) * sizeof(*p));
	b->waits = p;
	b->nwaits = n;
	return &b->waits[thread];
}

static inline struct lock_blame_wait *wait_of(struct lock_blames *b, uint32_t thread)
{
	return thread < b->nwaits ? &b->waits[thread] : wait_new(b, thread);
}

/* ---- cells ---- */

static COLD bool cells_grow(struct lock_books *books, struct lock_blame *blame, uint32_t slot)
{
	uint32_t room = blame->room ? blame->room : 4;
	uint64_t *cells, more;

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

static inline bool has_room(struct lock_books *books, struct lock_blame *blame, uint32_t slot)
{
	return !slot || slot < blame->room || cells_grow(books, blame, slot);
}

/* There is room for both: has_room(). */
static inline void add(struct lock_blame *blame, uint32_t holder, uint32_t waiter, uint64_t ns)
{
	blame->cells[(size_t)holder * blame->room + waiter] += ns;
}

/*
 * All that it has not been charged for. While it was paused it was itself thought to have the lock:
 * if it goes on waiting, it had not, and `itself` did.
 */
static void charge(struct lock_blame *blame, struct lock_blame_wait *x, uint32_t itself,
		   uint64_t until)
{
	uint64_t charged = x->charged;
	uint32_t holder;

	for (uint32_t i = x->past; i < blame->npast; i++) {
		const struct lock_tenure *past = &blame->past[i];

		if (past->until <= charged)
			continue;
		holder = past->holder == x->slot ? itself : past->holder;
		add(blame, holder, x->slot, past->until - charged);
		charged = past->until;
	}
	x->past = blame->npast;
	if (until > charged) {
		holder = blame->holder == x->slot ? itself : blame->holder;
		add(blame, holder, x->slot, until - charged);
		charged = until;
	}
	x->charged = charged;
}

/*
 * There is no room to note more changes: everybody is charged, but for who runs. Their changes are
 * kept, as long as that leaves half of the room.
 */
static COLD void charge_all(struct lock_blames *b, struct lock_blame *blame, uint64_t until)
{
	uint32_t keep = blame->npast;

	for (uint32_t i = blame->first; i; i = b->waits[i - 1].next) {
		struct lock_blame_wait *x = &b->waits[i - 1];

		if (!x->paused) {
			charge(blame, x, 0, until);
		} else if (blame->npast - x->past >= blame->past_room / 2) {
			x->untold += until > x->charged ? until - x->charged : 0;
			x->charged = until > x->charged ? until : x->charged;
			x->past = blame->npast;
		}
		keep = x->past < keep ? x->past : keep;
	}
	blame->npast -= keep;
	if (blame->npast)
		memmove(blame->past, blame->past + keep, blame->npast * sizeof(*blame->past));
	for (uint32_t i = blame->first; i; i = b->waits[i - 1].next)
		b->waits[i - 1].past -= keep;
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
		.past = book->blame.npast,
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
	charge(&b->books->at[x->lock - 1]->blame, x, 0, now);
	x->paused = true;
}

void lock_blame_again(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;
	struct lock_blame *blame;

	if (!x || !x->lock || !x->paused)
		return;
	blame = &b->books->at[x->lock - 1]->blame;
	charge(blame, x, blame->holder == x->slot ? 0 : blame->holder, now);
	add(blame, 0, x->slot, x->untold);
	x->untold = 0;
	x->paused = false;
}

void lock_blame_end(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;
	struct lock_blame *blame;

	if (!x || !x->lock)
		return;
	blame = &b->books->at[x->lock - 1]->blame;
	if (!x->paused)
		charge(blame, x, 0, now);
	if (x->next)
		b->waits[x->next - 1].prev = x->prev;
	if (x->prev)
		b->waits[x->prev - 1].next = x->next;
	else
		blame->first = x->next;
	x->lock = 0;
}

/* ---- holders ---- */

static COLD bool make_room(struct lock_books *books, struct lock_blame *blame)
{
	uint32_t room = blame->past_room ? blame->past_room * 2 : 4;
	struct lock_tenure *p;

	if (room > PAST_MAX || books->cells + room > CELLS_MAX)
		return false;
	p = realloc(blame->past, room * sizeof(*p));
	if (!p) {
		lock_books_check(books, -ENOMEM);
		return false;
	}
	books->cells += room;
	blame->past = p;
	blame->past_room = room;
	return true;
}

void lock_blame_holder(struct lock_blames *b, uint32_t lock, uint32_t slot, uint64_t when)
{
	struct lock_book *book = lock_books_get(b->books, lock);
	struct lock_blame *blame;

	if (!book)
		return;
	blame = &book->blame;
	if (!has_room(b->books, blame, slot))
		slot = 0;
	if (blame->holder == slot)
		return;
	if (!blame->first)
		blame->npast = 0;
	else if (blame->npast == blame->past_room && !make_room(b->books, blame))
		charge_all(b, blame, when);
	if (blame->first && blame->past_room)
		blame->past[blame->npast++] = (struct lock_tenure){ when, blame->holder };
	blame->holder = slot;
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
