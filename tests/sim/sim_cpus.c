/* SPDX-License-Identifier: MIT */
/* Who has each CPU, and who waits for one. */
#include "sim_cpus.h"

/* ---- records ---- */

struct gt_event sim_record(const struct sim *s, uint32_t cpu, uint8_t kind, uint32_t task)
{
	return (struct gt_event){
		.ts = s->now, .cpu = cpu, .kind = kind, .task = task, .syscall = -1
	};
}

void sim_tell(struct sim *s, const struct gt_event *ev)
{
	s->told_cpu = ev->cpu;
	if (s->trace)
		sim_trace_event(s->trace, ev);
}

/* ---- states ---- */

void sim_set_state(struct sim *s, struct sim_thread *t, enum sim_state next)
{
	if (s->truth)
		sim_truth_state(s, t, next);
	t->state = next;
}

/* ---- CPUs without a traced thread ---- */

void sim_idle_add(struct sim *s, uint32_t cpu)
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
void sim_cpu_charge(struct sim *s, struct sim_cpu *c)
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

void sim_tell_span(struct sim *s, uint32_t cpu, bool idle_next)
{
	struct sim_cpu *c = &s->cpus[cpu];
	struct gt_event ev = sim_record(s, cpu, GT_CPU, 0);

	ev.flags = idle_next ? GT_F_NEXT_IDLE : 0;
	ev.u.cpu_span.start = c->span_start;
	ev.u.cpu_span.idle = c->span_idle;
	sim_tell(s, &ev);
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

	if (!t || s->quota.stopped)
		return NULL;
	*first = t->next;
	if (!*first)
		*last = 0;
	return t;
}

void sim_kick(struct sim *s, uint32_t cpu)
{
	s->cpus[cpu].kicked = true;
	idle_del(s, cpu);
	sim_at(s, s->now + sim_between(s, 300, sim_chance(s, 10) ? 40 * US : 6 * US), EVENT_KICK,
	       cpu, 0);
}

/* It can run: an idle CPU that it may use comes out of idle, mostly the one where it was. */
void sim_enqueue(struct sim *s, struct sim_thread *t)
{
	uint32_t cpu = t->pin ? t->pin - 1 : t->cpu;

	queue_add(s, t);
	if (s->quota.stopped)
		return;
	if (cpu != UINT32_MAX && s->cpus[cpu].idle_at && (t->pin || sim_chance(s, 70)))
		sim_kick(s, cpu);
	else if (!t->pin && s->nidle)
		sim_kick(s, s->idle[sim_random(s, s->nidle)]);
}

/* ---- switching ---- */

/* Its next step is due when it has run for what is left of this one; at once, but not from in here.
 */
void sim_goes_on(struct sim *s, struct sim_thread *t)
{
	t->ran_since = s->now;
	if (!t->left) {
		t->run_number++;
		s->pending = t->index + 1;
		return;
	}
	sim_at(s, s->now + t->left, EVENT_RUN, t->index, ++t->run_number);
}

/* CPU bookkeeping of a switch to `t`, NULL: to nobody of ours. */
static void take_cpu(struct sim *s, uint32_t cpu, struct sim_thread *t)
{
	struct sim_cpu *c = &s->cpus[cpu];

	sim_quota_runs(s, !!t - !!c->running);
	c->running = t ? t->index + 1 : 0;
	c->slice++;
	if (!t) {
		span_begins(s, c);
		if (!c->foreign)
			sim_idle_add(s, cpu);
		return;
	}
	sim_early_shows(s, t);
	sim_call_returns(s, t);
	sim_set_state(s, t, SIM_RUNNING);
	t->cpu = cpu;
	if (s->truth)
		sim_truth_resume(s, t);
	if (sim_has(s, SIM_PREEMPT))
		sim_at(s, s->now + sim_between(s, 500 * US, 4 * MS), EVENT_SLICE, cpu, c->slice);
}

/* Nobody of ours has the CPU, which was idle or someone else's: take who waits for it. */
void sim_pick(struct sim *s, uint32_t cpu, bool was_idle)
{
	struct sim_cpu *c = &s->cpus[cpu];
	struct sim_thread *t = c->running || c->foreign ? NULL : queue_take(s, cpu);
	struct gt_event ev;

	if (!t) {
		if (!c->running && !c->foreign && !c->idle_at)
			sim_idle_add(s, cpu);
		return;
	}
	sim_cpu_charge(s, c);
	if (c->span_idle && c->span_idle != s->now - c->span_start)
		sim_tell_span(s, cpu, false);
	ev = sim_record(s, cpu, GT_SWITCH, 0);
	ev.peer = t->id;
	ev.flags = was_idle ? GT_F_PREV_IDLE : 0;
	sim_tell(s, &ev);
	idle_del(s, cpu);
	take_cpu(s, cpu, t);
	if (s->first && s->nidle)
		sim_kick(s, s->idle[sim_random(s, s->nidle)]);
	sim_goes_on(s, t);
}

/* Busy programs of others take turns of this with who waits for their CPU. */
#define HOG_SLICE (3 * MS)

static bool has_hog(const struct sim *s, uint32_t cpu)
{
	return cpu < s->p.load;
}

/* Others come to a CPU, or leave it, after a while. What was planned before of a busy program is
 * off. */
static void foreign_at(struct sim *s, uint32_t cpu, enum sim_event_kind kind, uint64_t least,
		       uint64_t most)
{
	if (has_hog(s, cpu))
		sim_at(s, s->now + HOG_SLICE, kind, cpu, ++s->cpus[cpu].turn);
	else
		sim_at(s, s->now + sim_between(s, least, most), kind, cpu, 0);
}

/* The running thread leaves: `ev` tells why. Who waits runs next, or a busy program. */
void sim_leave(struct sim *s, struct sim_thread *t, struct gt_event *ev, enum sim_state state,
	       bool foreign)
{
	uint32_t cpu = t->cpu;
	struct sim_cpu *c = &s->cpus[cpu];
	struct sim_thread *next;

	sim_cpu_charge(s, c);
	t->run_number++;
	if (state == SIM_RUNNABLE)
		sim_enqueue(s, t);
	next = foreign ? NULL : queue_take(s, cpu);
	c->foreign = foreign || (!next && has_hog(s, cpu));
	if (c->foreign && !foreign)
		foreign_at(s, cpu, EVENT_FOREIGN_ENDS, 0, 0);
	ev->peer = next ? next->id : 0;
	if (!next && !c->foreign)
		ev->flags |= GT_F_NEXT_IDLE;
	sim_tell(s, ev);
	sim_set_state(s, t, state);
	take_cpu(s, cpu, next);
	if (next)
		sim_goes_on(s, next);
}

void sim_preempt(struct sim *s, struct sim_thread *t, bool foreign)
{
	struct gt_event ev = sim_record(s, t->cpu, GT_SWITCH, t->id);
	uint64_t ran = s->now - t->ran_since;

	t->left -= ran < t->left ? ran : t->left;
	if (!t->left)
		t->left = 1;
	ev.flags = GT_F_PREEMPTED;
	sim_leave(s, t, &ev, SIM_RUNNABLE, foreign);
}

void sim_interrupt(struct sim *s, struct sim_thread *t, uint64_t within)
{
	uint64_t ran = t->state == SIM_RUNNING ? s->now - t->ran_since : 0;

	if (t->left <= ran + within || t->leaving)
		return;
	t->hold_left += t->left - ran - within;
	t->left = ran + within;
	if (t->state == SIM_RUNNING)
		sim_at(s, s->now + within, EVENT_RUN, t->index, ++t->run_number);
}

/* ---- foreign tasks ---- */

void sim_foreign_comes(struct sim *s, uint32_t cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	if (c->running) {
		if (!s->threads[c->running - 1].leaving)
			sim_preempt(s, &s->threads[c->running - 1], true);
	} else if (!c->foreign && !c->kicked) {
		sim_cpu_charge(s, c);
		c->foreign = true;
		idle_del(s, cpu);
		if (s->now - c->span_start >= GT_CPU_SPAN_NS)
			sim_tell_span(s, cpu, false);
	}
	if (c->foreign)
		foreign_at(s, cpu, EVENT_FOREIGN_ENDS, 20 * US, 900 * US);
	else
		foreign_at(s, cpu, EVENT_FOREIGN, 1 * MS, 9 * MS);
}

void sim_foreign_goes(struct sim *s, uint32_t cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	if (has_hog(s, cpu) && !c->first && !s->first) { /* nobody else wants it */
		sim_at(s, s->now + HOG_SLICE / 3, EVENT_FOREIGN_ENDS, cpu, ++c->turn);
		return;
	}
	sim_cpu_charge(s, c);
	c->foreign = false;
	sim_pick(s, cpu, false);
	if (!c->running && s->now - c->span_start >= GT_CPU_SPAN_NS)
		sim_tell_span(s, cpu, true);
	foreign_at(s, cpu, EVENT_FOREIGN, 1 * MS, 9 * MS);
}
