/* SPDX-License-Identifier: MIT */
#include "lock_waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* After a timeout a thread looks who holds the lock, perhaps asks for it, and waits again. */
#define TIMEOUT_GAP_NS 200000ULL
/*
 * A woken thread that is back within this has lost a race, or has gone from the condvar to its
 * mutex.
 */
#define WOKEN_GAP_NS 50000ULL
#define NO_GROUP UINT32_MAX

enum phase {
	PHASE_NONE,
	PHASE_BLOCKED, /* in a wait */
	PHASE_RESUMED, /* runs again; whether the wait is over shows when it blocks next */
};

struct waiting {
	enum phase phase;
	uint32_t group;
	uint64_t start, resumed;
	uint32_t waker; /* index + 1 of who ended its last futex wait by a futex call; 0: nobody */
	uint64_t woken;
	bool by_nobody; /* a timer did */
	bool released;	/* it has woken someone on its group since it resumed: so it had the lock */
	/* What it holds since `resumed`, as long as the release has not been seen. */
	uint32_t holds; /* group, or NO_GROUP */
	uint64_t held_since;
	uint64_t let_go; /* time of the wake that seems to be the release; 0: none yet */
	uint32_t let_go_to;
	bool away;     /* it has blocked on something else meanwhile */
	uint64_t back; /* when it was woken from that */
	/*
	 * A hold that ended in a block of its own group, its release not yet seen:
	 * released_before().
	 */
	uint32_t dropped; /* group, or NO_GROUP */
	uint64_t dropped_since, dropped_until;
};

struct lock_waits {
	const struct lock_table *table;
	struct lock_waits_group **groups; /* by index in the table */
	uint32_t ngroups;
	struct waiting *threads; /* by struct thread.index */
	size_t nthreads;
	struct lock_parts parts;
	struct lock_shares shares;
	uint64_t left_out;
	int err;
};

struct lock_waits *lock_waits_new(const struct lock_table *table, const struct parallelism *p)
{
	struct lock_waits *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->table = table;
	w->shares.parallelism = p;
	w->ngroups = table ? lock_table_size(table) : 0;
	w->groups = calloc(w->ngroups + 1, sizeof(*w->groups));
	if (!w->groups) {
		lock_waits_free(w);
		return NULL;
	}
	return w;
}

void lock_waits_free(struct lock_waits *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; w->groups && i < w->ngroups; i++) {
		if (!w->groups[i])
			continue;
		spread_release(&w->groups[i]->wait);
		spread_release(&w->groups[i]->handoff);
		spread_release(&w->groups[i]->hold);
		free(w->groups[i]);
	}
	lock_parts_release(&w->parts);
	lock_shares_release(&w->shares);
	free(w->groups);
	free(w->threads);
	free(w);
}

static void check(struct lock_waits *w, int err)
{
	if (err && !w->err)
		w->err = err;
}

static struct waiting *waiting(struct lock_waits *w, uint32_t thread)
{
	if (thread >= w->nthreads) {
		size_t n = ((size_t)thread + 64) * 2;
		struct waiting *p = realloc(w->threads, n * sizeof(*p));

		if (!p) {
			check(w, -ENOMEM);
			return NULL;
		}
		memset(p + w->nthreads, 0, (n - w->nthreads) * sizeof(*p));
		for (size_t i = w->nthreads; i < n; i++)
			p[i].holds = p[i].dropped = NO_GROUP;
		w->threads = p;
		w->nthreads = n;
	}
	return &w->threads[thread];
}

/*
 * Index of the group a thread's wait is for, with its sums made; NO_GROUP for words not in the
 * table.
 */
static uint32_t group_of(struct lock_waits *w, const struct thread *t)
{
	uint32_t at = t->wait.group ? t->wait.group->id - 1 : NO_GROUP;

	if (at >= w->ngroups)
		return NO_GROUP;
	if (!w->groups[at])
		w->groups[at] = calloc(1, sizeof(**w->groups));
	if (!w->groups[at]) {
		check(w, -ENOMEM);
		return NO_GROUP;
	}
	return at;
}

static struct lock_part *part(struct lock_waits *w, uint32_t group, uint32_t thread)
{
	struct lock_part *p = lock_parts_get(&w->parts, group, thread);

	if (!p && w->parts.n < LOCK_PARTS_MAX)
		check(w, -ENOMEM);
	w->left_out += !p;
	return p;
}

/* ---- waits ---- */

/* The wait is over since `until`. */
static void wait_ends(struct lock_waits *w, struct waiting *x, uint32_t thread, uint64_t until)
{
	struct lock_waits_group *g = w->groups[x->group];
	struct lock_part *p = part(w, x->group, thread);

	check(w, spread_add(&g->wait, until - x->start));
	if (p) {
		p->waits++;
		p->wait += until - x->start;
	}
	if (x->phase == PHASE_RESUMED && x->waker) {
		g->handoffs++;
		check(w, spread_add(&g->handoff, until - x->woken));
	}
	x->phase = PHASE_NONE;
}

static void add_hold(struct lock_waits *w, uint32_t group, uint32_t thread, uint64_t ns)
{
	struct lock_part *p = part(w, group, thread);

	check(w, spread_add(&w->groups[group]->hold, ns));
	if (p) {
		p->holds++;
		p->held += ns;
	}
}

/*
 * A release that wakes nobody makes no call: when that was is in general not known. But if someone
 * who has waited all along was still refused a moment ago, when a timer ended his round, it was
 * now.
 */
static bool let_go_just_now(const struct lock_waits_group *g, const struct waiting *x, uint64_t now)
{
	return !x->away && g->timed_out > x->held_since && now - g->timed_out < TIMEOUT_GAP_NS &&
	       g->timed_out_start < x->held_since + TIMEOUT_GAP_NS &&
	       g->last_wake < x->held_since + TIMEOUT_GAP_NS;
}

static void hold_ends(struct lock_waits *w, struct waiting *x, uint32_t thread, uint64_t now)
{
	x->dropped = NO_GROUP;
	if (x->holds != NO_GROUP && x->let_go) {
		add_hold(w, x->holds, thread, x->let_go - x->held_since);
	} else if (x->holds != NO_GROUP && let_go_just_now(w->groups[x->holds], x, now)) {
		add_hold(w, x->holds, thread, now - x->held_since);
	} else if (x->holds != NO_GROUP) {
		x->dropped = x->holds;
		x->dropped_since = x->held_since;
		x->dropped_until = now;
	}
	x->holds = NO_GROUP;
	x->let_go = 0;
}

static bool goes_on_waiting(const struct waiting *x, uint32_t group, uint64_t now)
{
	uint64_t ran = now - x->resumed;

	return x->phase == PHASE_RESUMED && x->group == group && !x->released &&
	       ran < (x->by_nobody ? TIMEOUT_GAP_NS : WOKEN_GAP_NS);
}

/*
 * Woken, but it did not get the lock: then its waker did not let go of it for this thread's sake.
 */
static void take_back(struct lock_waits *w, const struct waiting *x, uint32_t thread)
{
	struct waiting *waker = x->waker ? &w->threads[x->waker - 1] : NULL;

	if (waker && waker->let_go == x->woken && waker->let_go_to == thread)
		waker->let_go = 0;
}

static void block(struct lock_waits *w, struct waiting *x, const struct thread *t, uint32_t group,
		  uint64_t now)
{
	if (goes_on_waiting(x, group, now)) {
		take_back(w, x, t->index);
		x->holds = NO_GROUP;
		x->phase = PHASE_BLOCKED;
	} else {
		if (x->phase != PHASE_NONE)
			wait_ends(w, x, t->index, x->phase == PHASE_RESUMED ? x->resumed : now);
		hold_ends(w, x, t->index, now);
		x->phase = PHASE_BLOCKED;
		x->group = group;
		x->start = now;
	}
	x->waker = 0;
	x->by_nobody = true;
}

static void resume(struct lock_waits *w, struct waiting *x, const struct thread *t, uint64_t now)
{
	if (x->phase != PHASE_BLOCKED)
		return;
	if (x->by_nobody) {
		w->groups[x->group]->timed_out = now;
		w->groups[x->group]->timed_out_start = x->start;
	}
	x->phase = PHASE_RESUMED;
	x->resumed = now;
	x->released = false;
	if (t->wait.group->sort == SORT_LOCK) {
		x->holds = x->group;
		x->held_since = now;
		x->let_go = 0;
		x->away = false;
	}
}

/* It blocks on something else, ends, or was lost sight of. */
static void leave(struct lock_waits *w, struct waiting *x, const struct thread *t, enum state next,
		  uint64_t now)
{
	if (x->phase == PHASE_RESUMED)
		wait_ends(w, x, t->index, x->resumed);
	else if (x->phase == PHASE_BLOCKED && next == STATE_NONE)
		wait_ends(w, x, t->index, now);
	x->phase = PHASE_NONE;
	if (x->let_go || next == STATE_NONE || next == STATE_UNKNOWN)
		hold_ends(w, x, t->index, now);
	x->away = true;
	x->back = now;
}

/* Woken, or at once running, after a block on something else. */
static void come_back(struct lock_waits *w, const struct thread *t, uint64_t now)
{
	if (t->index < w->nthreads && t->state != STATE_RUNNING && t->state != STATE_RUNNABLE &&
	    !t->blocked_on_futex)
		w->threads[t->index].back = now;
}

/* ---- time blocked ---- */

static void enter_lock(struct lock_waits *w, uint32_t group, const struct thread *t, uint64_t now)
{
	int whole = lock_shares_enter(&w->shares, group, NULL, now);
	int own = lock_shares_enter(&w->shares, group, t->process, now);

	if (whole == -ENOMEM || own == -ENOMEM)
		check(w, -ENOMEM);
	w->left_out += whole || own;
}

static void leave_lock(struct lock_waits *w, const struct thread *t, uint64_t now)
{
	uint32_t group = group_of(w, t);

	if (group == NO_GROUP)
		return;
	w->groups[group]->blocked += now - t->since;
	lock_shares_leave(&w->shares, group, NULL, now);
	lock_shares_leave(&w->shares, group, t->process, now);
}

/* ---- what the model tells ---- */

void lock_waits_transition(struct lock_waits *w, const struct thread *t, enum state next,
			   uint64_t now)
{
	bool blocks = next == STATE_LOCK || next == STATE_EVENT;
	struct waiting *x;
	uint32_t group;

	if (t->state == STATE_LOCK)
		leave_lock(w, t, now);
	if (next == STATE_RUNNABLE || (next == STATE_RUNNING && !t->blocked_on_futex)) {
		come_back(w, t, now);
		return;
	}
	x = blocks ? waiting(w, t->index) : t->index < w->nthreads ? &w->threads[t->index] : NULL;
	if (!x)
		return;
	group = blocks ? group_of(w, t) : NO_GROUP;
	if (group != NO_GROUP) {
		if (next == STATE_LOCK)
			enter_lock(w, group, t, now);
		block(w, x, t, group, now);
	} else if (next == STATE_RUNNING) {
		resume(w, x, t, now);
	} else {
		leave(w, x, t, next, now);
	}
}

/*
 * `from` wakes `to` on the group that it holds, so far as is known: that looks like a release. But
 * if it has blocked on something else since it got the lock, it may have let go long ago without a
 * call. It has not if `to` was refused before it came back, and nobody else let go meanwhile.
 */
static void let_go(struct lock_waits *w, struct waiting *x, uint32_t from, uint32_t to,
		   uint64_t now)
{
	const struct lock_waits_group *g = w->groups[x->holds];

	if (x->away && (w->threads[to].start >= x->back ||
			(g->last_waker != from && g->last_wake > x->held_since))) {
		x->holds = NO_GROUP;
		return;
	}
	x->let_go = now;
	x->let_go_to = to;
}

/*
 * The wakee was on its way to sleep when `x`'s thread released the lock and woke it, and that
 * thread has gone to sleep itself before the wakee's switch-in told of it.
 */
static bool released_before(const struct waiting *x, uint32_t group, uint64_t then)
{
	return x->dropped == group && then > x->dropped_since && then <= x->dropped_until;
}

void lock_waits_wake(struct lock_waits *w, const struct wake *wake)
{
	const struct thread *to = wake->wakee, *from = wake->waker;
	struct waiting *x;
	uint32_t group;

	if ((to->state != STATE_LOCK && to->state != STATE_EVENT) || to->index >= w->nthreads)
		return;
	x = &w->threads[to->index];
	if (x->phase != PHASE_BLOCKED)
		return;
	x->woken = wake->ts;
	x->by_nobody = !from;
	x->waker = from && wake->futex ? from->index + 1 : 0;
	if (wake->timeout)
		w->groups[x->group]->timeouts++;
	if (!x->waker)
		return;
	/* A waker this pass has not seen wait yet gets its entry here: take_back() looks it up. */
	if (!waiting(w, from->index)) {
		w->threads[to->index].waker = 0;
		return;
	}
	group = w->threads[to->index].group;
	x = &w->threads[from->index];
	if (x->phase == PHASE_RESUMED && x->group == group && wake->ts >= x->resumed)
		x->released = true;
	if (released_before(x, group, wake->ts)) {
		add_hold(w, group, from->index, wake->ts - x->dropped_since);
		x->dropped = NO_GROUP;
	} else if (x->holds == group && !x->let_go && wake->ts >= x->held_since) {
		let_go(w, x, from->index, to->index, wake->ts);
	}
	w->groups[group]->last_waker = from->index;
	w->groups[group]->last_wake = wake->ts;
}

/* ---- what it came to ---- */

const struct lock_waits_group *lock_waits_at(const struct lock_waits *w, uint32_t group)
{
	return group < w->ngroups ? w->groups[group] : NULL;
}

const struct lock_part *lock_waits_parts(struct lock_waits *w, size_t *n)
{
	lock_parts_sort(&w->parts);
	*n = w->parts.n;
	return w->parts.at;
}

const struct lock_shares *lock_waits_shares(const struct lock_waits *w)
{
	return &w->shares;
}

uint64_t lock_waits_left_out(const struct lock_waits *w)
{
	return w->left_out;
}

int lock_waits_error(const struct lock_waits *w)
{
	return w->err;
}
