/* SPDX-License-Identifier: MIT */
/*
 * A thread ends all others of its process: to exec, for which it takes the leader's thread id, or
 * with exit_group(). Who is blocked where signals reach is woken by it, who has a CPU or waits for
 * one ends there, and who is in the kernel until something happens ends after that.
 */
#include "sim_work.h"

/* Woken already, as far as the kernel can tell, or beyond a signal's reach. */
static bool hears(const struct sim_thread *t)
{
	if (t->early || t->unseen || t->state == SIM_RUNNABLE)
		return false;
	if (t->state == SIM_RUNNING)
		return t->leaving;
	if (t->state == SIM_BLOCKED_IO)
		return t->steps[t->at].kind != STEP_DISK;
	return t->state != SIM_KERNEL_LOCK;
}

/* It ends where it is, but not before it is where it goes. */
static void kill(struct sim *s, struct sim_thread *by, struct sim_thread *t, int syscall)
{
	t->killed = true;
	if (hears(t))
		sim_wake(s, by, t, syscall);
	else
		sim_interrupt(s, t, sim_between(s, 300, 20 * US));
}

static void kill_others(struct sim *s, struct sim_thread *by, int syscall)
{
	for (uint32_t i = 0; i < s->nthreads; i++) {
		struct sim_thread *t = &s->threads[i];

		if (t != by && t->process == by->process && t->state != SIM_NONE && !t->killed)
			kill(s, by, t, syscall);
	}
}

/* All others are gone. */
static void usurps(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	struct gt_event ev = {
		.ts = s->now, .cpu = t->cpu, .kind = GT_EXEC, .task = t->id, .syscall = -1
	};

	if (sim_has(s, SIM_RESPAWN))
		s->tids[s->ntids++] = t->tid;
	t->tid = p->pid;
	t->role = ROLE_ALONE;
	p->as = ++s->last_id;
	p->usurper = 0;
	ev.u.exec.tid = ev.u.exec.tgid = p->pid;
	ev.u.exec.as = p->as;
	ev.u.exec.path = "/usr/bin/other";
	if (s->trace)
		sim_trace_event(s->trace, &ev);
}

bool sim_usurp(struct sim *s, struct sim_thread *t)
{
	struct sim_process *p = &s->processes[t->process];

	if (t->stage == 1) {
		p->usurper = t->index + 1;
		kill_others(s, t, NR_EXECVE);
		t->stage = 2;
		if (p->live > 1) {
			sim_block(s, t, SIM_KERNEL_LOCK, NR_EXECVE, false, 0);
			return false;
		}
	}
	usurps(s, t, p);
	return true;
}

void sim_exit_group(struct sim *s, struct sim_thread *t)
{
	kill_others(s, t, NR_EXIT_GROUP);
}

/* Who is to be alone waits for the last one's end. */
void sim_kill_ended(struct sim *s, struct sim_thread *t)
{
	struct sim_process *p = &s->processes[t->process];

	if (p->usurper && p->live == 1 && s->threads[p->usurper - 1].state == SIM_KERNEL_LOCK)
		sim_wake(s, t, &s->threads[p->usurper - 1], -1);
}
