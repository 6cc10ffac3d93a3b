/* SPDX-License-Identifier: MIT */
/* Steps: what they do to a thread. */
#include "sim_work.h"

#include <string.h>

#define NR_READ 0
#define NR_WRITE 1
#define NR_MMAP 9
#define NR_PREAD 17
#define NR_NANOSLEEP 35
#define NR_EXIT 60
#define NR_WAIT4 61
#define JOIN_OP 0x109 /* glibc waits for a thread's end by a shared FUTEX_WAIT_BITSET */

/* By vfork() it had its parent's memory until here, and its parent waited for that, if it came so
 * far. */
static void releases(struct sim *s, struct sim_thread *t, struct sim_process *p, int syscall)
{
	struct sim_thread *parent = &s->threads[p->vfork - 1];

	p->vfork = 0;
	if (parent->state == SIM_OTHER && !parent->killed)
		sim_wake(s, t, parent, syscall);
}

static void execs(struct sim *s, struct sim_thread *t)
{
	struct sim_process *p = &s->processes[t->process];
	struct gt_event ev = {
		.ts = s->now, .cpu = t->cpu, .kind = GT_EXEC, .task = t->id, .syscall = -1
	};
	uint32_t old = p->as;

	if (p->vfork)
		releases(s, t, p, NR_EXECVE);
	else
		p->as = ++s->last_id;
	for (uint32_t i = 0; i < p->nobjects; i++)
		for (uint32_t w = s->objects[p->objects[i]].word, n = 0; n < 4 && w + n < s->nwords;
		     n++)
			if (s->words[w + n].as && s->words[w + n].as == old &&
			    s->words[w + n].addr - s->objects[p->objects[i]].base < 0x1000)
				s->words[w + n].as = p->as;
	if (sim_has(s, SIM_SHARED))
		sim_shared_map(s, p);
	ev.u.exec.tid = ev.u.exec.tgid = p->pid;
	ev.u.exec.as = p->as;
	ev.u.exec.path = "/usr/bin/sim";
	if (s->trace)
		sim_trace_event(s->trace, &ev);
}

/* Its joiners are woken by the kernel, from within the call. */
static void exits(struct sim *s, struct sim_thread *t)
{
	struct sim_process *p = &s->processes[t->process];
	struct gt_event ev = {
		.ts = s->now, .cpu = t->cpu, .kind = GT_EXIT, .task = t->id, .syscall = -1
	};

	while (s->words[t->own_word].first)
		sim_wake(s, t, &s->threads[s->words[t->own_word].first - 1], NR_EXIT);
	if (p->vfork)
		releases(s, t, p, NR_EXIT);
	if (s->trace)
		sim_trace_event(s->trace, &ev);
	if (s->truth)
		sim_truth_dies(s, t);
	p->live--;
	sim_kill_ended(s, t);
	if (sim_has(s, SIM_RESPAWN) && !(p->usurper && t->tid == p->pid))
		s->tids[s->ntids++] = t->tid;
	sim_ends(s, t);
}

static void tell_name(struct sim *s, const struct sim_thread *t)
{
	struct gt_event ev = {
		.ts = s->now, .cpu = t->cpu, .kind = GT_RENAME, .task = t->id, .syscall = -1
	};

	strcpy(ev.u.comm, "renamed");
	if (s->trace)
		sim_trace_event(s->trace, &ev);
}

/* From now on it may use one CPU only, which is not always the one it has: it is moved when it next
 * waits. */
static void pins(struct sim *s, struct sim_thread *t)
{
	t->pin = sim_random(s, s->p.cpus) + 1;
	sim_tell_mask(s, t, t->cpu);
}

/* Data for somebody who waits for some. */
static void writes(struct sim *s, struct sim_thread *t)
{
	struct sim_process *p = &s->processes[t->process];

	for (uint32_t i = 0; i < p->nthreads && i < 64; i++) {
		struct sim_thread *to = &s->threads[p->threads[i]];

		if (to->state == SIM_BLOCKED_IO && to->steps[to->at].kind == STEP_IO) {
			sim_wake(s, t, to, NR_WRITE);
			return;
		}
	}
}

/* The way into the kernel: nothing happens twice at one moment. */
static bool calls(struct sim *s, struct sim_thread *t)
{
	t->left = sim_between(s, 100, 900);
	t->stage++;
	return false;
}

/* Blocks once; done when it is back. */
static bool blocked_once(struct sim *s, struct sim_thread *t, enum sim_state state, int syscall,
			 bool disk, uint64_t ns)
{
	if (t->stage == 0)
		return calls(s, t);
	if (t->stage++ == 2)
		return true;
	sim_block(s, t, state, syscall, disk, ns);
	return false;
}

static bool joined(struct sim *s, struct sim_thread *t, const struct sim_thread *other)
{
	if (other->state == SIM_NONE)
		return true;
	if (t->stage == 0) {
		t->episode++;
		return calls(s, t);
	}
	sim_futex_wait(s, t, other->own_word, JOIN_OP, (uint32_t)other->tid, 0);
	return false;
}

/* By vfork() the parent is blocked until the child has memory of its own. */
static bool forks(struct sim *s, struct sim_thread *t, uint32_t child)
{
	if (t->stage == 0) {
		s->err = sim_process_begins(s, child, t);
		return s->err || !s->processes[child].vfork || calls(s, t);
	}
	if (t->stage++ == 2 || !s->processes[child].vfork)
		return true;
	sim_block(s, t, SIM_OTHER, NR_VFORK, false, 0);
	return false;
}

static bool run_for(struct sim_thread *t, uint64_t ns)
{
	if (t->stage++)
		return true;
	t->left = ns;
	return false;
}

static bool taken(struct sim *s, struct sim_thread *t, struct sim_object *o)
{
	bool poison = false;

	if (!sim_take(s, t, o, &poison))
		return false;
	if (poison)
		t->n = t->at + 1;
	if (poison)
		sim_step_add(t, STEP_EXIT, 0, 0);
	return true;
}

/* Is the step done? If not, it takes time or the thread has left its CPU. */
static bool did(struct sim *s, struct sim_thread *t, const struct sim_step *step)
{
	struct sim_object *o = &s->objects[step->object];

	switch (step->kind) {
	case STEP_RUN:
		return run_for(t, step->ns);
	case STEP_HOLD:
		return sim_hold(s, t, o, step->ns);
	case STEP_LOCK:
		return sim_lock(s, t, o);
	case STEP_READ_LOCK:
		return sim_read_lock(s, t, o);
	case STEP_UNLOCK:
		sim_unlock(s, t, o);
		return true;
	case STEP_READ_UNLOCK:
		sim_read_unlock(s, t, o);
		return true;
	case STEP_IO:
		return blocked_once(s, t, SIM_BLOCKED_IO, NR_READ, false, step->ns);
	case STEP_DISK:
		return blocked_once(s, t, SIM_BLOCKED_IO, NR_PREAD, true, step->ns);
	case STEP_SLEEP:
		return blocked_once(s, t, SIM_ASLEEP, NR_NANOSLEEP, false, step->ns);
	case STEP_KERNEL:
		return blocked_once(s, t, SIM_KERNEL_LOCK, NR_MMAP, false, step->ns);
	case STEP_STOP:
		return blocked_once(s, t, SIM_OTHER, NR_WAIT4, false, step->ns);
	case STEP_PUT:
	case STEP_POISON:
		sim_put(s, t, o, step->kind == STEP_POISON);
		return true;
	case STEP_TAKE:
		return taken(s, t, o);
	case STEP_BARRIER:
		return sim_barrier(s, t, o);
	case STEP_SPAWN:
		sim_spawn(s, t, true);
		return true;
	case STEP_FORK:
		return forks(s, t, step->object);
	case STEP_EXEC:
		execs(s, t);
		return true;
	case STEP_JOIN:
		return joined(s, t, &s->threads[step->object]);
	case STEP_PIN:
		pins(s, t);
		return true;
	case STEP_RENAME:
		tell_name(s, t);
		return true;
	case STEP_WRITE:
		writes(s, t);
		return true;
	case STEP_USURP:
		return t->stage == 0 ? calls(s, t) : sim_usurp(s, t);
	case STEP_EXIT_GROUP:
		if (t->stage == 0)
			return calls(s, t);
		sim_exit_group(s, t);
		exits(s, t);
		return false;
	case STEP_EXIT:
		if (t->stage == 0)
			return calls(s, t);
		if (t->role == ROLE_WORKER && !t->killed && sim_has(s, SIM_RESPAWN) &&
		    s->now < SIM_START + s->p.length * 3 / 4)
			sim_spawn(s, t, false);
		exits(s, t);
		return false;
	}
	return true;
}

/* Whatever it was in the middle of. */
static void dies(struct sim_thread *t)
{
	t->at = t->n = 0;
	t->stage = t->lock_stage = 0;
	sim_step_add(t, STEP_EXIT, 0, 0);
}

void sim_work(struct sim *s, struct sim_thread *t)
{
	if (t->killed && (t->at == t->n || t->steps[t->at].kind != STEP_EXIT))
		dies(t);
	while (t->state == SIM_RUNNING && !t->left) {
		if (t->at == t->n) {
			sim_plan(s, t);
			t->stage = t->lock_stage = 0;
			continue;
		}
		if (did(s, t, &t->steps[t->at])) {
			t->at++;
			t->stage = t->lock_stage = 0;
		}
	}
}
