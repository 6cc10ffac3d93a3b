/* SPDX-License-Identifier: MIT */
/* What threads and processes do. */
#include "sim.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#define NR_READ 0
#define NR_WRITE 1
#define NR_MMAP 9
#define NR_PREAD 17
#define NR_NANOSLEEP 35
#define NR_EXIT 60
#define NR_WAIT4 61
#define FIRST_TID 1000
#define JOIN_OP 0x109 /* glibc waits for a thread's end by a shared FUTEX_WAIT_BITSET */
#define IMAGE 0x550000000000ULL
#define STACKS 0x7f0000000000ULL

static const enum sim_feature globals[] = { SIM_GIL, SIM_SEMAPHORE, SIM_BATON, SIM_MASTER };
static const enum sim_object_kind global_kinds[] = { OBJECT_GIL, OBJECT_SEMAPHORE, OBJECT_BATON,
						     OBJECT_MASTER };

/* ---- things ---- */

uint32_t sim_word_new(struct sim *s, uint32_t as, uint64_t addr)
{
	s->words[s->nwords] = (struct sim_word){ .as = as, .addr = addr };
	return s->nwords++;
}

static void object_words(struct sim *s, struct sim_object *o)
{
	static const struct {
		const char *name;
		uint32_t n, offsets[4];
	} layouts[OBJECT_KINDS] = {
		[OBJECT_MUTEX] = { "mutex", 1, { 0 } },
		[OBJECT_GIL] = { "_PyRuntime", 4, { 0, 4, 0x58, 0x5c } },
		[OBJECT_SEMAPHORE] = { "", 1, { 0 } },
		[OBJECT_BATON] = { "", 1, { 0 } },
		[OBJECT_MASTER] = { "caml_master_lock", 2, { 88, 92 } },
		[OBJECT_RWLOCK] = { "rwlock", 2, { 0, 4 } },
		[OBJECT_QUEUE] = { "queue", 1, { 0 } },
		[OBJECT_BARRIER] = { "barrier", 1, { 0 } },
	};
	uint32_t as = s->processes[o->process].as;

	o->word = s->nwords;
	for (uint32_t i = 0; i < layouts[o->kind].n; i++) {
		struct sim_word *w =
			&s->words[sim_word_new(s, as, o->base + layouts[o->kind].offsets[i])];

		w->name = layouts[o->kind].name;
		w->number = (uint32_t)(o->base >> 12 & 0xff);
		w->offset = layouts[o->kind].offsets[i];
	}
	if (layouts[o->kind].n == 1) /* wanted() looks at two */
		sim_word_new(s, as, o->base + 4);
}

/* Forked processes have theirs at the same addresses. */
uint32_t sim_object_new(struct sim *s, enum sim_object_kind kind, uint32_t process)
{
	struct sim_process *p = &s->processes[process];
	struct sim_object *o = &s->objects[s->nobjects];

	*o = (struct sim_object){ .kind = kind,
				  .process = process,
				  .base = IMAGE + (p->nobjects + 1ULL) * 0x1000 };
	p->objects[p->nobjects++] = s->nobjects;
	object_words(s, o);
	return s->nobjects++;
}

struct sim_thread *sim_thread_new(struct sim *s, uint32_t process)
{
	struct sim_process *p = &s->processes[process];
	struct sim_thread *t;

	if (s->nthreads == s->threads_room)
		return NULL;
	t = &s->threads[s->nthreads];
	*t = (struct sim_thread){
		.id = ++s->last_id, .index = s->nthreads++, .process = process, .cpu = UINT32_MAX
	};
	t->tid = s->ntids ? s->tids[--s->ntids] : FIRST_TID + s->last_tid++;
	t->own_word = sim_word_new(s, p->as, STACKS + (t->index + 1) * 0x100000ULL + 0x990);
	t->turn_word = sim_word_new(s, p->as, IMAGE + 0x10000000 + t->index * 0x100ULL);
	t->deadline = SIM_START + s->p.length / 2 + sim_random(s, s->p.length / 2);
	if (s->p.records)
		t->deadline = UINT64_MAX;
	p->live++;
	return t;
}

static void tell_task(struct sim *s, const struct sim_thread *t, const struct sim_thread *parent,
		      bool found)
{
	const struct sim_process *p = &s->processes[t->process];
	struct gt_event ev = { .ts = s->now, .kind = GT_TASK, .task = t->id, .syscall = -1 };
	bool thread = parent && parent->process == t->process;

	if (!s->trace)
		return;
	ev.cpu = parent ? parent->cpu : 0;
	ev.u.task.parent = parent ? parent->id : 0;
	ev.u.task.process = p->id;
	ev.u.task.as = p->as;
	ev.u.task.tid = t->tid;
	ev.u.task.tgid = p->pid;
	ev.u.task.ppid = 1;
	ev.u.task.clone_flags = thread ? CLONE_VM | CLONE_THREAD | CLONE_SIGHAND : 0;
	ev.u.task.flags = (found ? GT_TASK_FOUND : 0) | (thread ? GT_TASK_THREAD : 0);
	ev.u.task.clear_child_tid = s->words[t->own_word].addr;
	ev.u.task.start = s->now;
	strcpy(ev.u.task.comm, "sim");
	sim_trace_event(s->trace, &ev);
}

/* The first thread was there before; it is about to go on. */
static void tell_found(struct sim *s, const struct sim_thread *t)
{
	struct gt_event ev = { .ts = s->now, .kind = GT_STATE, .task = t->id, .syscall = -1 };

	if (s->trace)
		sim_trace_event(s->trace, &ev);
}

/* ---- steps ---- */

static struct sim_step *add(struct sim_thread *t, enum sim_step_kind kind, uint32_t object,
			    uint64_t ns)
{
	struct sim_step *step = &t->steps[t->n++];

	*step = (struct sim_step){ kind, object, ns };
	return step;
}

static uint32_t some_object(struct sim *s, const struct sim_process *p, enum sim_object_kind kind)
{
	uint32_t n = 0, which[SIM_OBJECTS];

	for (uint32_t i = 0; i < p->nobjects; i++)
		if (s->objects[p->objects[i]].kind == kind)
			which[n++] = p->objects[i];
	return n ? which[sim_random(s, n)] : UINT32_MAX;
}

static void add_pause(struct sim *s, struct sim_thread *t)
{
	switch (sim_random(s, 6)) {
	case 0:
		if (sim_has(s, SIM_IO))
			add(t, STEP_IO, 0, sim_between(s, 20 * US, 3 * MS));
		break;
	case 1:
		if (sim_has(s, SIM_IO))
			add(t, sim_chance(s, 50) ? STEP_DISK : STEP_WRITE, 0,
			    sim_between(s, 20 * US, 3 * MS));
		break;
	case 2:
		if (sim_has(s, SIM_SLEEP))
			add(t, STEP_SLEEP, 0, sim_between(s, 50 * US, 5 * MS));
		break;
	case 3:
		if (sim_has(s, SIM_KERNEL))
			add(t, sim_chance(s, 80) ? STEP_KERNEL : STEP_STOP, 0,
			    sim_between(s, 2 * US, 400 * US));
		break;
	default:
		break;
	}
}

/*
 * A lock once got is kept, and what comes before the next is run, for longer than the moments
 * within which the report takes two waits for one (50 µs, 200 µs after a timed one): shorter ones
 * it cannot tell apart, by design.
 */
static void add_mutex(struct sim *s, struct sim_thread *t, const struct sim_process *p)
{
	uint32_t outer = some_object(s, p, OBJECT_MUTEX), inner;

	if (outer == UINT32_MAX)
		return;
	inner = sim_has(s, SIM_NESTED) ? some_object(s, p, OBJECT_MUTEX) : outer;
	add(t, STEP_LOCK, outer, 0);
	add(t, STEP_HOLD, outer, sim_between(s, 60 * US, 500 * US));
	if (sim_has(s, SIM_NESTED))
		add_pause(s, t);
	if (inner > outer) {
		add(t, STEP_LOCK, inner, 0);
		add(t, STEP_HOLD, inner, sim_between(s, 60 * US, 200 * US));
		add(t, STEP_UNLOCK, inner, 0);
	}
	add(t, STEP_UNLOCK, outer, 0);
}

static void add_rwlock(struct sim *s, struct sim_thread *t, const struct sim_process *p)
{
	uint32_t o = some_object(s, p, OBJECT_RWLOCK);
	bool read = sim_chance(s, 70);

	if (o == UINT32_MAX)
		return;
	add(t, read ? STEP_READ_LOCK : STEP_LOCK, o, 0);
	add(t, STEP_RUN, 0, sim_between(s, 60 * US, 400 * US));
	add(t, read ? STEP_READ_UNLOCK : STEP_UNLOCK, o, 0);
}

static void worker(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	uint32_t global = p->global ? p->global - 1 : UINT32_MAX;

	if (s->now >= t->deadline) {
		add(t, STEP_EXIT, 0, 0);
		return;
	}
	add(t, STEP_RUN, 0, sim_between(s, 250 * US, 600 * US));
	if (global != UINT32_MAX) {
		add(t, STEP_LOCK, global, 0);
		add(t, STEP_HOLD, global,
		    sim_between(s, 250 * US, sim_chance(s, 30) ? 15 * MS : 1 * MS));
		if (sim_has(s, SIM_NESTED) && sim_chance(s, 20))
			add_pause(s, t);
		add(t, STEP_UNLOCK, global, 0);
	}
	add_pause(s, t);
	if (sim_chance(s, 60))
		add_mutex(s, t, p);
	else
		add_rwlock(s, t, p);
	if (sim_has(s, SIM_PIN) && sim_chance(s, 2))
		add(t, STEP_PIN, 0, 0);
	if (sim_chance(s, 2))
		add(t, STEP_RENAME, 0, 0);
}

static void member(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	if (!t->rounds--) {
		add(t, STEP_EXIT, 0, 0);
		return;
	}
	add(t, STEP_RUN, 0, sim_between(s, 250 * US, 1500 * US));
	add(t, STEP_BARRIER, p->barrier - 1, 0);
	add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
}

static void producer(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	if (t->rounds--) {
		add(t, STEP_RUN, 0, sim_between(s, 50 * US, 400 * US));
		add(t, STEP_PUT, p->queue - 1, 0);
		if (sim_chance(s, 10))
			add_pause(s, t);
		return;
	}
	for (uint32_t i = 0; i < p->consumers; i++)
		add(t, STEP_POISON, p->queue - 1, 0);
	add(t, STEP_EXIT, 0, 0);
}

static void consumer(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	add(t, STEP_TAKE, p->queue - 1, 0);
	add(t, STEP_RUN, 0, sim_between(s, 70 * US, 600 * US));
}

static void main_thread(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	uint32_t i = t->spawned++;

	if (i == 0) {
		if (p->exec)
			add(t, STEP_EXEC, 0, 0);
		for (uint32_t child = 1;
		     t->process == 0 && child < s->p.processes && t->n < SIM_STEPS - 2; child++)
			add(t, STEP_FORK, child, 0);
	} else if (i <= p->planned) {
		add(t, STEP_RUN, 0, sim_between(s, 5 * US, 40 * US));
		add(t, STEP_SPAWN, 0, 0);
	} else if (i <= 2 * p->planned && i - p->planned <= p->nthreads) {
		add(t, STEP_JOIN, p->threads[i - p->planned - 1], 0);
		add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
	} else {
		add(t, STEP_EXIT, 0, 0);
	}
}

static void plan(struct sim *s, struct sim_thread *t)
{
	static void (*const roles[])(struct sim *, struct sim_thread *, struct sim_process *) = {
		[ROLE_MAIN] = main_thread,  [ROLE_WORKER] = worker,	[ROLE_MEMBER] = member,
		[ROLE_PRODUCER] = producer, [ROLE_CONSUMER] = consumer,
	};

	t->at = t->n = 0;
	roles[t->role](s, t, &s->processes[t->process]);
}

/* ---- birth and death ---- */

static enum sim_role role_of(const struct sim_process *p, uint32_t nth)
{
	if (nth < p->members)
		return ROLE_MEMBER;
	if (p->consumers && nth == p->members)
		return ROLE_PRODUCER;
	if (p->consumers && nth <= p->members + p->consumers)
		return ROLE_CONSUMER;
	return ROLE_WORKER;
}

static void spawn(struct sim *s, struct sim_thread *parent, bool known)
{
	struct sim_process *p = &s->processes[parent->process];
	struct sim_thread *t = sim_thread_new(s, parent->process);

	if (!t)
		return;
	t->role = known ? role_of(p, p->nthreads) : ROLE_WORKER;
	t->rounds = s->p.records ? UINT32_MAX : (uint32_t)(s->p.length / MS) + 1;
	t->pin = parent->pin;
	if (known)
		p->threads[p->nthreads++] = t->index;
	tell_task(s, t, parent, false);
	sim_thread_starts(s, t);
}

static void process_init(struct sim *s, uint32_t index, uint32_t planned)
{
	struct sim_process *p = &s->processes[index];
	uint32_t kinds[4], n = 0, rest = planned;

	p->index = index;
	p->as = ++s->last_id;
	p->planned = planned;
	p->exec = sim_has(s, SIM_EXEC) && sim_chance(s, 50);
	for (uint32_t i = 0; i < 4; i++)
		if (sim_has(s, globals[i]))
			kinds[n++] = global_kinds[i];
	if (n && sim_chance(s, 70))
		p->global = sim_object_new(s, kinds[sim_random(s, n)], index) + 1;
	for (uint32_t i = 0, some = 1 + sim_random(s, 4); sim_has(s, SIM_MUTEX) && i < some; i++)
		sim_object_new(s, OBJECT_MUTEX, index);
	if (sim_has(s, SIM_RWLOCK))
		sim_object_new(s, OBJECT_RWLOCK, index);
	if (sim_has(s, SIM_BARRIER) && rest >= 2) {
		p->members = 2 + sim_random(s, rest > 5 ? 4 : rest - 1);
		p->barrier = sim_object_new(s, OBJECT_BARRIER, index) + 1;
		s->objects[p->barrier - 1].members = p->members;
		rest -= p->members;
	}
	if (sim_has(s, SIM_QUEUE) && rest >= 2) {
		p->consumers = 1 + sim_random(s, rest > 4 ? 3 : rest - 1);
		p->queue = sim_object_new(s, OBJECT_QUEUE, index) + 1;
	}
}

static int begins(struct sim *s, uint32_t index, struct sim_thread *parent)
{
	struct sim_process *p = &s->processes[index];
	struct sim_thread *t;

	p->threads = calloc(p->planned + 1, sizeof(*p->threads));
	t = p->threads ? sim_thread_new(s, index) : NULL;
	if (!t)
		return -ENOMEM;
	p->id = t->id;
	p->pid = t->tid;
	p->main = t->index;
	t->role = ROLE_MAIN;
	if (parent)
		t->pin = parent->pin;
	tell_task(s, t, parent, !parent);
	if (!parent)
		tell_found(s, t);
	sim_thread_starts(s, t);
	return 0;
}

static void tell_mask(struct sim *s, const struct sim_thread *t, uint32_t cpu)
{
	struct gt_event ev = {
		.ts = s->now, .cpu = cpu, .kind = GT_AFFINITY, .task = t->id, .syscall = -1
	};
	uint64_t mask[GT_MASK_WORDS] = { 0 };

	for (uint32_t i = 0; i < s->p.cpus; i++)
		if (!t->pin || t->pin == i + 1)
			mask[i / 64] |= 1ULL << (i & 63);
	ev.u.affinity.words = GT_MASK_WORDS;
	ev.u.affinity.mask = mask;
	if (s->trace)
		sim_trace_event(s->trace, &ev);
}

int sim_work_init(struct sim *s)
{
	uint32_t left = s->p.threads;
	int err;

	for (uint32_t i = 0; i < s->p.processes; i++) {
		uint32_t planned = left / (s->p.processes - i);

		process_init(s, i, planned);
		left -= planned;
	}
	s->nprocesses = s->p.processes;
	err = begins(s, 0, NULL);
	if (!err)
		tell_mask(s, &s->threads[0], 0);
	return err;
}

static void execs(struct sim *s, struct sim_thread *t)
{
	struct sim_process *p = &s->processes[t->process];
	struct gt_event ev = {
		.ts = s->now, .cpu = t->cpu, .kind = GT_EXEC, .task = t->id, .syscall = -1
	};
	uint32_t old = p->as;

	p->as = ++s->last_id;
	for (uint32_t i = 0; i < p->nobjects; i++)
		for (uint32_t w = s->objects[p->objects[i]].word, n = 0; n < 4 && w + n < s->nwords;
		     n++)
			if (s->words[w + n].as == old &&
			    s->words[w + n].addr - s->objects[p->objects[i]].base < 0x1000)
				s->words[w + n].as = p->as;
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
	if (s->trace)
		sim_trace_event(s->trace, &ev);
	p->live--;
	if (sim_has(s, SIM_RESPAWN))
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
	tell_mask(s, t, t->cpu);
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
		add(t, STEP_EXIT, 0, 0);
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
		spawn(s, t, true);
		return true;
	case STEP_FORK:
		s->err = begins(s, step->object, t);
		return true;
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
	case STEP_EXIT:
		if (t->stage == 0)
			return calls(s, t);
		if (t->role == ROLE_WORKER && sim_has(s, SIM_RESPAWN) &&
		    s->now < SIM_START + s->p.length * 3 / 4)
			spawn(s, t, false);
		exits(s, t);
		return false;
	}
	return true;
}

void sim_work(struct sim *s, struct sim_thread *t)
{
	while (t->state == SIM_RUNNING && !t->left) {
		if (t->at == t->n) {
			plan(s, t);
			t->stage = t->lock_stage = 0;
			continue;
		}
		if (did(s, t, &t->steps[t->at])) {
			t->at++;
			t->stage = t->lock_stage = 0;
		}
	}
}
