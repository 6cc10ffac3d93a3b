/* SPDX-License-Identifier: MIT */
/* Time, CPUs and run queues: who runs where. */
#include "sim.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

#define NR_FUTEX 202
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_DEAD 0x80
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

static void at(struct sim *s, uint64_t ts, enum sim_event_kind kind, uint32_t who, uint32_t number)
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

/* ---- records ---- */

static struct gt_event record(const struct sim *s, uint32_t cpu, uint8_t kind, uint32_t task)
{
	return (struct gt_event){
		.ts = s->now, .cpu = cpu, .kind = kind, .task = task, .syscall = -1
	};
}

static void tell(struct sim *s, const struct gt_event *ev)
{
	if (s->trace)
		sim_trace_event(s->trace, ev);
}

/* ---- states ---- */

static void set_state(struct sim *s, struct sim_thread *t, enum sim_state next)
{
	if (s->truth)
		sim_truth_state(s, t, next);
	t->state = next;
}

/* ---- CPUs without a traced thread ---- */

static void idle_add(struct sim *s, uint32_t cpu)
{
	s->idle[s->nidle++] = cpu;
	s->cpus[cpu].idle_at = s->nidle;
}

static void idle_del(struct sim *s, uint32_t cpu)
{
	uint32_t place = s->cpus[cpu].idle_at, last;

	if (!place)
		return;
	last = s->idle[--s->nidle];
	s->idle[place - 1] = last;
	s->cpus[last].idle_at = place;
	s->cpus[cpu].idle_at = 0;
}

/* Charge the time since the last change to who had the CPU. */
static void cpu_charge(struct sim *s, struct sim_cpu *c)
{
	uint64_t ns = s->now - c->since;

	if (c->running)
		c->traced += ns;
	else if (c->foreign)
		c->other += ns;
	else
		c->idle += ns;
	if (!c->running && !c->foreign)
		c->span_idle += ns;
	c->since = s->now;
}

static void span_begins(struct sim *s, struct sim_cpu *c)
{
	c->span_start = s->now;
	c->span_idle = 0;
}

static void tell_span(struct sim *s, uint32_t cpu, bool idle_next)
{
	struct sim_cpu *c = &s->cpus[cpu];
	struct gt_event ev = record(s, cpu, GT_CPU, 0);

	ev.flags = idle_next ? GT_F_NEXT_IDLE : 0;
	ev.u.cpu_span.start = c->span_start;
	ev.u.cpu_span.idle = c->span_idle;
	tell(s, &ev);
	span_begins(s, c);
}

/* ---- run queues ---- */

static void queue_add(struct sim *s, struct sim_thread *t)
{
	uint32_t *first = t->pin ? &s->cpus[t->pin - 1].first : &s->first;
	uint32_t *last = t->pin ? &s->cpus[t->pin - 1].last : &s->last;

	t->next = 0;
	if (*last)
		s->threads[*last - 1].next = t->index + 1;
	else
		*first = t->index + 1;
	*last = t->index + 1;
}

static struct sim_thread *queue_take(struct sim *s, uint32_t cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];
	uint32_t *first = c->first ? &c->first : &s->first, *last = c->first ? &c->last : &s->last;
	struct sim_thread *t = *first ? &s->threads[*first - 1] : NULL;

	if (!t)
		return NULL;
	*first = t->next;
	if (!*first)
		*last = 0;
	return t;
}

static void kick(struct sim *s, uint32_t cpu)
{
	s->cpus[cpu].kicked = true;
	idle_del(s, cpu);
	at(s, s->now + sim_between(s, 300, sim_chance(s, 10) ? 40 * US : 6 * US), EVENT_KICK, cpu,
	   0);
}

/* It can run: an idle CPU that it may use comes out of idle, mostly the one where it was. */
static void enqueue(struct sim *s, struct sim_thread *t)
{
	uint32_t cpu = t->pin ? t->pin - 1 : t->cpu;

	queue_add(s, t);
	if (cpu != UINT32_MAX && s->cpus[cpu].idle_at && (t->pin || sim_chance(s, 70)))
		kick(s, cpu);
	else if (!t->pin && s->nidle)
		kick(s, s->idle[sim_random(s, s->nidle)]);
}

/* ---- switching ---- */

/* Its next step is due when it has run for what is left of this one; at once, but not from in here.
 */
static void goes_on(struct sim *s, struct sim_thread *t)
{
	t->ran_since = s->now;
	if (!t->left) {
		t->run_number++;
		s->pending = t->index + 1;
		return;
	}
	at(s, s->now + t->left, EVENT_RUN, t->index, ++t->run_number);
}

/* CPU bookkeeping of a switch to `t`, NULL: to nobody of ours. */
static void take_cpu(struct sim *s, uint32_t cpu, struct sim_thread *t)
{
	struct sim_cpu *c = &s->cpus[cpu];

	c->running = t ? t->index + 1 : 0;
	c->slice++;
	if (!t) {
		span_begins(s, c);
		if (!c->foreign)
			idle_add(s, cpu);
		return;
	}
	set_state(s, t, SIM_RUNNING);
	t->cpu = cpu;
	if (s->truth)
		sim_truth_resume(s, t);
	if (sim_has(s, SIM_PREEMPT))
		at(s, s->now + sim_between(s, 500 * US, 4 * MS), EVENT_SLICE, cpu, c->slice);
}

/* Nobody of ours has the CPU, which was idle or someone else's: take who waits for it. */
static void pick(struct sim *s, uint32_t cpu, bool was_idle)
{
	struct sim_cpu *c = &s->cpus[cpu];
	struct sim_thread *t = c->running || c->foreign ? NULL : queue_take(s, cpu);
	struct gt_event ev;

	if (!t) {
		if (!c->running && !c->foreign && !c->idle_at)
			idle_add(s, cpu);
		return;
	}
	cpu_charge(s, c);
	if (c->span_idle && c->span_idle != s->now - c->span_start)
		tell_span(s, cpu, false);
	ev = record(s, cpu, GT_SWITCH, 0);
	ev.peer = t->id;
	ev.flags = was_idle ? GT_F_PREV_IDLE : 0;
	tell(s, &ev);
	idle_del(s, cpu);
	take_cpu(s, cpu, t);
	if (s->first && s->nidle)
		kick(s, s->idle[sim_random(s, s->nidle)]);
	goes_on(s, t);
}

/* The running thread leaves: `ev` tells why. Who waits runs next. */
static void leave(struct sim *s, struct sim_thread *t, struct gt_event *ev, enum sim_state state,
		  bool foreign)
{
	uint32_t cpu = t->cpu;
	struct sim_cpu *c = &s->cpus[cpu];
	struct sim_thread *next;

	cpu_charge(s, c);
	t->run_number++;
	if (state == SIM_RUNNABLE)
		enqueue(s, t);
	c->foreign = foreign;
	next = foreign ? NULL : queue_take(s, cpu);
	ev->peer = next ? next->id : 0;
	if (!next && !foreign)
		ev->flags |= GT_F_NEXT_IDLE;
	tell(s, ev);
	set_state(s, t, state);
	take_cpu(s, cpu, next);
	if (next)
		goes_on(s, next);
}

static void preempt(struct sim *s, struct sim_thread *t, bool foreign)
{
	struct gt_event ev = record(s, t->cpu, GT_SWITCH, t->id);
	uint64_t ran = s->now - t->ran_since;

	t->left -= ran < t->left ? ran : t->left;
	if (!t->left)
		t->left = 1;
	ev.flags = GT_F_PREEMPTED;
	leave(s, t, &ev, SIM_RUNNABLE, foreign);
}

void sim_interrupt(struct sim *s, struct sim_thread *t, uint64_t within)
{
	uint64_t ran = t->state == SIM_RUNNING ? s->now - t->ran_since : 0;

	if (t->left <= ran + within)
		return;
	t->hold_left += t->left - ran - within;
	t->left = ran + within;
	if (t->state == SIM_RUNNING)
		at(s, s->now + within, EVENT_RUN, t->index, ++t->run_number);
}

/* ---- blocking and waking ---- */

static void blocks(struct sim *s, struct sim_thread *t, struct gt_event *ev, enum sim_state state,
		   uint64_t ns)
{
	t->block_number++;
	t->timed_out = false;
	if (ns)
		at(s, s->now + ns, EVENT_WAKE, t->index, t->block_number);
	leave(s, t, ev, state, false);
}

void sim_block(struct sim *s, struct sim_thread *t, enum sim_state state, int syscall, bool disk,
	       uint64_t ns)
{
	struct gt_event ev = record(s, t->cpu, GT_SWITCH, t->id);

	ev.syscall = syscall;
	ev.state = disk || state == SIM_KERNEL_LOCK ? TASK_UNINTERRUPTIBLE : TASK_INTERRUPTIBLE;
	ev.flags = disk ? GT_F_IOWAIT : 0;
	blocks(s, t, &ev, state, ns);
}

static void word_add(struct sim *s, uint32_t word, struct sim_thread *t)
{
	struct sim_word *w = &s->words[word];

	t->word = word;
	t->next_wait = 0;
	if (w->last)
		s->threads[w->last - 1].next_wait = t->index + 1;
	else
		w->first = t->index + 1;
	w->last = t->index + 1;
}

static void word_del(struct sim *s, struct sim_thread *t)
{
	struct sim_word *w = &s->words[t->word];
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

void sim_futex_wait(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t op, uint32_t val,
		    uint64_t ns)
{
	struct gt_event ev = record(s, t->cpu, GT_SWITCH, t->id);

	ev.syscall = NR_FUTEX;
	ev.state = TASK_INTERRUPTIBLE;
	ev.flags = GT_F_FUTEX | GT_F_BLOCK | (ns ? GT_F_TIMED : 0);
	ev.u.addr = s->words[word].addr;
	ev.op = op;
	ev.val = val;
	word_add(s, word, t);
	s->words[word].rounds++;
	if (s->truth)
		sim_truth_round(s, t, word);
	blocks(s, t, &ev, SIM_FUTEX, ns);
}

static void wakes(struct sim *s, struct sim_thread *from, struct sim_thread *to,
		  const struct gt_event *ev)
{
	tell(s, ev);
	if (s->truth)
		sim_truth_wake(s, from, to, ev->flags & GT_F_FUTEX);
	to->block_number++;
	set_state(s, to, SIM_RUNNABLE);
	enqueue(s, to);
}

bool sim_futex_wake(struct sim *s, struct sim_thread *t, uint32_t word)
{
	struct sim_word *w = &s->words[word];
	struct gt_event ev;
	struct sim_thread *to;

	if (!w->first)
		return false;
	to = &s->threads[w->first - 1];
	word_del(s, to);
	ev = record(s, t->cpu, GT_WAKING, to->id);
	ev.peer = t->id;
	ev.syscall = NR_FUTEX;
	ev.flags = GT_F_FUTEX | GT_F_BLOCK;
	ev.u.addr = w->addr;
	ev.op = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;
	wakes(s, t, to, &ev);
	return true;
}

/* Interrupts come on top of whoever runs on the CPU where the thread went to sleep. */
void sim_wake(struct sim *s, struct sim_thread *t, struct sim_thread *to, int syscall)
{
	uint32_t cpu = t ? t->cpu : to->cpu;
	struct gt_event ev;

	if (to->state == SIM_FUTEX)
		word_del(s, to);
	if (cpu == UINT32_MAX)
		cpu = 0;
	ev = record(s, cpu, GT_WAKING, to->id);
	ev.syscall = syscall;
	if (t)
		ev.peer = t->id;
	else if (s->cpus[cpu].running)
		ev.peer = s->threads[s->cpus[cpu].running - 1].id;
	wakes(s, t, to, &ev);
}

void sim_ends(struct sim *s, struct sim_thread *t)
{
	struct gt_event ev = record(s, t->cpu, GT_SWITCH, t->id);

	ev.state = TASK_DEAD;
	s->live--;
	leave(s, t, &ev, SIM_NONE, false);
}

void sim_thread_starts(struct sim *s, struct sim_thread *t)
{
	s->live++;
	if (s->truth)
		sim_truth_start(s, t);
	t->state = SIM_RUNNABLE;
	enqueue(s, t);
}

/* ---- foreign tasks ---- */

static void foreign_comes(struct sim *s, uint32_t cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	if (c->running) {
		preempt(s, &s->threads[c->running - 1], true);
	} else if (!c->foreign && !c->kicked) {
		cpu_charge(s, c);
		c->foreign = true;
		idle_del(s, cpu);
		if (s->now - c->span_start >= GT_CPU_SPAN_NS)
			tell_span(s, cpu, false);
	}
	if (c->foreign)
		at(s, s->now + sim_between(s, 20 * US, 900 * US), EVENT_FOREIGN_ENDS, cpu, 0);
	else
		at(s, s->now + sim_between(s, 1 * MS, 9 * MS), EVENT_FOREIGN, cpu, 0);
}

static void foreign_goes(struct sim *s, uint32_t cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	cpu_charge(s, c);
	c->foreign = false;
	pick(s, cpu, false);
	if (!c->running && s->now - c->span_start >= GT_CPU_SPAN_NS)
		tell_span(s, cpu, true);
	at(s, s->now + sim_between(s, 1 * MS, 9 * MS), EVENT_FOREIGN, cpu, 0);
}

/* ---- the world ---- */

static void happens(struct sim *s, const struct sim_event *ev)
{
	struct sim_thread *t = s->threads + ev->who;
	struct sim_cpu *c = s->cpus + ev->who;

	switch (ev->kind) {
	case EVENT_RUN:
		if (t->state != SIM_RUNNING || t->run_number != ev->number)
			break;
		t->left = 0;
		sim_work(s, t);
		if (t->state == SIM_RUNNING)
			goes_on(s, t);
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
		pick(s, ev->who, true);
		break;
	case EVENT_SLICE:
		if (!c->running || c->slice != ev->number)
			break;
		if (c->first || s->first)
			preempt(s, &s->threads[c->running - 1], false);
		else
			at(s, s->now + sim_between(s, 500 * US, 4 * MS), EVENT_SLICE, ev->who,
			   c->slice);
		break;
	case EVENT_FOREIGN:
		foreign_comes(s, ev->who);
		break;
	case EVENT_FOREIGN_ENDS:
		foreign_goes(s, ev->who);
		break;
	case EVENT_MARK:
		if (s->trace)
			sim_trace_mark(s->trace, s->now - 1);
		s->over |= s->p.records && s->trace && sim_trace_records(s->trace) >= s->p.records;
		at(s, s->now + MARK_EVERY, EVENT_MARK, 0, 0);
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
			goes_on(s, t);
	}
}

static void begin(struct sim *s)
{
	for (uint32_t i = 0; i < s->p.cpus; i++) {
		struct gt_event ev = record(s, i, GT_ON_CPU, 0);

		s->cpus[i].since = s->cpus[i].span_start = s->now;
		ev.flags = GT_F_NEXT_IDLE;
		tell(s, &ev);
		idle_add(s, i);
		if (sim_has(s, SIM_FOREIGN))
			at(s, s->now + sim_between(s, 0, 5 * MS), EVENT_FOREIGN, i, 0);
	}
	at(s, s->now + MARK_EVERY, EVENT_MARK, 0, 0);
}

/* What is open is told up to the end, as the recorder does. */
static void finish(struct sim *s)
{
	s->now = s->end;
	for (uint32_t i = 0; i < s->p.cpus; i++) {
		struct sim_cpu *c = &s->cpus[i];
		struct gt_event ev = record(s, i, GT_CPU_SUM, 0);

		cpu_charge(s, c);
		if (!c->running)
			tell_span(s, i, !c->foreign);
		ev.u.cpu_sum.traced = c->traced;
		ev.u.cpu_sum.other = c->other;
		ev.u.cpu_sum.idle = c->idle;
		tell(s, &ev);
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
	free(s->objects);
	free(s->events);
	free(s->words);
	free(s->tids);
	free(s->cpus);
	free(s->idle);
	free(s);
}
