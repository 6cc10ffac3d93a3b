/* SPDX-License-Identifier: MIT */
#include "model_private.h"

static bool blocked(enum state state)
{
	return state != STATE_NONE && state != STATE_RUNNING && state != STATE_RUNNABLE &&
	       state != STATE_UNKNOWN;
}

int model_stack_of(struct model *m, const struct gt_event *ev)
{
	m->stacks[ev->cpu] = (struct stack_taken){ ev->ts, ev->task, ev->u.stack_of.stack };
	return 0;
}

/* The stack of `task` that belongs to the record `ev`, 0: none was taken. */
static uint32_t stack_at(const struct model *m, const struct gt_event *ev, uint32_t task)
{
	const struct stack_taken *s = ev->cpu < GT_MAX_CPUS ? &m->stacks[ev->cpu] : NULL;

	return s && s->ts == ev->ts && s->task == task ? s->stack : 0;
}

static bool same_word(const struct thread *wakee, const struct thread *waker, uint64_t addr)
{
	return addr == wakee->wait.addr && waker->process->as == wakee->wait.as;
}

/*
 * Does the futex call `waking` tells of end `wakee`'s wait? Its word is the one waited on, or both
 * are shared, whose addresses may differ. Another word is right after a requeue; that is certain
 * for a wait that nothing but a wake can end, and likely for a timed one in a process that is known
 * to requeue.
 */
static bool futex_wakes(struct model_thread *waker, const struct thread *wakee,
			const struct waking *waking)
{
	struct model_process *p = (struct model_process *)waker->pub.process;

	if (!(waking->flags & GT_F_FUTEX) || !futex_op_wakes(waking->op) ||
	    !wakee->blocked_on_futex)
		return false;
	if (futex_op_requeues(waking->op))
		p->requeues = true;
	if (same_word(wakee, &waker->pub, waking->addr))
		return true;
	if (!(waking->op & FUTEX_PRIVATE) && !(wakee->wait.op & FUTEX_PRIVATE))
		return true;
	if (waker->pub.process->as != wakee->wait.as)
		return false;
	return !wakee->wait.timed || p->requeues || futex_command(waking->op) == FUTEX_CMD_WAKE_OP;
}

/* An ending thread wakes its joiners, its parent, and who waits for its robust locks. */
static bool exit_wakes(const struct thread *waker, const struct thread *wakee)
{
	if (!wakee->blocked_on_futex)
		return wakee->state != STATE_SLEEP;
	return !wakee->wait.timed || same_word(wakee, waker, waker->clear_child_tid);
}

/* It waits for data, a child, or whatever else a call on a file may bring. */
static bool is_fed(const struct thread *wakee)
{
	return !wakee->blocked_on_futex && wakee->state != STATE_SLEEP;
}

/* Is the task on top of which the waking ran its cause? Otherwise that was an interrupt. */
static bool caused(const struct model *m, struct model_thread *waker, const struct thread *wakee,
		   const struct waking *waking)
{
	if (waking->exiting)
		return exit_wakes(&waker->pub, wakee);
	/* Locks of the kernel are let go of in any call. */
	if (wakee->state == STATE_KERNEL_LOCK)
		return waking->syscall >= 0;
	switch (classify_wakes(&m->classifier, waking->flags, waking->syscall)) {
	case WAKES_FUTEX:
		return futex_wakes(waker, wakee, waking);
	case WAKES_EXIT:
		return exit_wakes(&waker->pub, wakee);
	case WAKES_EXIT_ALL:
		return waker->pub.process == wakee->process || exit_wakes(&waker->pub, wakee);
	case WAKES_EXEC:
		return waker->pub.process == wakee->process || is_fed(wakee);
	case WAKES_SIGNAL:
		return true;
	case WAKES_IO:
		return is_fed(wakee);
	default:
		return false;
	}
}

static void tell_wake(struct model *m, struct model_thread *t, const struct waking *waking)
{
	struct model_thread *waker = waking->peer ? idmap_get(&m->thread_ids, waking->peer) : NULL;
	struct wake wake = { .ts = waking->ts, .wakee = &t->pub };

	if (waker && waker != t && caused(m, waker, &t->pub, waking)) {
		wake.waker = &waker->pub;
		wake.futex = waking->flags & GT_F_FUTEX && t->pub.blocked_on_futex &&
			     !waking->exiting && futex_op_wakes(waking->op);
		wake.addr = wake.futex ? waking->addr : 0;
		wake.op = wake.futex ? waking->op : 0;
		wake.stack = waking->stack;
	}
	wake.timeout = !wake.waker && t->pub.blocked_on_futex && t->pub.wait.timed;
	MODEL_TELL(m, wake, &wake);
	t->pub.waker = wake.waker ? wake.waker->id : 0;
	t->pub.waker_stack = wake.stack;
	t->pub.woken = waking->ts;
}

static void wake_up(struct model *m, struct model_thread *t, const struct waking *waking)
{
	tell_wake(m, t, waking);
	t->pub.preempted = false;
	model_set_state(m, t, STATE_RUNNABLE);
}

/* After a loss: who wakes another, or is interrupted to do so, is who has the CPU. */
static void waker_runs(struct model *m, struct cpu *c, uint32_t id)
{
	struct model_thread *t = c->running || c->known ? NULL : model_live(m, id);

	if (!t || t->pub.state != STATE_UNKNOWN)
		return;
	model_cpu_close(m, c, 0);
	model_switch_in(m, c, t);
}

int model_waking(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);
	const struct model_thread *waker = ev->peer ? idmap_get(&m->thread_ids, ev->peer) : NULL;
	struct waking waking = {
		.ts = m->now,
		.peer = ev->peer,
		.flags = ev->flags,
		.exiting = waker && waker->exiting,
		.syscall = ev->syscall,
		.addr = ev->flags & GT_F_FUTEX ? ev->u.addr : 0,
		.op = ev->op,
		.stack = stack_at(m, ev, ev->peer),
	};

	if (ev->peer && ev->cpu < GT_MAX_CPUS && !m->cpus[ev->cpu].known && m->seen[ev->cpu])
		waker_runs(m, &m->cpus[ev->cpu], ev->peer);
	if (!t)
		return 0;
	if (blocked(t->pub.state)) {
		wake_up(m, t, &waking);
	} else if (t->pub.state == STATE_UNKNOWN) {
		t->pub.preempted = false;
		/* The next it does may be lost. */
		if (model_in_loss(m))
			return 0;
		model_set_state(m, t, STATE_RUNNABLE);
		t->waking = waking; /* it may be on its way off a CPU */
	} else if (t->pub.state == STATE_RUNNING) {
		t->waking = waking;
	}
	return 0;
}

/*
 * Blocked by the records, yet here it runs: it was woken between the moment it decided to sleep and
 * its switch-out, and that did not show at the switch-out. The last waking seen is that one.
 */
static void unmatched(struct model *m, struct model_thread *t)
{
	m->counts.unmatched_switch_in++;
	if (t->waking.ts)
		tell_wake(m, t, &t->waking);
	else
		m->counts.unseen_wakings++;
}

void model_switch_in(struct model *m, struct cpu *c, struct model_thread *t)
{
	if (t->pub.state == STATE_RUNNING) {
		m->counts.bad_records++;
		model_forget(m, t);
	}
	if (blocked(t->pub.state))
		unmatched(m, t);
	model_set_state(m, t, STATE_RUNNING);
	t->pub.cpu = c->id;
	t->pub.blocked_on_futex = false;
	t->waking.ts = 0;
	model_cpu_take(m, c, t, false);
}

static struct lock_group *group_of(struct model *m, struct model_thread *t,
				   const struct futex_wait *wait)
{
	if (!m->locks)
		return NULL;
	if (t->last.addr != wait->addr || t->last.as != wait->as || !t->last.addr) {
		t->last = *wait;
		t->last.group = lock_table_find(m->locks, wait->as, wait->addr);
	}
	return t->last.group;
}

/* Begin a futex wait; after an interruption it goes on with the word it had, which the record may
 * lack. */
static enum state futex_block(struct model *m, struct model_thread *t, const struct gt_event *ev)
{
	struct futex_wait *wait = &t->pub.wait;

	if (ev->flags & GT_F_FUTEX && futex_op_waits(ev->op))
		*wait = (struct futex_wait){
			.as = t->pub.process->as,
			.addr = ev->u.addr,
			.op = ev->op,
			.val = ev->val,
			.timed = ev->flags & GT_F_TIMED,
		};
	wait->group = group_of(m, t, wait);
	t->pub.blocked_on_futex = true;
	if (!m->locks)
		return STATE_FUTEX;
	return wait->group && wait->group->sort == SORT_LOCK ? STATE_LOCK : STATE_EVENT;
}

/* Enter the state that a switch-out, or the look at a found task, tells of. */
static void go_off(struct model *m, struct model_thread *t, const struct gt_event *ev)
{
	struct classify_thread about = {
		.kernel = t->kernel,
		.vfork_parent = t->vfork_child,
		.before = t->before,
	};
	enum state next = classify_switch_out(&m->classifier, ev, &about);

	if (next == STATE_NONE) {
		model_end_thread(m, t);
		return;
	}
	if (next == STATE_FUTEX || next == STATE_IO || next == STATE_SLEEP)
		t->before = next;
	t->pub.preempted = next == STATE_RUNNABLE;
	t->pub.waker = t->pub.waker_stack = 0;
	t->pub.woken = 0;
	t->pub.stack = stack_at(m, ev, ev->task);
	if (model_in_loss(m))
		next = STATE_UNKNOWN;
	else if (next == STATE_FUTEX)
		next = futex_block(m, t, ev);
	model_set_state(m, t, next);
}

int model_found_state(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);

	/* Taken while it may already have moved: a record of its own says more. */
	if (t && t->pub.state == STATE_UNKNOWN)
		go_off(m, t, ev);
	return 0;
}

/* May a waking of `t` have been lost since it came to the CPU that it has? */
static bool waking_lost(const struct model *m, const struct model_thread *t)
{
	return t->pub.state == STATE_UNKNOWN ||
	       (t->pub.state == STATE_RUNNING && t->pub.since < m->last_lost_until);
}

/* `t` leaves CPU `c`, on which the model may not have seen it. */
static void switch_out(struct model *m, struct cpu *c, struct model_thread *t,
		       const struct gt_event *ev)
{
	enum state state = t->pub.state;
	bool lost = ev->flags & GT_F_WOKEN && waking_lost(m, t);
	struct waking waking = t->waking;

	if (blocked(state))
		waking.ts = 0; /* its coming was not seen */
	if (state == STATE_RUNNING && t->pub.cpu != c->id)
		model_forget(m, t);
	else if (blocked(state) || state == STATE_RUNNABLE)
		model_switch_in(m, c, t);
	t->pub.cpu = c->id;
	t->pub.blocked_on_futex = false;
	go_off(m, t, ev);
	/* Its waking came between the moment it decided to sleep and this switch-out. */
	if (!(ev->flags & GT_F_WOKEN) || !blocked(t->pub.state))
		return;
	if (waking.ts)
		wake_up(m, t, &waking);
	else if (lost)
		model_forget(m, t);
}

/*
 * `prev` does not run on `c` by the records, and this one says that it leaves it. Was that told
 * before? Then the CPU has gone to `ev->peer`, and `prev` off it, at this very time.
 */
static bool told_before(struct model *m, const struct cpu *c, const struct model_thread *prev,
			const struct gt_event *ev)
{
	const struct model_thread *next = model_live(m, ev->peer);

	if (!c->known || c->since != m->now || c->running != (next ? &next->pub : NULL))
		return false;
	return !prev || (prev->pub.state != STATE_RUNNING && prev->pub.cpu == c->id &&
			 prev->pub.since == m->now);
}

int model_switch(struct model *m, const struct gt_event *ev)
{
	struct model_thread *prev = model_live(m, ev->task);
	const struct thread *leaves = prev ? &prev->pub : NULL;
	struct model_thread *next;
	struct cpu *c = &m->cpus[ev->cpu];

	if (c->running != leaves) {
		if (told_before(m, c, prev, ev)) {
			m->counts.repeated++;
			return 0;
		}
		if (c->running) {
			m->counts.bad_records++;
			model_forget(m, model_of(c->running));
		}
	}
	model_cpu_close(m, c, !ev->task && ev->flags & GT_F_PREV_IDLE ? m->now - c->since : 0);
	if (prev)
		switch_out(m, c, prev, ev);
	next = model_live(m, ev->peer);
	if (next)
		model_switch_in(m, c, next);
	else
		model_cpu_take(m, c, NULL, ev->flags & GT_F_NEXT_IDLE);
	return 0;
}
