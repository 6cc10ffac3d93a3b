/* SPDX-License-Identifier: MIT */
/* How each kind of lock, queue and barrier waits and wakes: the words, operations and values that
 * are seen of them. */
#include "sim.h"

#include <linux/futex.h>

#define WAIT (FUTEX_WAIT | FUTEX_PRIVATE_FLAG)
#define WAIT_CONDVAR (FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
#define WAIT_CONDVAR_UNTIL (FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG)

#define LOCK_PI (FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG)

#define GIL_INTERVAL (5 * MS)
#define SLICE_OF_SEMAPHORE (100 * US)
#define SLICE_OF_TICK (10 * MS)

/* A GIL's words, from the object's first. */
enum { GIL_CONDVAR = 0, GIL_SWITCH = 2 };

static void probe(struct sim *s, const struct sim_thread *t, const struct sim_object *o,
		  uint32_t role)
{
	struct gt_event ev = {
		.ts = s->now, .cpu = t->cpu, .kind = GT_LOCK, .task = t->id, .syscall = -1
	};

	if (!s->trace || !sim_has(s, SIM_PROBES) || o->kind == OBJECT_RWLOCK ||
	    o->kind == OBJECT_BATON || o->shared)
		return;
	ev.u.lock.addr = o->base;
	ev.u.lock.site = role;
	ev.u.lock.role = role;
	sim_trace_event(s->trace, &ev);
}

/* A moment's work in user space before the call. */
static bool moment(struct sim *s, struct sim_thread *t, uint32_t stage)
{
	t->lock_stage = stage;
	t->left = sim_between(s, 200, 2 * US);
	return false;
}

static bool wakes_one(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++)
		if (sim_futex_wake(s, t, word + i))
			return true;
	return false;
}

/* ---- batons: a turn is given, not taken ---- */

static void turn_wanted(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	t->next_turn = 0;
	if (o->last)
		s->threads[o->last - 1].next_turn = t->index + 1;
	else
		o->first = t->index + 1;
	o->last = t->index + 1;
}

static void turn_given(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	struct sim_thread *next = o->first ? &s->threads[o->first - 1] : NULL;

	o->owner = o->first;
	if (!next)
		return;
	o->first = next->next_turn;
	if (!o->first)
		o->last = 0;
	sim_futex_wake(s, t, next->turn_word);
}

/* ---- taking ---- */

static bool is_free(const struct sim_thread *t, const struct sim_object *o)
{
	if (o->kind == OBJECT_BATON)
		return o->owner == t->index + 1 || (!o->owner && !o->first);
	if (o->pi && o->owner == t->index + 1)
		return true;
	return !o->owner && !o->readers;
}

static bool has_it(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	o->owner = t->index + 1;
	t->lock_stage = 0;
	if (s->truth)
		sim_truth_got(s, t, o);
	probe(s, t, o, GT_LOCK_ACQUIRED);
	if (o->kind == OBJECT_GIL) {
		o->switches++;
		o->asked = false;
		wakes_one(s, t, o->word + GIL_SWITCH, 2);
	}
	return true;
}

/* The GIL's holder looks now and then whether somebody wants it, as long as it computes. */
static void ask_holder(struct sim *s, struct sim_object *o)
{
	struct sim_thread *holder = o->owner ? &s->threads[o->owner - 1] : NULL;

	if (!holder || o->asked)
		return;
	o->asked = true;
	if (holder->steps[holder->at].kind == STEP_HOLD && holder->stage == 1 &&
	    &s->objects[holder->steps[holder->at].object] == o)
		sim_interrupt(s, holder, sim_between(s, 1 * US, 20 * US));
}

static void wait_for(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	switch (o->kind) {
	case OBJECT_MUTEX:
		sim_futex_wait(s, t, o->word, o->pi ? LOCK_PI : WAIT, o->pi ? 0 : 2, 0);
		break;
	case OBJECT_GIL:
		t->seen = o->switches;
		sim_futex_wait(s, t, o->word + GIL_CONDVAR + (o->switches / 4 & 1),
			       WAIT_CONDVAR_UNTIL, 0, GIL_INTERVAL);
		break;
	case OBJECT_BATON:
		sim_futex_wait(s, t, t->turn_word, WAIT_CONDVAR, 0, 0);
		break;
	case OBJECT_RWLOCK: /* a writer */
		sim_futex_wait(s, t, o->word + 1, WAIT_CONDVAR, 3, 0);
		break;
	default:
		sim_futex_wait(s, t, o->word, WAIT_CONDVAR, 0, 0);
		break;
	}
}

/*
 * Whether the lock is free is looked at when it is asked for, right before the call, and at once
 * when it is back: lock_stage 0, 1 and 2.
 */
static bool take(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	if (t->lock_stage == 0)
		probe(s, t, o, GT_LOCK_REQUEST);
	if (is_free(t, o))
		return has_it(s, t, o);
	if (t->lock_stage == 0 && o->kind == OBJECT_BATON)
		turn_wanted(s, t, o);
	if (t->lock_stage == 2 && o->kind == OBJECT_GIL && t->timed_out && t->seen == o->switches)
		ask_holder(s, o);
	if (t->lock_stage != 1)
		return moment(s, t, 1);
	t->lock_stage = 2;
	wait_for(s, t, o);
	return false;
}

bool sim_lock(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	if (t->lock_stage == 0)
		t->episode++;
	return take(s, t, o);
}

/* ---- letting go ---- */

static void readers_go(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	while (sim_futex_wake(s, t, o->word))
		;
	sim_futex_wake(s, t, o->word + 1);
}

void sim_unlock(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	o->owner = 0;
	if (s->truth)
		sim_truth_let_go(s, t, o);
	probe(s, t, o, GT_LOCK_RELEASED);
	if (o->pi) /* nobody else can take it any more */
		o->owner = s->words[o->word].first;
	if (o->kind == OBJECT_BATON)
		turn_given(s, t, o);
	else if (o->kind == OBJECT_RWLOCK)
		readers_go(s, t, o);
	else
		wakes_one(s, t, o->word, o->kind == OBJECT_GIL || o->kind == OBJECT_MASTER ? 2 : 1);
}

static bool wanted(const struct sim *s, const struct sim_object *o)
{
	if (o->kind == OBJECT_BATON)
		return o->first;
	return s->words[o->word].first || s->words[o->word + 1].first;
}

/* How long it may run before it has to look whether others wait. */
static void holds_on(struct sim_thread *t, const struct sim_object *o)
{
	static const uint64_t slices[OBJECT_KINDS] = {
		[OBJECT_SEMAPHORE] = SLICE_OF_SEMAPHORE,
		[OBJECT_BATON] = SLICE_OF_TICK,
		[OBJECT_MASTER] = SLICE_OF_TICK,
	};
	uint64_t slice = slices[o->kind];

	if (o->kind == OBJECT_GIL && o->asked)
		slice = 20 * US;
	t->left = slice && slice < t->hold_left ? slice : t->hold_left;
	t->hold_left -= t->left;
	t->stage = 1;
}

/* What a holder does when its slice is over or it was asked: it lets go, each kind in its way. */
static void gives_way(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	bool others = wanted(s, o);

	t->episode++;
	if (o->kind != OBJECT_SEMAPHORE && !others) {
		o->asked = false;
		holds_on(t, o);
		return;
	}
	sim_unlock(s, t, o);
	t->seen = o->switches;
	t->stage = o->kind == OBJECT_GIL ? 2 : 3;
	if (o->kind == OBJECT_GIL) {
		probe(s, t, o, GT_LOCK_FORCED);
		moment(s, t, 0);
	} else if (o->kind == OBJECT_MASTER) {
		probe(s, t, o, GT_LOCK_REQUEST);
		t->lock_stage = 2;
		wait_for(s, t, o);
	}
}

/*
 * Compute for `ns` while holding a lock. Stage 1: it runs; 2: forced to let go of a GIL, it waits
 * until another has it; 3: it takes the lock again.
 */
bool sim_hold(struct sim *s, struct sim_thread *t, struct sim_object *o, uint64_t ns)
{
	if (t->stage == 0) {
		t->hold_left = ns;
		holds_on(t, o);
		return false;
	}
	if (t->stage == 1) {
		if (!t->hold_left)
			return true;
		gives_way(s, t, o);
		if (t->stage != 3 || t->state != SIM_RUNNING)
			return false;
	}
	if (t->stage == 2) {
		if (t->seen == o->switches) {
			sim_futex_wait(s, t, o->word + GIL_SWITCH + (t->seen & 1), WAIT_CONDVAR, 0,
				       0);
			return false;
		}
		t->stage = 3;
	}
	if (!take(s, t, o))
		return false;
	holds_on(t, o);
	return false;
}

/* ---- many readers ---- */

bool sim_read_lock(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	if (t->lock_stage == 0)
		t->episode++;
	if (!o->owner) {
		o->readers++;
		t->lock_stage = 0;
		return true;
	}
	if (t->lock_stage != 1)
		return moment(s, t, 1);
	t->lock_stage = 2;
	sim_futex_wait(s, t, o->word, WAIT_CONDVAR, 2, 0);
	return false;
}

void sim_read_unlock(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	if (!--o->readers)
		readers_go(s, t, o);
}

/* ---- queues and barriers ---- */

void sim_put(struct sim *s, struct sim_thread *t, struct sim_object *o, bool poison)
{
	o->round++;
	if (poison)
		o->poison++;
	else
		o->items++;
	sim_futex_wake(s, t, o->word);
}

bool sim_take(struct sim *s, struct sim_thread *t, struct sim_object *o, bool *poison)
{
	if (t->lock_stage == 0)
		t->episode++;
	if (o->items || o->poison) {
		*poison = !o->items;
		if (o->items)
			o->items--;
		else
			o->poison--;
		t->lock_stage = 0;
		return true;
	}
	if (t->lock_stage != 1)
		return moment(s, t, 1);
	t->lock_stage = 2;
	sim_futex_wait(s, t, o->word, WAIT_CONDVAR, o->round * 2, 0);
	return false;
}

static bool has_mutex(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	o->owner = t->index + 1;
	t->lock_stage = 5;
	t->left = sim_between(s, 5 * US, 90 * US);
	return false;
}

/* All others wait: the mutex is free. */
static bool broadcasts(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	sim_futex_requeue(s, t, o->word);
	return has_mutex(s, t, o);
}

/*
 * Back from a condition variable, with its mutex still to be taken, as C libraries do that move the
 * waiters to it: each lets the next one go. Stages 3: it wants it, 4: right before the call, 5: it
 * has it.
 */
static bool passes_mutex(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	if (t->lock_stage == 5) {
		o->owner = 0;
		sim_futex_wake(s, t, o->word + 1);
		t->lock_stage = 0;
		return true;
	}
	if (!o->owner)
		return has_mutex(s, t, o);
	if (t->lock_stage != 4)
		return moment(s, t, 4);
	t->lock_stage = 3;
	sim_futex_wait(s, t, o->word + 1, WAIT, 2, 0);
	return false;
}

bool sim_barrier(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	if (t->lock_stage > 2)
		return passes_mutex(s, t, o);
	if (t->lock_stage == 0) {
		t->episode++;
		t->seen = o->round;
		if (++o->here == o->members) {
			o->here = 0;
			o->round++;
			if (o->requeues)
				return broadcasts(s, t, o);
			while (sim_futex_wake(s, t, o->word))
				;
			return true;
		}
	}
	if (o->round != t->seen) {
		if (o->requeues)
			return passes_mutex(s, t, o);
		t->lock_stage = 0;
		return true;
	}
	if (t->lock_stage != 1)
		return moment(s, t, 1);
	t->lock_stage = 2;
	sim_futex_wait(s, t, o->word, WAIT, 16 + o->round, 0);
	return false;
}
