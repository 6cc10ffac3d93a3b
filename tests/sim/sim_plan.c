/* SPDX-License-Identifier: MIT */
/* What a thread does next, by its role. */
#include "sim_scenarios.h"
#include "sim_work.h"

struct sim_step *sim_step_add(struct sim_thread *t, enum sim_step_kind kind, uint32_t object,
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
			sim_step_add(t, STEP_IO, 0, sim_between(s, 20 * US, 3 * MS));
		break;
	case 1:
		if (sim_has(s, SIM_IO))
			sim_step_add(t, sim_chance(s, 50) ? STEP_DISK : STEP_WRITE, 0,
				     sim_between(s, 20 * US, 3 * MS));
		break;
	case 2:
		if (sim_has(s, SIM_SLEEP))
			sim_step_add(t, STEP_SLEEP, 0, sim_between(s, 50 * US, 5 * MS));
		break;
	case 3:
		if (sim_has(s, SIM_KERNEL))
			sim_step_add(t, sim_chance(s, 80) ? STEP_KERNEL : STEP_STOP, 0,
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
	sim_step_add(t, STEP_LOCK, outer, 0);
	sim_step_add(t, STEP_HOLD, outer, sim_between(s, 60 * US, 500 * US));
	if (sim_has(s, SIM_NESTED))
		add_pause(s, t);
	if (inner > outer) {
		sim_step_add(t, STEP_LOCK, inner, 0);
		sim_step_add(t, STEP_HOLD, inner, sim_between(s, 60 * US, 200 * US));
		sim_step_add(t, STEP_UNLOCK, inner, 0);
	}
	sim_step_add(t, STEP_UNLOCK, outer, 0);
}

static void add_rwlock(struct sim *s, struct sim_thread *t, const struct sim_process *p)
{
	uint32_t o = some_object(s, p, OBJECT_RWLOCK);
	bool read = sim_chance(s, 70);

	if (o == UINT32_MAX)
		return;
	sim_step_add(t, read ? STEP_READ_LOCK : STEP_LOCK, o, 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 400 * US));
	sim_step_add(t, read ? STEP_READ_UNLOCK : STEP_UNLOCK, o, 0);
}

static void add_shared(struct sim *s, struct sim_thread *t, const struct sim_process *p)
{
	uint32_t n = 0;

	while (n < p->nobjects && s->objects[p->objects[n]].shared)
		n++;
	if (!n)
		return;
	n = p->objects[sim_random(s, n)];
	sim_step_add(t, STEP_LOCK, n, 0);
	sim_step_add(t, STEP_HOLD, n, sim_between(s, 60 * US, 500 * US));
	if (sim_has(s, SIM_NESTED))
		add_pause(s, t);
	sim_step_add(t, STEP_UNLOCK, n, 0);
}

static void worker(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	uint32_t global = p->global ? p->global - 1 : UINT32_MAX;

	if (s->now >= t->deadline) {
		sim_step_add(t, STEP_EXIT, 0, 0);
		return;
	}
	if (p->last != STEP_EXIT && s->now >= p->last_at) {
		sim_step_add(t, p->last, 0, 0);
		p->last = STEP_EXIT;
		return;
	}
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 250 * US, 600 * US));
	if (global != UINT32_MAX) {
		sim_step_add(t, STEP_LOCK, global, 0);
		sim_step_add(t, STEP_HOLD, global,
			     sim_between(s, 250 * US, sim_chance(s, 30) ? 15 * MS : 1 * MS));
		if (sim_has(s, SIM_NESTED) && sim_chance(s, 20))
			add_pause(s, t);
		sim_step_add(t, STEP_UNLOCK, global, 0);
	}
	add_pause(s, t);
	if (sim_has(s, SIM_SHARED) && sim_chance(s, 30))
		add_shared(s, t, p);
	else if (sim_chance(s, 60))
		add_mutex(s, t, p);
	else
		add_rwlock(s, t, p);
	if (sim_has(s, SIM_PIN) && sim_chance(s, 2))
		sim_step_add(t, STEP_PIN, 0, 0);
	if (sim_chance(s, 2))
		sim_step_add(t, STEP_RENAME, 0, 0);
}

static void member(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	if (!t->rounds--) {
		sim_step_add(t, STEP_EXIT, 0, 0);
		return;
	}
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 250 * US, 1500 * US));
	sim_step_add(t, STEP_BARRIER, p->barrier - 1, 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
}

static void producer(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	if (t->rounds--) {
		sim_step_add(t, STEP_RUN, 0, sim_between(s, 50 * US, 400 * US));
		sim_step_add(t, STEP_PUT, p->queue - 1, 0);
		if (sim_chance(s, 10))
			add_pause(s, t);
		return;
	}
	for (uint32_t i = 0; i < p->consumers; i++)
		sim_step_add(t, STEP_POISON, p->queue - 1, 0);
	sim_step_add(t, STEP_EXIT, 0, 0);
}

static void consumer(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	sim_step_add(t, STEP_TAKE, p->queue - 1, 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 70 * US, 600 * US));
}

static void main_thread(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	uint32_t i = t->spawned++;

	if (i == 0) {
		if (p->vforked)
			sim_step_add(t, STEP_RUN, 0, sim_between(s, 5 * US, 200 * US));
		if (p->vforked && sim_has(s, SIM_KILL) && sim_chance(s, 30)) {
			sim_step_add(t, STEP_EXIT, 0, 0); /* there was nothing to exec */
			return;
		}
		if (p->exec || p->vforked)
			sim_step_add(t, STEP_EXEC, 0, 0);
		for (uint32_t child = 1;
		     t->process == 0 && child < s->p.processes && t->n < SIM_STEPS - 2; child++)
			sim_step_add(t, STEP_FORK, child, 0);
	} else if (i <= p->planned) {
		sim_step_add(t, STEP_RUN, 0, sim_between(s, 5 * US, 40 * US));
		sim_step_add(t, STEP_SPAWN, 0, 0);
	} else if (i <= 2 * p->planned && i - p->planned <= p->nthreads) {
		sim_step_add(t, STEP_JOIN, p->threads[i - p->planned - 1], 0);
		sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
	} else {
		sim_step_add(t, STEP_EXIT, 0, 0);
	}
}

/* In a program of its own. */
static void alone(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	if (s->now >= t->deadline) {
		sim_step_add(t, STEP_EXIT, 0, 0);
		return;
	}
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 50 * US, 900 * US));
	add_pause(s, t);
}

void sim_plan(struct sim *s, struct sim_thread *t)
{
	static void (*const roles[])(struct sim *, struct sim_thread *, struct sim_process *) = {
		[ROLE_MAIN] = main_thread,  [ROLE_WORKER] = worker,	[ROLE_MEMBER] = member,
		[ROLE_PRODUCER] = producer, [ROLE_CONSUMER] = consumer, [ROLE_ALONE] = alone,
	};

	t->at = t->n = 0;
	if (s->p.scenario && t->role != ROLE_MAIN)
		sim_scenario_plan(s, t, &s->processes[t->process]);
	else
		roles[t->role](s, t, &s->processes[t->process]);
}
