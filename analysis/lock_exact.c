/* SPDX-License-Identifier: MIT */
/*
 * Holds that probes tell of: who asks for the lock, has it, and lets go of it. Where no probe tells
 * of having it, a thread has it when it goes on: at once, or after its last wait on the lock's
 * words.
 *
 * GT_LOCK_FORCED needs no answer here: the thread has let go, which was told, and waits on the
 * lock's words for another to take over, which lock_waits.c counts as any other wait for it.
 */
#include "lock_holds.h"

/* May who goes on have it, as far as probes have told? */
static bool is_free(const struct lock_book *b)
{
	return !b->blame.holder && !b->tells_having;
}

/* A thread asks for one lock at a time, however many it holds. */
struct lock_exact {
	uint32_t asks;	  /* number + 1; 0: for none */
	bool waits;	  /* it is blocked on the lock's words */
	uint64_t goes_on; /* since when it does, asked or waited */
	struct lock_clock at;
};

static struct lock_exact *exact(struct lock_holds *h, uint32_t thread)
{
	return lock_holds_entry(h, (void **)&h->exact, &h->nexact, sizeof(*h->exact), thread);
}

static void holder_is(struct lock_holds *h, uint32_t lock, const struct thread *t, uint64_t now)
{
	lock_blame_holder(&h->blames, lock, t->index + 1, now);
}

static bool is_holder(struct lock_holds *h, uint32_t lock, const struct thread *t)
{
	const struct lock_book *b = h->books->at[lock];

	return b && b->blame.holder == t->index + 1;
}

void lock_exact_block(struct lock_holds *h, const struct lock_step *s)
{
	struct lock_exact *x = s->t->index < h->nexact ? &h->exact[s->t->index] : NULL;

	if (!x || x->asks != s->lock + 1)
		return;
	x->waits = true;
	if (is_holder(h, s->lock, s->t))
		lock_blame_correct(&h->blames, s->lock, 0);
}

void lock_exact_resume(struct lock_holds *h, const struct lock_step *s)
{
	struct lock_exact *x = s->t->index < h->nexact ? &h->exact[s->t->index] : NULL;

	if (!x || x->asks != s->lock + 1)
		return;
	x->waits = false;
	x->goes_on = s->now;
	x->at = lock_books_clock(h->books, s->t, s->now);
	if (is_free(h->books->at[s->lock]))
		holder_is(h, s->lock, s->t, s->now);
}

static void request(struct lock_holds *h, struct lock_exact *x, const struct thread *t,
		    uint32_t lock, uint64_t now)
{
	*x = (struct lock_exact){
		.asks = lock + 1,
		.goes_on = now,
		.at = lock_books_clock(h->books, t, now),
	};
	if (is_free(h->books->at[lock]))
		holder_is(h, lock, t, now);
}

static void has(struct lock_holds *h, struct lock_part *p, const struct thread *t, uint64_t since,
		struct lock_clock at)
{
	p->acquisitions++;
	p->holding = since;
	p->holding_at = at;
	lock_holds_got(h, p->group, t, since);
}

static void acquired(struct lock_holds *h, struct lock_exact *x, struct lock_part *p,
		     const struct thread *t, uint64_t now)
{
	uint32_t lock = p->group;

	h->books->at[lock]->tells_having = true;
	if (p->holding)
		return;
	x->asks = 0;
	has(h, p, t, now, lock_books_clock(h->books, t, now));
	if (!is_holder(h, lock, t))
		holder_is(h, lock, t, now);
}

static void end_hold(struct lock_holds *h, struct lock_part *p, const struct thread *t,
		     uint64_t now)
{
	uint64_t since = p->holding;

	if (!since)
		return;
	p->holding = 0;
	lock_books_hold(h->books, p->group, t->index, now - since, p->holding_at,
			lock_books_clock(h->books, t, now));
}

static void released(struct lock_holds *h, struct lock_exact *x, struct lock_part *p,
		     const struct thread *t, bool first, uint64_t began, uint64_t now)
{
	uint32_t lock = p->group;

	if (!p->holding && x->asks == lock + 1)
		has(h, p, t, x->goes_on, x->at);
	else if (!p->holding && first)
		/* It had it before anybody looked. */
		p->holding = began > t->start ? began : t->start;
	else if (!p->holding)
		return; /* said twice: one function let go inside another */
	x->asks = 0;
	p->releases++;
	lock_holds_data_used(h, t); /* what came while it had the lock kept nobody waiting */
	end_hold(h, p, t, now);
	if (is_holder(h, lock, t))
		lock_blame_holder(&h->blames, lock, 0, now);
}

void lock_exact_record(struct lock_holds *h, const struct thread *t, uint32_t lock, uint32_t role,
		       uint64_t began, uint64_t now)
{
	struct lock_book *b = lock_books_get(h->books, lock);
	struct lock_exact *x = b ? exact(h, t->index) : NULL;
	struct lock_part *p = x ? lock_books_part(h->books, lock, t->index) : NULL;
	bool first;

	if (!p)
		return;
	first = !p->probed;
	p->probed = true;
	if (role == GT_LOCK_REQUEST && !p->holding)
		request(h, x, t, lock, now);
	else if (role == GT_LOCK_ACQUIRED)
		acquired(h, x, p, t, now);
	else if (role == GT_LOCK_RELEASED)
		released(h, x, p, t, first, began, now);
}

/* It ends, or was lost sight of: what it holds, it holds to the end. */
void lock_exact_end(struct lock_holds *h, const struct thread *t, uint64_t now)
{
	struct lock_exact *x = t->index < h->nexact ? &h->exact[t->index] : NULL;

	if (x)
		x->asks = 0;
}
