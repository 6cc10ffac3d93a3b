/* SPDX-License-Identifier: MIT */
#include "lock_blame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"

/*
 * Changes of holders that are kept of one lock, at least: up to as many as threads wait for it. One
 * waiter is charged for this many at once.
 */
#define PAST_MAX 256
#define WAITERS_MAX 128 /* so many are charged for all that is kept when it has to go */
/*
 * While more threads than this wait, each waits for so many holders that most of them hardly count:
 * then a tenure is told apart if it is this part of the time at hand.
 */
#define WAITERS_FEW 32

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

/* ---- time ---- */

static inline struct lock_row **row_of(const struct lock_blames *b, const struct lock_blame_wait *x)
{
	return &b->books->parts.at[x->part].row;
}

/* What it is not charged for one by one: all but the last `most` changes. */
static COLD void charge_together(struct lock_blames *b, const struct lock_blame *blame,
				 struct lock_blame_wait *x, uint32_t most)
{
	uint64_t until = blame->past[blame->npast - most - 1].until;

	if (until > x->charged) {
		(*row_of(b, x))->others += until - x->charged;
		x->charged = until;
	}
	x->past = blame->npast - most;
}

/* A charge as it is made. */
struct charge {
	uint32_t self, itself; /* if it seemed to have the lock itself, this one has */
	uint64_t least;	       /* ns: who has less counts among the others */
	uint64_t nobody, others;
};

static inline void add(struct lock_blames *b, struct lock_row **row, struct charge *c,
		       uint32_t holder, uint64_t ns)
{
	holder = holder == c->self ? c->itself : holder;
	if (!holder)
		c->nobody += ns;
	else if (ns < c->least)
		c->others += ns;
	else
		lock_books_check(b->books, lock_row_add(row, holder, ns, &b->books->cells_left));
}

/*
 * All that it has not been charged for. While it was paused it was itself thought to have the lock:
 * if it goes on waiting, it had not, and `itself` did.
 */
static void charge(struct lock_blames *b, const struct lock_blame *blame, struct lock_blame_wait *x,
		   uint32_t itself, uint64_t until)
{
	struct charge c = { .self = x->self, .itself = itself };
	struct lock_row **row = row_of(b, x);
	uint64_t charged;

	if (blame->npast - x->past > PAST_MAX)
		charge_together(b, blame, x, PAST_MAX);
	charged = x->charged;
	if (blame->waiting > WAITERS_FEW && until > charged)
		c.least = (until - charged) / WAITERS_FEW;
	for (uint32_t i = x->past; i < blame->npast; i++) {
		const struct lock_tenure *past = &blame->past[i];

		if (past->until <= charged)
			continue;
		add(b, row, &c, past->holder, past->until - charged);
		charged = past->until;
	}
	x->past = blame->npast;
	if (until > charged) {
		add(b, row, &c, blame->holder, until - charged);
		charged = until;
	}
	x->charged = charged;
	(*row)->nobody += c.nobody;
	(*row)->others += c.others;
}

/*
 * There is no room to note more changes: everybody is charged, but for who runs. Their changes are
 * kept, as long as that leaves half of the room. Who came last goes first: it has the least.
 */
static COLD void charge_all(struct lock_blames *b, struct lock_blame *blame, uint64_t until)
{
	uint64_t steps = (uint64_t)blame->npast * WAITERS_MAX;
	uint32_t keep = blame->npast;

	for (uint32_t i = blame->first; i; i = b->waits[i - 1].next) {
		struct lock_blame_wait *x = &b->waits[i - 1];
		uint32_t left = blame->npast - x->past;

		if (!x->paused) {
			if (left > steps)
				charge_together(b, blame, x, 0);
			else
				steps -= left;
			charge(b, blame, x, 0, until);
		} else if (left >= blame->past_room / 2) {
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

/* The part in which its time is kept, by number; PAIRS_NONE: there is no room. */
static uint32_t part_of(struct lock_books *books, uint32_t lock, uint32_t thread)
{
	struct lock_part *p = lock_books_part(books, lock, thread);

	if (p && !p->row) {
		p->row = calloc(1, sizeof(*p->row));
		lock_books_check(books, p->row ? 0 : -ENOMEM);
	}
	return p && p->row ? (uint32_t)(p - books->parts.at) : PAIRS_NONE;
}

void lock_blame_wait(struct lock_blames *b, uint32_t lock, uint32_t thread, uint64_t now)
{
	struct lock_book *book = lock_books_get(b->books, lock);
	struct lock_blame_wait *x = book ? wait_of(b, thread) : NULL;
	uint32_t part;

	if (!x)
		return;
	if (x->lock)
		lock_blame_end(b, thread, now);
	part = part_of(b->books, lock, thread);
	if (part == PAIRS_NONE)
		return;
	*x = (struct lock_blame_wait){
		.lock = lock + 1,
		.part = part,
		.self = thread + 1,
		.past = book->blame.npast,
		.next = book->blame.first,
		.charged = now,
	};
	if (x->next)
		b->waits[x->next - 1].prev = thread + 1;
	book->blame.first = thread + 1;
	book->blame.waiting++;
}

void lock_blame_pause(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;

	if (!x || !x->lock || x->paused)
		return;
	charge(b, &b->books->at[x->lock - 1]->blame, x, 0, now);
	x->paused = true;
}

void lock_blame_again(struct lock_blames *b, uint32_t thread, uint64_t now)
{
	struct lock_blame_wait *x = thread < b->nwaits ? &b->waits[thread] : NULL;
	struct lock_blame *blame;

	if (!x || !x->lock || !x->paused)
		return;
	blame = &b->books->at[x->lock - 1]->blame;
	charge(b, blame, x, blame->holder == x->self ? 0 : blame->holder, now);
	(*row_of(b, x))->others += x->untold;
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
		charge(b, blame, x, 0, now);
	if (x->next)
		b->waits[x->next - 1].prev = x->prev;
	if (x->prev)
		b->waits[x->prev - 1].next = x->next;
	else
		blame->first = x->next;
	blame->waiting--;
	x->lock = 0;
}

/* ---- holders ---- */

static COLD bool make_room(struct lock_books *books, struct lock_blame *blame)
{
	uint32_t room = blame->past_room ? blame->past_room * 2 : 4;
	struct lock_tenure *p;

	if ((room > PAST_MAX && room > blame->waiting) || books->cells_left < room)
		return false;
	p = realloc(blame->past, room * sizeof(*p));
	if (!p) {
		lock_books_check(books, -ENOMEM);
		return false;
	}
	books->cells_left -= room - blame->past_room;
	blame->past = p;
	blame->past_room = room;
	return true;
}

void lock_blame_holder(struct lock_blames *b, uint32_t lock, uint32_t holder, uint64_t when)
{
	struct lock_book *book = lock_books_get(b->books, lock);
	struct lock_blame *blame;

	if (!book)
		return;
	blame = &book->blame;
	if (blame->holder == holder)
		return;
	if (!blame->first)
		blame->npast = 0;
	else if (blame->npast == blame->past_room && !make_room(b->books, blame))
		charge_all(b, blame, when);
	if (blame->first && blame->past_room)
		blame->past[blame->npast++] = (struct lock_tenure){ when, blame->holder };
	blame->holder = holder;
}

void lock_blame_correct(struct lock_blames *b, uint32_t lock, uint32_t holder)
{
	struct lock_book *book = lock_books_get(b->books, lock);

	if (book)
		book->blame.holder = holder;
}
