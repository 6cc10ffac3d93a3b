/* SPDX-License-Identifier: MIT */
/*
 * Holds of an interpreter's one lock, without probes, from who ran between hand-overs. Every thread
 * that uses such a lock needs it to go on. So whoever goes on while all others wait for it, or are
 * blocked elsewhere, holds it: also where it was taken and let go of without a call, as it is when
 * nobody waits.
 *
 * Where a thread came from elsewhere, or went there, it ran a little without the lock: from its
 * switch-in until it asked, from letting go until it blocked. Both are seen where it has to wait,
 * or has someone to wake; their medians are taken off where nothing is seen.
 */
#include "lock_holds.h"

struct lock_global {
	const struct thread *t;
	uint32_t lock; /* number + 1; 0: it uses none, as far as known */
	bool on;       /* goes on: has a CPU, or could use one */
	bool arrived;  /* from elsewhere, not from a wait for the lock */
	bool woke;     /* another, on this lock, since it is on: it had the lock */
	uint64_t on_since;
	struct lock_clock on_at;
	uint32_t next, prev; /* among those of this lock that are on: index + 1 */
};

static struct lock_global *user(struct lock_holds *h, uint32_t thread)
{
	return lock_holds_entry(h, (void **)&h->global, &h->nglobal, sizeof(*h->global), thread);
}

static struct lock_book *book_of(struct lock_holds *h, const struct lock_global *u)
{
	return h->books->at[u->lock - 1];
}

/* ---- what is not seen ---- */

/* The median is looked up anew whenever there are twice as many. */
static void sample(struct lock_holds *h, struct spread *s, uint64_t *p50, uint64_t ns)
{
	lock_books_check(h->books, spread_add(s, ns));
	if (!(s->count & (s->count - 1)))
		*p50 = spread_quantile(s, 0.5);
}

/* ---- who is on ---- */

static void link_on(struct lock_holds *h, struct lock_book *b, struct lock_global *u,
		    uint32_t thread)
{
	u->prev = 0;
	u->next = b->on;
	if (u->next)
		h->global[u->next - 1].prev = thread + 1;
	b->on = thread + 1;
}

static void unlink_on(struct lock_holds *h, struct lock_book *b, const struct lock_global *u)
{
	if (u->next)
		h->global[u->next - 1].prev = u->prev;
	if (u->prev)
		h->global[u->prev - 1].next = u->next;
	else
		b->on = u->next;
}

static void join(struct lock_holds *h, struct lock_global *u, uint32_t thread, uint32_t lock)
{
	if (u->lock == lock + 1)
		return;
	if (u->lock && u->on)
		unlink_on(h, book_of(h, u), u);
	u->lock = lock + 1;
	if (u->on)
		link_on(h, book_of(h, u), u, thread);
}

/* ---- holds ---- */

static void add_hold(struct lock_holds *h, uint32_t lock, const struct lock_hold *hold,
		     uint64_t until, struct lock_clock at)
{
	if (until > hold->since)
		lock_books_hold(h->books, lock, hold->thread - 1, until - hold->since, hold->at,
				at);
}

/* Who had it before has let go for good. */
static void settle(struct lock_holds *h, struct lock_book *b, uint32_t lock)
{
	const struct lock_hold *x = &b->before;

	if (!x->thread)
		return;
	if (x->let_go)
		add_hold(h, lock, x, x->let_go, x->let_go_at);
	else
		add_hold(h, lock, x, x->away, x->away_at);
	b->before = (struct lock_hold){ 0 };
}

/* `u`'s thread is on, and nobody else seems to have it. */
static void take(struct lock_holds *h, struct lock_global *u, uint32_t thread, uint64_t now)
{
	struct lock_book *b = book_of(h, u);
	uint64_t since = u->on_since + (u->arrived ? b->ask_p50 : 0);

	b->held = (struct lock_hold){
		.thread = thread + 1,
		.since = since > b->free_since ? since : b->free_since,
		.at = u->on_at,
	};
	lock_blame_holder(&h->blames, u->lock - 1, thread + 1, now);
}

/* It has let go, so far as is known: but the one that comes now may yet be refused. */
static void put_aside(struct lock_holds *h, struct lock_book *b, uint32_t lock)
{
	settle(h, b, lock);
	b->before = b->held;
	b->held = (struct lock_hold){ 0 };
	b->free_since = b->before.let_go ? b->before.let_go : b->before.away;
	if (b->before.let_go) {
		/* What it does from then on it does without the lock. */
		h->global[b->before.thread - 1].on_since = b->before.let_go;
		h->global[b->before.thread - 1].on_at = b->before.let_go_at;
	}
	lock_blame_holder(&h->blames, lock, 0, b->free_since);
}

/* Two that went on side by side from `from` to `to`: neither is known to have had it. */
static void side_by_side(struct lock_book *b, uint64_t from, uint64_t to)
{
	uint64_t cut = from > b->held.since ? to - from : to - b->held.since;

	if (to <= b->held.since)
		return;
	b->held.since += cut;
	b->held.at.run += cut;
}

static void on(struct lock_holds *h, const struct thread *t, struct lock_global *u, bool arrived,
	       uint64_t now)
{
	struct lock_book *b;

	u->t = t;
	u->on = true;
	u->woke = false;
	u->arrived = arrived;
	u->on_since = now;
	u->on_at = lock_books_clock(h->books, t, now);
	if (!u->lock)
		return;
	b = book_of(h, u);
	link_on(h, b, u, t->index);
	if (b->held.thread == t->index + 1) {
		b->held.away = 0; /* nobody got it meanwhile */
		return;
	}
	if (b->held.thread && !b->held.let_go && !b->held.away)
		return;
	if (b->held.thread)
		put_aside(h, b, u->lock - 1);
	take(h, u, t->index, now);
}

/* ---- it stops ---- */

/* It seemed to have the lock, but blocks for it at once: so another has. */
static void lost(struct lock_holds *h, struct lock_book *b, uint32_t lock, uint64_t now)
{
	const struct lock_hold *before = &b->before;
	struct lock_global *other;

	b->held = (struct lock_hold){ 0 };
	lock_blame_correct(&h->blames, lock, 0);
	if (before->thread && (before->away || h->global[before->thread - 1].on)) {
		b->held = *before;
		b->before = (struct lock_hold){ 0 };
		b->held.let_go = 0;
		lock_blame_correct(&h->blames, lock, b->held.thread);
		if (b->held.away)
			b->held.away = now; /* so far it is proven */
		return;
	}
	settle(h, b, lock);
	if (!b->on)
		return;
	other = &h->global[b->on - 1];
	take(h, other, b->on - 1, now);
	lock_blame_correct(&h->blames, lock, b->held.thread);
}

static uint64_t ran_since(const struct lock_holds *h, const struct lock_global *u, uint64_t now)
{
	return lock_books_clock(h->books, u->t, now).run - u->on_at.run;
}

/* The holder stops, and has let go by now. */
static void finish(struct lock_holds *h, struct lock_global *u, bool asks, struct lock_clock at,
		   uint64_t now)
{
	struct lock_book *b = book_of(h, u);
	struct lock_global *next = b->on ? &h->global[b->on - 1] : NULL;
	uint64_t until = b->held.let_go ? b->held.let_go : now;

	if (!b->held.let_go && !asks && until > b->held.since + b->leave_p50)
		until -= b->leave_p50;
	if (next && next->on_since < until && ran_since(h, next, now) >= LOCK_ASK_GAP_NS) {
		/* It went on all the time, without asking. */
		until = next->on_since > b->held.since ? next->on_since : b->held.since;
		next->on_since = now;
	}
	if (b->held.let_go)
		at = b->held.let_go_at;
	add_hold(h, u->lock - 1, &b->held, until, at);
	b->held = (struct lock_hold){ 0 };
	b->free_since = until;
	lock_blame_holder(&h->blames, u->lock - 1, 0, now);
	if (next)
		take(h, next, b->on - 1, now);
}

static void holder_off(struct lock_holds *h, const struct thread *t, struct lock_global *u,
		       bool asks, enum state next, struct lock_clock at, uint64_t now)
{
	struct lock_book *b = book_of(h, u);
	bool ends = next == STATE_NONE || next == STATE_UNKNOWN;

	settle(h, b, u->lock - 1);
	if (u->arrived && !ends)
		lock_holds_got(h, u->lock - 1, t, b->held.since);
	if (!asks && !ends && !b->held.let_go && b->asleep) {
		/* Others wait and none was woken: it seems to go on holding. */
		b->held.away = now;
		b->held.away_at = at;
		return;
	}
	if (!asks && !ends && b->held.let_go)
		sample(h, &b->leave, &b->leave_p50, at.run - b->held.let_go_at.run);
	finish(h, u, asks, at, now);
}

static void off(struct lock_holds *h, const struct thread *t, bool asks, enum state next,
		uint64_t now)
{
	struct lock_global *u = t->index < h->nglobal ? &h->global[t->index] : NULL;
	struct lock_clock at;
	struct lock_book *b;
	uint64_t ran;
	bool at_once;

	if (!u || !u->on)
		return;
	u->on = false;
	if (!u->lock)
		return;
	b = book_of(h, u);
	unlink_on(h, b, u);
	at = lock_books_clock(h->books, t, now);
	ran = at.run - u->on_at.run;
	at_once = asks && ran < LOCK_ASK_GAP_NS && !u->woke;
	if (at_once && u->arrived)
		sample(h, &b->ask, &b->ask_p50, ran);
	if (b->held.thread == t->index + 1 && at_once)
		lost(h, b, u->lock - 1, now);
	else if (b->held.thread == t->index + 1)
		holder_off(h, t, u, asks, next, at, now);
	else if (at_once && b->held.away)
		b->held.away = now;
	else if (b->held.thread && !at_once && ran >= LOCK_ASK_GAP_NS)
		side_by_side(b, u->on_since, now);
	else if (b->before.thread == t->index + 1 && !asks && b->before.let_go)
		sample(h, &b->leave, &b->leave_p50, at.run - b->before.let_go_at.run);
}

/* ---- what is told ---- */

void lock_global_block(struct lock_holds *h, const struct lock_step *s)
{
	const struct lock_book *b = lock_books_get(h->books, s->lock);
	struct lock_global *u = user(h, s->t->index);
	bool uses;

	if (!u || !b)
		return;
	uses = b->way == LOCK_WAY_GLOBAL;
	off(h, s->t, uses && u->lock == s->lock + 1, STATE_LOCK, s->now);
	if (uses)
		join(h, u, s->t->index, s->lock);
}

void lock_global_resume(struct lock_holds *h, const struct lock_step *s)
{
	struct lock_global *u = s->t->index < h->nglobal ? &h->global[s->t->index] : NULL;

	if (u && !u->on)
		on(h, s->t, u, u->lock != s->lock + 1, s->now);
}

void lock_global_arrive(struct lock_holds *h, const struct thread *t, uint64_t now)
{
	struct lock_global *u = user(h, t->index);

	if (u && !u->on)
		on(h, t, u, true, now);
}

void lock_global_leave(struct lock_holds *h, const struct thread *t, enum state next, uint64_t now)
{
	const struct lock_global *u = t->index < h->nglobal ? &h->global[t->index] : NULL;

	/* Inside the kernel's own locks and page faults nobody lets go of anything. */
	if (next == STATE_KERNEL_LOCK)
		return;
	off(h, t, false, next, now);
	if (next != STATE_NONE || !u || !u->lock || book_of(h, u)->held.thread != t->index + 1)
		return;
	put_aside(h, book_of(h, u), u->lock - 1);
	settle(h, book_of(h, u), u->lock - 1);
}

/* The waker has the lock, or has just taken it, or lets go of it. */
void lock_global_wake(struct lock_holds *h, const struct lock_woken *w)
{
	struct lock_book *b = lock_books_get(h->books, w->lock);
	struct lock_global *u = b ? user(h, w->from->index) : NULL;

	if (!u || !u->on || w->ts < u->on_since)
		return;
	join(h, u, w->from->index, w->lock);
	u->woke = true;
	if (b->held.thread && b->held.thread != w->from->index + 1 && b->held.away)
		put_aside(h, b, w->lock);
	if (!b->held.thread) {
		settle(h, b, w->lock);
		take(h, u, w->from->index, w->ts);
		lock_blame_correct(&h->blames, w->lock, b->held.thread);
	}
	if (b->held.thread != w->from->index + 1)
		return;
	b->held.let_go = w->ts;
	b->held.let_go_at = lock_books_clock(h->books, w->from, w->ts);
	lock_blame_holder(&h->blames, w->lock, 0, w->ts);
}
