/* SPDX-License-Identifier: MIT */
/*
 * Holds of any lock without probes, as far as calls tell: from the end of a wait for it to the call
 * that wakes the next. What is taken without waiting, or let go of without a call, is not seen.
 */
#include "lock_holds.h"

#include <string.h>

struct lock_plain {
	/* What it holds since its last wait ended, as long as the release has not been seen. */
	uint32_t holds;	       /* lock + 1; 0: nothing */
	uint32_t self, before; /* index + 1: its own, and of who was thought to hold it before */
	uint64_t since;
	struct lock_clock at;
	uint64_t let_go; /* time of the wake that seems to be the release; 0: none yet */
	uint32_t let_go_to;
	struct lock_clock let_go_at;
	bool away;     /* it has blocked on something else meanwhile */
	bool returned; /* and been woken from that, */
	uint64_t back; /* the first time, then; later ones say nothing about the time before them */
	/* A hold that ended in a block of its own lock, its release not yet seen: late(). */
	uint32_t dropped; /* lock + 1 */
	uint64_t dropped_since, dropped_until;
	struct lock_clock dropped_at, dropped_until_at;
	/* Who woke it last, and when: it may not have let go for this thread's sake. */
	uint32_t waker; /* index + 1 */
	uint64_t woken;
};

static struct lock_plain *plain(struct lock_holds *h, uint32_t thread)
{
	return lock_holds_entry(h, (void **)&h->plain, &h->nplain, sizeof(*h->plain), thread);
}

static void forget(struct lock_plain *x)
{
	x->holds = 0;
	x->let_go = 0;
}

/*
 * A release that wakes nobody makes no call: when that was is in general not known. But if someone
 * who has waited all along was still refused a moment ago, when a timer ended his round, it was
 * now.
 */
static bool let_go_just_now(const struct lock_book *b, const struct lock_plain *x, uint64_t now)
{
	return !x->away && b->timed_out > x->since && now - b->timed_out < LOCK_TIMEOUT_GAP_NS &&
	       b->timed_out_start < x->since + LOCK_TIMEOUT_GAP_NS &&
	       b->last_wake < x->since + LOCK_TIMEOUT_GAP_NS;
}

static void nobody(struct lock_holds *h, const struct lock_plain *x, uint64_t now)
{
	if (h->books->at[x->holds - 1]->blame.holder == x->self)
		lock_blame_holder(&h->blames, x->holds - 1, 0, now);
}

/* `lock`: what it blocks on; a lock that it holds meanwhile it goes on holding. */
static void hold_ends(struct lock_holds *h, struct lock_plain *x, const struct thread *t,
		      uint32_t lock, uint64_t now)
{
	struct lock_clock at = lock_books_clock(h->books, t, now);

	x->dropped = 0;
	if (!x->holds)
		return;
	if (lock == LOCK_NONE || lock == x->holds - 1)
		nobody(h, x, now);
	if (x->let_go) {
		lock_books_hold(h->books, x->holds - 1, t->index, x->let_go - x->since, x->at,
				x->let_go_at);
	} else if (let_go_just_now(h->books->at[x->holds - 1], x, now)) {
		lock_books_hold(h->books, x->holds - 1, t->index, now - x->since, x->at, at);
	} else {
		x->dropped = x->holds;
		x->dropped_since = x->since;
		x->dropped_at = x->at;
		x->dropped_until = now;
		x->dropped_until_at = at;
	}
	forget(x);
}

/* Woken, but it did not get the lock: then its waker did not let go of it for this thread's sake.
 */
static uint32_t take_back(struct lock_holds *h, const struct lock_plain *x, uint32_t thread)
{
	struct lock_plain *waker = x->waker && x->waker <= h->nplain ? &h->plain[x->waker - 1]
								     : NULL;

	if (!waker || waker->let_go != x->woken || waker->let_go_to != thread)
		return 0;
	waker->let_go = 0;
	return waker->self;
}

void lock_plain_block(struct lock_holds *h, const struct lock_step *s)
{
	struct lock_plain *x = plain(h, s->t->index);
	uint32_t holder;

	if (!x)
		return;
	if (!s->again) {
		hold_ends(h, x, s->t, s->lock, s->now);
	} else {
		holder = take_back(h, x, s->t->index);
		if (x->holds == s->lock + 1 && h->books->at[s->lock]->blame.holder == x->self)
			lock_blame_correct(&h->blames, s->lock, holder ? holder : x->before);
		forget(x);
	}
	x->waker = 0;
}

void lock_plain_resume(struct lock_holds *h, const struct lock_step *s)
{
	struct lock_book *b = lock_books_get(h->books, s->lock);
	const struct lock_group *g = lock_table_at(h->table, s->lock);
	struct lock_plain *x = b ? plain(h, s->t->index) : NULL;

	if (!x)
		return;
	if (s->by_nobody) {
		b->timed_out = s->now;
		b->timed_out_start = s->start;
	}
	if (g->sort != SORT_LOCK)
		return;
	forget(x);
	x->holds = s->lock + 1;
	x->self = s->t->index + 1;
	x->since = s->now;
	x->at = lock_books_clock(h->books, s->t, s->now);
	x->away = x->returned = false;
	x->before = b->blame.holder;
	lock_blame_holder(&h->blames, s->lock, x->self, s->now);
}

void lock_plain_leave(struct lock_holds *h, const struct thread *t, enum state next, uint64_t now)
{
	struct lock_plain *x = t->index < h->nplain ? &h->plain[t->index] : NULL;

	if (!x)
		return;
	if (x->let_go || next == STATE_NONE || next == STATE_UNKNOWN)
		hold_ends(h, x, t, LOCK_NONE, now);
	x->returned = x->returned || x->away;
	if (!x->returned)
		x->back = now;
	x->away = true;
}

void lock_plain_back(struct lock_holds *h, const struct thread *t, uint64_t now)
{
	struct lock_plain *x = t->index < h->nplain ? &h->plain[t->index] : NULL;

	if (!x || !x->away || x->returned)
		return;
	x->back = now;
	x->returned = true;
}

/*
 * It wakes another on the lock that it holds, so far as is known: that looks like a release. But if
 * it has blocked on something else since it got the lock, it may have let go long ago without a
 * call. It has not if the other was refused before it first came back, and nobody else let go
 * meanwhile. Refused later, the other may have met a second hold, which began without a wait.
 */
static void let_go(struct lock_holds *h, struct lock_plain *x, const struct lock_woken *w)
{
	const struct lock_book *b = h->books->at[w->lock];

	if (x->away &&
	    (w->start >= x->back || (b->last_waker != w->from->index && b->last_wake > x->since))) {
		forget(x);
		return;
	}
	x->let_go = w->ts;
	x->let_go_to = w->to->index;
	x->let_go_at = lock_books_clock(h->books, w->from, w->ts);
}

/*
 * The wakee was on its way to sleep when this thread released the lock and woke it, and that thread
 * has gone to sleep itself before the wakee's switch-in told of it.
 */
static bool late(const struct lock_plain *x, const struct lock_woken *w)
{
	return x->dropped == w->lock + 1 && w->ts > x->dropped_since && w->ts <= x->dropped_until;
}

/* Its clocks when it let go: since then it ran, so far as is known. */
static struct lock_clock clock_let_go(const struct lock_plain *x, uint64_t when)
{
	struct lock_clock at = x->dropped_until_at;
	uint64_t since = x->dropped_until - when, ran = at.run - x->dropped_at.run;

	at.run -= since < ran ? since : ran;
	return at;
}

void lock_plain_wake(struct lock_holds *h, const struct lock_woken *w)
{
	struct lock_book *b = lock_books_get(h->books, w->lock);
	struct lock_plain *to = b ? plain(h, w->to->index) : NULL;
	struct lock_plain *x = to ? plain(h, w->from->index) : NULL;
	const struct lock_group *g = lock_table_at(h->table, w->lock);

	if (!x)
		return;
	to = plain(h, w->to->index); /* the second entry may have moved the first */
	to->waker = w->from->index + 1;
	to->woken = w->ts;
	if (g->sort == SORT_LOCK) {
		/* Whoever wakes a waiter had the lock, however it came by it. */
		if (!late(x, w))
			lock_blame_correct(&h->blames, w->lock, w->from->index + 1);
		lock_blame_holder(&h->blames, w->lock, 0, w->ts);
	}
	if (late(x, w)) {
		lock_books_hold(h->books, w->lock, w->from->index, w->ts - x->dropped_since,
				x->dropped_at, clock_let_go(x, w->ts));
		x->dropped = 0;
	} else if (x->holds == w->lock + 1 && !x->let_go && w->ts >= x->since) {
		let_go(h, x, w);
	}
	b->last_waker = w->from->index;
	b->last_wake = w->ts;
}
