/* SPDX-License-Identifier: MIT */
/* Time: what happens next. */
#include "sim_cpus.h"

#include <errno.h>
#include <stdlib.h>

#define MARK_EVERY (5 * MS)

/* ---- chance: splitmix64 ---- */

uint64_t sim_random(struct sim *s, uint64_t below)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return below ? (z ^ z >> 31) % below : 0;
}

uint64_t sim_between(struct sim *s, uint64_t from, uint64_t to)
{
	return from + sim_random(s, to - from + 1);
}

bool sim_chance(struct sim *s, uint32_t percent)
{
	return sim_random(s, 100) < percent;
}

/* ---- what will happen: a heap by time, equal times in the order they were put in ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->ts < b->ts || (a->ts == b->ts && a->order < b->order);
}

void sim_at(struct sim *s, uint64_t ts, enum sim_event_kind kind, uint32_t who, uint32_t number)
{
	struct sim_event ev = { ts, s->order++, kind, who, number };
	size_t i = s->nevents;

	if (s->nevents == s->events_room) {
		size_t room = s->events_room ? s->events_room * 2 : 256;
		struct sim_event *p = realloc(s->events, room * sizeof(*p));

		if (!p) {
			s->err = -ENOMEM;
			return;
		}
		s->events = p;
		s->events_room = room;
	}
	for (s->nevents++; i && before(&ev, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
		s->events[i] = s->events[(i - 1) / 2];
	s->events[i] = ev;
}

static struct sim_event next_event(struct sim *s)
{
	struct sim_event first = s->events[0], last = s->events[--s->nevents];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->nevents) {
		child += child + 1 < s->nevents && before(&s->events[child + 1], &s->events[child]);
		if (!before(&s->events[child], &last))
			break;
		s->events[i] = s->events[child];
		i = child;
	}
	s->events[i] = last;
	return first;
}

/* ---- the world ---- */

/* Who may run nowhere else comes first, also if it is who has just been preempted. */
static bool other_waits(const struct sim *s, uint32_t cpu)
{
	const struct sim_cpu *c = &s->cpus[cpu];

	return c->first || (s->first && s->threads[c->running - 1].pin != cpu + 1);
}

static void happens(struct sim *s, const struct sim_event *ev)
{
	struct sim_thread *t = s->threads + ev->who;
	struct sim_cpu *c = s->cpus + ev->who;

	switch (ev->kind) {
	case EVENT_RUN:
		if (t->state != SIM_RUNNING || t->run_number != ev->number)
			break;
		t->left = 0;
		if (t->leaving)
			sim_futex_leaves(s, t);
		else
			sim_work(s, t);
		if (t->state == SIM_RUNNING)
			sim_goes_on(s, t);
		break;
	case EVENT_WAKE:
		if (t->block_number != ev->number || t->state == SIM_RUNNING ||
		    t->state == SIM_RUNNABLE)
			break;
		t->timed_out = t->state == SIM_FUTEX;
		sim_wake(s, NULL, t, -1);
		break;
	case EVENT_KICK:
		c->kicked = false;
		sim_pick(s, ev->who, true);
		break;
	case EVENT_SLICE:
		if (!c->running || c->slice != ev->number)
			break;
		if (other_waits(s, ev->who) && !s->threads[c->running - 1].leaving)
			sim_preempt(s, &s->threads[c->running - 1], false);
		else
			sim_at(s, s->now + sim_between(s, 500 * US, 4 * MS), EVENT_SLICE, ev->who,
			       c->slice);
		break;
	case EVENT_FOREIGN:
		if (ev->number == c->turn)
			sim_foreign_comes(s, ev->who);
		break;
	case EVENT_FOREIGN_ENDS:
		if (ev->number == c->turn)
			sim_foreign_goes(s, ev->who);
		break;
	case EVENT_QUOTA_USED:
		sim_quota_used(s, ev->number);
		break;
	case EVENT_QUOTA_STOP:
		sim_quota_stop(s, ev->who, ev->number);
		break;
	case EVENT_QUOTA_PERIOD:
		sim_quota_period(s);
		break;
	case EVENT_MARK:
		if (s->trace)
			sim_trace_mark(s->trace, s->now - 1);
		s->over |= s->p.records && s->trace && sim_trace_records(s->trace) >= s->p.records;
		sim_at(s, s->now + MARK_EVERY, EVENT_MARK, 0, 0);
		break;
	}
}

/* Who was switched in looks around before anything else happens. */
static void settle(struct sim *s)
{
	while (s->pending) {
		struct sim_thread *t = &s->threads[s->pending - 1];

		s->pending = 0;
		sim_work(s, t);
		if (t->state == SIM_RUNNING)
			sim_goes_on(s, t);
	}
}

static void begin(struct sim *s)
{
	for (uint32_t i = 0; i < s->p.cpus; i++) {
		struct gt_event ev = sim_record(s, i, GT_ON_CPU, 0);

		s->cpus[i].since = s->cpus[i].span_start = s->now;
		ev.flags = GT_F_NEXT_IDLE;
		sim_tell(s, &ev);
		sim_idle_add(s, i);
		if (sim_has(s, SIM_FOREIGN) || i < s->p.load)
			sim_at(s, s->now + sim_between(s, 0, 5 * MS), EVENT_FOREIGN, i, 0);
	}
	sim_at(s, s->now + MARK_EVERY, EVENT_MARK, 0, 0);
	sim_quota_begin(s);
}

/* What is open is told up to the end, as the recorder does. */
static void finish(struct sim *s)
{
	s->now = s->end;
	for (uint32_t i = 0; i < s->p.cpus; i++) {
		struct sim_cpu *c = &s->cpus[i];
		struct gt_event ev = sim_record(s, i, GT_CPU_SUM, 0);

		sim_cpu_charge(s, c);
		if (!c->running)
			sim_tell_span(s, i, !c->foreign);
		ev.u.cpu_sum.traced = c->traced;
		ev.u.cpu_sum.other = c->other;
		ev.u.cpu_sum.idle = c->idle;
		sim_tell(s, &ev);
	}
	if (s->truth)
		sim_truth_finish(s);
}

int sim_run(struct sim *s)
{
	bool told = false;

	s->now = SIM_START;
	begin(s);
	if (!s->err)
		s->err = sim_work_init(s);
	while (!s->err && !s->over && s->live) {
		struct sim_event ev = next_event(s);

		/* No two CPUs do anything in the same nanosecond: records of equal times have no
		 * order. */
		if (ev.ts <= s->now)
			ev.ts = s->now + 1;
		if (ev.ts > s->end)
			break;
		s->now = ev.ts;
		happens(s, &ev);
		settle(s);
		told = true;
	}
	if (!s->p.end && (!s->live || s->over))
		s->end = s->now + told;
	finish(s);
	return s->err;
}

struct sim *sim_new(const struct sim_params *p)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->p = *p;
	s->random = p->seed * 0x2545f4914f6cdd1dULL + 1;
	s->end = p->end ? p->end : p->records ? UINT64_MAX : SIM_START + p->length + p->length / 4;
	s->cpus = calloc(p->cpus, sizeof(*s->cpus));
	s->idle = calloc(p->cpus, sizeof(*s->idle));
	s->processes = calloc(p->processes, sizeof(*s->processes));
	/* Once and for all: pointers to these stay valid. */
	s->threads_room = (p->features & SIM_RESPAWN ? 3 : 1) * p->threads + p->processes;
	s->objects_room = p->processes * SIM_OBJECTS;
	s->words_room = 3 * s->threads_room + 5 * s->objects_room;
	s->threads = calloc(s->threads_room, sizeof(*s->threads));
	s->objects = calloc(s->objects_room, sizeof(*s->objects));
	s->words = calloc(s->words_room, sizeof(*s->words));
	s->tids = calloc(s->threads_room, sizeof(*s->tids));
	if (!s->cpus || !s->idle || !s->processes || !s->threads || !s->objects || !s->words ||
	    !s->tids) {
		sim_free(s);
		return NULL;
	}
	return s;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->processes && i < s->nprocesses; i++)
		free(s->processes[i].threads);
	free(s->processes);
	free(s->threads);
	free(s->calls.at);
	map_free(&s->calls.index);
	free(s->objects);
	free(s->events);
	free(s->words);
	free(s->tids);
	free(s->cpus);
	free(s->idle);
	free(s);
}
