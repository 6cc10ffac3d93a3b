/* SPDX-License-Identifier: MIT */
/* Processes, threads, locks and words, and how they come to be. */
#include "sim_scenarios.h"
#include "sim_work.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_TID 1000
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
		[OBJECT_BARRIER] = { "barrier", 2, { 0, 16 } },
	};
	uint32_t as = o->shared ? 0 : s->processes[o->process].as;

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

uint32_t sim_object_shared(struct sim *s, enum sim_object_kind kind, uint64_t place)
{
	struct sim_object *o = &s->objects[s->nobjects];

	*o = (struct sim_object){ .kind = kind, .base = place, .shared = true };
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

	s->told_cpu = ev.cpu = parent ? parent->cpu : 0;
	if (!s->trace)
		return;
	ev.u.task.parent = parent ? parent->id : 0;
	ev.u.task.process = p->id;
	ev.u.task.as = p->vfork ? s->processes[parent->process].as : p->as;
	ev.u.task.tid = t->tid;
	ev.u.task.tgid = p->pid;
	ev.u.task.ppid = 1;
	ev.u.task.clone_flags = thread ? CLONE_VM | CLONE_THREAD | CLONE_SIGHAND : 0;
	if (p->vfork && !thread)
		ev.u.task.clone_flags = CLONE_VM | CLONE_VFORK;
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

void sim_spawn(struct sim *s, struct sim_thread *parent, bool known)
{
	struct sim_process *p = &s->processes[parent->process];
	struct sim_thread *t = sim_thread_new(s, parent->process);

	if (!t)
		return;
	t->role = known ? role_of(p, p->nthreads) : ROLE_WORKER;
	t->rounds = s->p.records ? UINT32_MAX : (uint32_t)(s->p.length / MS) + 1;
	if (s->p.scenario)
		t->rounds = sim_scenario_rounds(s);
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
	if (s->p.scenario) {
		sim_scenario_begin(s, p);
		return;
	}
	p->last = STEP_EXIT;
	if (sim_has(s, SIM_KILL) && sim_chance(s, 60))
		p->last = sim_chance(s, 60) ? STEP_USURP : STEP_EXIT_GROUP;
	p->last_at = SIM_START + sim_between(s, s->p.length / 8, s->p.length / 2);
	/* Who is killed lets go of no lock: others would wait for it for ever. */
	for (uint32_t i = 0; p->last == STEP_EXIT && i < s->nobjects && s->objects[i].shared; i++)
		p->objects[p->nobjects++] = i;
	if (p->nobjects)
		sim_shared_map(s, p);
	p->exec = sim_has(s, SIM_EXEC) && sim_chance(s, 50);
	p->vforked = index && sim_has(s, SIM_VFORK) && sim_chance(s, 50);
	for (uint32_t i = 0; i < 4; i++)
		if (sim_has(s, globals[i]))
			kinds[n++] = global_kinds[i];
	if (n && sim_chance(s, 70))
		p->global = sim_object_new(s, kinds[sim_random(s, n)], index) + 1;
	for (uint32_t i = 0, some = 1 + sim_random(s, 4); sim_has(s, SIM_MUTEX) && i < some; i++)
		s->objects[sim_object_new(s, OBJECT_MUTEX, index)].pi = sim_has(s, SIM_PI) &&
									sim_chance(s, 50);
	if (sim_has(s, SIM_RWLOCK))
		sim_object_new(s, OBJECT_RWLOCK, index);
	if (sim_has(s, SIM_BARRIER) && rest >= 2) {
		p->members = 2 + sim_random(s, rest > 5 ? 4 : rest - 1);
		p->barrier = sim_object_new(s, OBJECT_BARRIER, index) + 1;
		s->objects[p->barrier - 1].members = p->members;
		s->objects[p->barrier - 1].requeues = sim_has(s, SIM_REQUEUE) && sim_chance(s, 50);
		rest -= p->members;
	}
	if (sim_has(s, SIM_QUEUE) && rest >= 2) {
		p->consumers = 1 + sim_random(s, rest > 4 ? 3 : rest - 1);
		p->queue = sim_object_new(s, OBJECT_QUEUE, index) + 1;
	}
}

int sim_process_begins(struct sim *s, uint32_t index, struct sim_thread *parent)
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
	p->vfork = p->vforked ? parent->index + 1 : 0;
	t->pin = parent ? parent->pin : s->p.one_cpu;
	tell_task(s, t, parent, !parent);
	if (!parent)
		tell_found(s, t);
	sim_thread_starts(s, t);
	return 0;
}

void sim_tell_mask(struct sim *s, const struct sim_thread *t, uint32_t cpu)
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

	sim_shared_init(s);
	for (uint32_t i = 0; i < s->p.processes; i++) {
		uint32_t planned = left / (s->p.processes - i);

		process_init(s, i, planned);
		left -= planned;
	}
	s->nprocesses = s->p.processes;
	err = sim_process_begins(s, 0, NULL);
	if (!err)
		sim_tell_mask(s, &s->threads[0], 0);
	return err;
}
