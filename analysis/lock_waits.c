/* SPDX-License-Identifier: MIT */
#include "lock_waits.h"

#include <errno.h>
#include <stdlib.h>

#define NO_GROUP LOCK_NONE

enum phase {
	PHASE_NONE,
	PHASE_BLOCKED, /* in a wait */
	PHASE_RESUMED, /* runs again; whether the wait is over shows when it blocks next */
};

struct waiting {
	enum phase phase;
	uint32_t group;
	uint64_t start, resumed;
	struct lock_clock start_at, resumed_at;
	uint32_t waker; /* index + 1 of who ended its last futex wait by a futex call; 0: nobody */
	uint64_t woken;
	bool by_nobody;	  /* a timer did */
	bool released;	  /* it has woken someone on its group since it resumed: it had the lock */
	bool for_data;	  /* it had come back from elsewhere just before */
	uint64_t arrived; /* its run-time clock when it last came back from elsewhere */
};

struct lock_waits {
	const struct lock_table *table;
	struct lock_books *books;
	struct lock_holds *holds;
	uint32_t ngroups;
	struct waiting *threads; /* by struct thread.index */
	size_t nthreads;
	struct lock_shares shares;
};

struct lock_waits *lock_waits_new(const struct lock_table *table, const struct parallelism *p,
				  struct lock_books *books, struct lock_holds *holds)
{
	struct lock_waits *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->table = table;
	w->books = books;
	w->holds = holds;
	w->ngroups = table ? lock_table_size(table) : 0;
	if (lock_shares_init(&w->shares, w->ngroups, p)) {
		lock_waits_free(w);
		return NULL;
	}
	return w;
}

void lock_waits_free(struct lock_waits *w)
{
	if (!w)
		return;
	lock_shares_release(&w->shares);
	free(w->threads);
	free(w);
}

static struct waiting *waiting(struct lock_waits *w, uint32_t thread)
{
	return lock_holds_entry(w->holds, (void **)&w->threads, &w->nthreads, sizeof(*w->threads),
				thread);
}

/*
 * Index of the group a thread's wait is for, with its book made; NO_GROUP for words not in the
 * table.
 */
static uint32_t group_of(struct lock_waits *w, const struct thread *t)
{
	uint32_t at = t->wait.group ? t->wait.group->id - 1 : NO_GROUP;

	return at < w->ngroups && lock_books_get(w->books, at) ? at : NO_GROUP;
}

/* ---- waits ---- */

/*
 * The wait that it is back from was for the lock that its data was for, if it came to ask for it:
 * it has that now. Otherwise it has done something else with it.
 */
static void data_waited(struct lock_waits *w, struct waiting *x, const struct thread *t)
{
	if (x->phase != PHASE_RESUMED || w->books->at[x->group]->way == LOCK_WAY_EXACT)
		return;
	if (x->for_data)
		lock_holds_got(w->holds, x->group, t, x->resumed);
	else
		lock_holds_data_used(w->holds, t);
}

/* The wait is over since `until`, when the thread's clocks stood at `at`. */
static void wait_ends(struct lock_waits *w, struct waiting *x, const struct thread *t,
		      uint64_t until, struct lock_clock at)
{
	struct lock_book *b = w->books->at[x->group];
	struct lock_part *p = lock_books_part(w->books, x->group, t->index);

	lock_books_check(w->books, spread_add(&b->wait, until - x->start));
	if (p) {
		p->waits++;
		p->wait += until - x->start;
		p->wait_runnable += at.runnable - x->start_at.runnable;
		p->wait_running += at.run - x->start_at.run;
	}
	if (x->phase == PHASE_RESUMED && x->waker) {
		b->handoffs++;
		lock_books_check(w->books, spread_add(&b->handoff, until - x->woken));
	}
	data_waited(w, x, t);
	lock_blame_end(&w->holds->blames, t->index, until);
	x->phase = PHASE_NONE;
}

static bool goes_on_waiting(const struct waiting *x, uint32_t group, struct lock_clock at)
{
	uint64_t ran = at.run - x->resumed_at.run;

	return x->phase == PHASE_RESUMED && x->group == group && !x->released &&
	       ran < (x->by_nobody ? LOCK_TIMEOUT_GAP_NS : LOCK_WOKEN_GAP_NS);
}

static void wait_goes_on(struct lock_waits *w, const struct waiting *x, const struct thread *t,
			 uint64_t now)
{
	struct lock_part *p = lock_books_part(w->books, x->group, t->index);

	if (p && !x->by_nobody)
		p->races_lost++;
	lock_blame_again(&w->holds->blames, t->index, now);
}

static void wait_begins(struct lock_waits *w, struct waiting *x, const struct thread *t,
			uint32_t group, struct lock_clock at, uint64_t now)
{
	x->group = group;
	x->start = now;
	x->start_at = at;
	x->for_data = at.run - x->arrived < LOCK_ASK_GAP_NS;
	if (lock_table_at(w->table, group)->sort == SORT_LOCK)
		lock_blame_wait(&w->holds->blames, group, t->index, now);
}

static void block(struct lock_waits *w, struct waiting *x, const struct thread *t, uint32_t group,
		  uint64_t now)
{
	struct lock_clock at = lock_books_clock(w->books, t, now);
	struct lock_step step = { .t = t, .lock = group, .now = now };

	step.again = goes_on_waiting(x, group, at);
	if (!step.again && x->phase == PHASE_RESUMED)
		wait_ends(w, x, t, x->resumed, x->resumed_at);
	else if (!step.again && x->phase != PHASE_NONE)
		wait_ends(w, x, t, now, at);
	lock_holds_block(w->holds, &step);
	if (step.again)
		wait_goes_on(w, x, t, now);
	else
		wait_begins(w, x, t, group, at, now);
	x->phase = PHASE_BLOCKED;
	x->waker = 0;
	x->by_nobody = true;
}

static void resume(struct lock_waits *w, struct waiting *x, const struct thread *t, uint64_t now)
{
	struct lock_step step = {
		.t = t,
		.lock = x->group,
		.now = now,
		.by_nobody = x->by_nobody,
		.start = x->start,
	};

	if (x->phase != PHASE_BLOCKED)
		return;
	x->phase = PHASE_RESUMED;
	x->resumed = now;
	x->resumed_at = lock_books_clock(w->books, t, now);
	x->released = false;
	lock_blame_pause(&w->holds->blames, t->index, now);
	lock_holds_resume(w->holds, &step);
}

/* It blocks on something else, ends, or was lost sight of. */
static void leave(struct lock_waits *w, const struct thread *t, enum state next, uint64_t now)
{
	struct waiting *x = t->index < w->nthreads ? &w->threads[t->index] : NULL;

	if (x && x->phase == PHASE_RESUMED)
		wait_ends(w, x, t, x->resumed, x->resumed_at);
	else if (x && x->phase == PHASE_BLOCKED && next == STATE_NONE)
		wait_ends(w, x, t, now, lock_books_clock(w->books, t, now));
	if (x)
		x->phase = PHASE_NONE;
	lock_blame_end(&w->holds->blames, t->index, now);
	lock_holds_leave(w->holds, t, next, now);
}

/* ---- time blocked ---- */

static void enter_lock(struct lock_waits *w, uint32_t group, const struct thread *t, uint64_t now)
{
	int err = lock_shares_enter(&w->shares, group, t->process, now);

	if (err == -ENOMEM)
		lock_books_check(w->books, err);
	w->books->left_out += !!err;
	w->books->at[group]->asleep++;
}

static void leave_lock(struct lock_waits *w, const struct thread *t, uint64_t now)
{
	uint32_t group = group_of(w, t);

	if (group == NO_GROUP)
		return;
	w->books->at[group]->blocked += now - t->since;
	w->books->at[group]->asleep--;
	lock_shares_leave(&w->shares, group, t->process, now);
}

/* ---- what the model tells ---- */

static bool off_cpu(const struct thread *t)
{
	return t->state != STATE_RUNNING && t->state != STATE_RUNNABLE;
}

/* On a CPU again after a block that was none on a lock or event; or for the first time. */
static void run(struct lock_waits *w, const struct thread *t, uint64_t now)
{
	struct waiting *x = waiting(w, t->index);

	if (x && t->state == STATE_RUNNABLE && !t->preempted)
		x->arrived = lock_books_clock(w->books, t, now).run;
	lock_holds_arrive(w->holds, t, now);
}

void lock_waits_transition(struct lock_waits *w, const struct thread *t, enum state next,
			   uint64_t now)
{
	bool blocks = next == STATE_LOCK || next == STATE_EVENT;
	struct waiting *x;
	uint32_t group;

	lock_books_transition(w->books, t, now);
	if (t->state == STATE_LOCK)
		leave_lock(w, t, now);
	if (next == STATE_RUNNABLE || (next == STATE_RUNNING && !t->blocked_on_futex)) {
		if (off_cpu(t) && !t->blocked_on_futex)
			lock_holds_back(w->holds, t, now);
		if (next == STATE_RUNNING)
			run(w, t, now);
		return;
	}
	group = blocks ? group_of(w, t) : NO_GROUP;
	x = group != NO_GROUP || next == STATE_RUNNING ? waiting(w, t->index) : NULL;
	if (group != NO_GROUP && x) {
		if (next == STATE_LOCK)
			enter_lock(w, group, t, now);
		block(w, x, t, group, now);
	} else if (next == STATE_RUNNING && x) {
		resume(w, x, t, now);
	} else {
		leave(w, t, next, now);
	}
}

void lock_waits_probed(struct lock_waits *w, const struct thread *t)
{
	if (t->index < w->nthreads)
		data_waited(w, &w->threads[t->index], t);
}

void lock_waits_wake(struct lock_waits *w, const struct wake *wake)
{
	const struct thread *to = wake->wakee, *from = wake->waker;
	struct lock_woken woken = { .from = from, .to = to, .ts = wake->ts };
	struct waiting *x;

	if (to->state == STATE_IO || to->state == STATE_SLEEP)
		lock_holds_data(w->holds, to, wake->ts);
	if ((to->state != STATE_LOCK && to->state != STATE_EVENT) || to->index >= w->nthreads)
		return;
	x = &w->threads[to->index];
	if (x->phase != PHASE_BLOCKED)
		return;
	x->woken = wake->ts;
	x->by_nobody = !from;
	x->waker = from && wake->futex ? from->index + 1 : 0;
	woken.lock = x->group;
	woken.start = x->start;
	if (wake->timeout)
		w->books->at[x->group]->timeouts++;
	if (!x->waker)
		return;
	x = from->index < w->nthreads ? &w->threads[from->index] : NULL;
	if (x && x->phase == PHASE_RESUMED && x->group == woken.lock && wake->ts >= x->resumed)
		x->released = true;
	lock_holds_wake(w->holds, &woken);
}

const struct lock_shares *lock_waits_shares(const struct lock_waits *w)
{
	return &w->shares;
}
