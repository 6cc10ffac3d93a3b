/* SPDX-License-Identifier: MIT */
/* Blocking and waking. */
#include "sim_cpus.h"

#include <linux/futex.h>

#define NR_FUTEX 202
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_DEAD 0x80
#define TASK_WAKEKILL 0x100

static void blocks(struct sim *s, struct sim_thread *t, struct gt_event *ev, enum sim_state state,
		   uint64_t ns)
{
	t->block_number++;
	t->timed_out = false;
	if (ns)
		sim_at(s, s->now + ns, EVENT_WAKE, t->index, t->block_number);
	sim_leave(s, t, ev, state, false);
}

void sim_block(struct sim *s, struct sim_thread *t, enum sim_state state, int syscall, bool disk,
	       uint64_t ns)
{
	struct gt_event ev = sim_record(s, t->cpu, GT_SWITCH, t->id);

	ev.syscall = syscall;
	ev.state = disk || state == SIM_KERNEL_LOCK ? TASK_UNINTERRUPTIBLE : TASK_INTERRUPTIBLE;
	if (syscall == NR_VFORK || syscall == NR_EXECVE)
		ev.state = TASK_UNINTERRUPTIBLE | TASK_WAKEKILL;
	ev.flags = disk ? GT_F_IOWAIT : 0;
	blocks(s, t, &ev, state, ns);
}

static void word_add(struct sim *s, uint32_t word, struct sim_thread *t)
{
	struct sim_word *w = &s->words[word];

	t->queued_on = word;
	t->next_wait = 0;
	if (w->last)
		s->threads[w->last - 1].next_wait = t->index + 1;
	else
		w->first = t->index + 1;
	w->last = t->index + 1;
}

static void word_del(struct sim *s, struct sim_thread *t)
{
	struct sim_word *w = &s->words[t->queued_on];
	uint32_t *link = &w->first, before_it = 0;

	while (*link && *link != t->index + 1) {
		before_it = *link;
		link = &s->threads[*link - 1].next_wait;
	}
	if (!*link)
		return;
	*link = t->next_wait;
	if (w->last == t->index + 1)
		w->last = before_it;
}

static struct sim_thread *early_waker(struct sim *s, const struct sim_thread *t)
{
	return t->early_from ? &s->threads[t->early_from - 1] : NULL;
}

/* The switch-out did not tell: that it was woken before shows when it runs. */
static void seems_blocked(struct sim *s, struct sim_thread *t)
{
	t->unseen = true;
	t->block_number++;
	sim_enqueue(s, t);
}

void sim_early_shows(struct sim *s, struct sim_thread *t)
{
	if (!t->unseen)
		return;
	if (s->truth)
		sim_truth_wake(s, early_waker(s, t), t, t->early_by_futex);
	t->unseen = false;
	t->early = 0;
}

/* It is in nobody's way any more: runnable, and told so. */
static void awake(struct sim *s, const struct sim_thread *from, struct sim_thread *to, bool futex)
{
	if (s->truth)
		sim_truth_wake(s, from, to, futex);
	to->block_number++;
	sim_set_state(s, to, SIM_RUNNABLE);
	sim_enqueue(s, to);
}

void sim_futex_leaves(struct sim *s, struct sim_thread *t)
{
	struct gt_event ev = sim_record(s, t->cpu, GT_SWITCH, t->id);
	bool told = t->early && !sim_chance(s, 25);

	t->leaving = false;
	ev.syscall = NR_FUTEX;
	ev.state = TASK_INTERRUPTIBLE;
	ev.flags = GT_F_FUTEX | GT_F_BLOCK | (t->leaving_ns ? GT_F_TIMED : 0);
	/* Others than wakers hold the lock that tells of one, too; and some kernels' lock may not
	 * tell. */
	if (t->early ? told : sim_has(s, SIM_EARLY) && sim_chance(s, 5))
		ev.flags |= GT_F_WOKEN;
	ev.u.addr = sim_word_addr(s, &s->words[t->word], &s->processes[t->process]);
	ev.op = t->leaving_op;
	ev.val = t->leaving_val;
	if (s->words[t->word].rounds++)
		s->words[t->word].varies |= s->words[t->word].val != ev.val;
	else
		s->words[t->word].val = ev.val;
	if (s->truth) {
		sim_truth_way_off(s, t, ev.flags & GT_F_WOKEN);
		sim_truth_round(s, t, t->word);
	}
	blocks(s, t, &ev, SIM_FUTEX, t->leaving_ns);
	if (t->early && !told) {
		seems_blocked(s, t);
	} else if (t->early) {
		awake(s, early_waker(s, t), t, t->early_by_futex);
		t->early = 0;
	}
	if (s->truth)
		sim_truth_off(s, t);
}

/* From here it can be woken. Mostly it is off its CPU at once, as far as others can tell. */
void sim_futex_wait(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t op, uint32_t val,
		    uint64_t ns)
{
	if (!s->words[word].as)
		op &= ~FUTEX_PRIVATE_FLAG;
	t->word = word;
	word_add(s, word, t);
	sim_call_waits(s, t, word, op);
	s->words[word].op = op;
	t->leaving_ns = ns;
	t->leaving_op = op;
	t->leaving_val = val;
	t->early = 0;
	if (!sim_has(s, SIM_EARLY) || !sim_chance(s, 40)) {
		sim_futex_leaves(s, t);
		return;
	}
	t->leaving = true;
	/* The rounds of one wait are told from two waits by how long it runs in between. */
	t->left = sim_between(s, 200, 300 * US);
}

static void wakes(struct sim *s, struct sim_thread *from, struct sim_thread *to,
		  const struct gt_event *ev)
{
	sim_tell(s, ev);
	if (!to->leaving) {
		awake(s, from, to, ev->flags & GT_F_FUTEX);
		return;
	}
	to->early = s->now;
	to->early_from = from ? from->index + 1 : 0;
	to->early_by_futex = ev->flags & GT_F_FUTEX;
}

static bool wake_first(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t op)
{
	struct sim_word *w = &s->words[word];
	struct gt_event ev;
	struct sim_thread *to;

	if (!w->first)
		return false;
	to = &s->threads[w->first - 1];
	word_del(s, to);
	ev = sim_record(s, t->cpu, GT_WAKING, to->id);
	ev.peer = t->id;
	ev.syscall = NR_FUTEX;
	ev.flags = GT_F_FUTEX | GT_F_BLOCK;
	ev.u.addr = sim_word_addr(s, w, &s->processes[t->process]);
	ev.op = op | (w->as ? FUTEX_PRIVATE_FLAG : 0);
	wakes(s, t, to, &ev);
	return true;
}

static uint32_t op_on(const struct sim *s, uint32_t word, uint32_t op)
{
	return op | (s->words[word].as ? FUTEX_PRIVATE_FLAG : 0);
}

bool sim_futex_wake(struct sim *s, struct sim_thread *t, uint32_t word)
{
	bool pi = (s->words[word].op & FUTEX_CMD_MASK) == FUTEX_LOCK_PI;
	uint32_t op = pi ? FUTEX_UNLOCK_PI : FUTEX_WAKE;
	bool woken = wake_first(s, t, word, op);

	if (woken) /* without waiters there is no call */
		sim_call_wakes(s, t, word, op_on(s, word, op), !pi);
	return woken;
}

void sim_futex_requeue(struct sim *s, struct sim_thread *t, uint32_t word)
{
	int32_t n = wake_first(s, t, word, FUTEX_CMP_REQUEUE);

	while (s->words[word].first) {
		struct sim_thread *moved = &s->threads[s->words[word].first - 1];

		word_del(s, moved);
		word_add(s, word + 1, moved);
		n++;
	}
	sim_call_wakes(s, t, word, op_on(s, word, FUTEX_CMP_REQUEUE), n);
}

/* Interrupts come on top of whoever runs on the CPU where the thread went to sleep. */
void sim_wake(struct sim *s, struct sim_thread *t, struct sim_thread *to, int syscall)
{
	uint32_t cpu = t ? t->cpu : to->cpu;
	struct gt_event ev;

	if (to->state == SIM_FUTEX || to->leaving)
		word_del(s, to);
	if (cpu == UINT32_MAX)
		cpu = 0;
	ev = sim_record(s, cpu, GT_WAKING, to->id);
	ev.syscall = syscall;
	if (t)
		ev.peer = t->id;
	else if (s->cpus[cpu].running)
		ev.peer = s->threads[s->cpus[cpu].running - 1].id;
	wakes(s, t, to, &ev);
}

void sim_ends(struct sim *s, struct sim_thread *t)
{
	struct gt_event ev = sim_record(s, t->cpu, GT_SWITCH, t->id);

	ev.state = TASK_DEAD;
	s->live--;
	sim_leave(s, t, &ev, SIM_NONE, false);
}

void sim_thread_starts(struct sim *s, struct sim_thread *t)
{
	s->live++;
	if (s->truth)
		sim_truth_start(s, t);
	t->state = SIM_RUNNABLE;
	sim_enqueue(s, t);
}
