/* SPDX-License-Identifier: MIT */
/*
 * A cgroup's quota of CPU time: all threads may use so much in every period, however many run at
 * once. When that is used up each CPU stops the thread that it has, within some microseconds, and
 * is idle or someone else's until the next period begins. Who is woken meanwhile waits, too.
 */
#include "sim_cpus.h"

#define QUARTERS_MOST 16

struct quota {
	uint64_t period, runtime;
	uint32_t quarters; /* of a CPU */
};

static struct quota quota_of(const struct sim_params *p)
{
	uint64_t draw = (p->seed + 7) * 0xd1342543de82ef95ULL >> 20;
	uint32_t most = 4 * p->cpus < QUARTERS_MOST ? 4 * p->cpus : QUARTERS_MOST;
	struct quota q = { .period = (2 + draw % 15) * MS };

	if (!(p->features & SIM_QUOTA))
		return (struct quota){ 0 };
	q.quarters = 1 + (uint32_t)(draw / 16 % most);
	q.runtime = q.period * q.quarters / 4;
	return q;
}

double sim_quota_cpus(const struct sim_params *p)
{
	return quota_of(p).quarters / 4.0;
}

/* What has been used since it was last looked at; and when the rest will be. */
static void charge(struct sim *s)
{
	uint64_t used = (s->now - s->quota.since) * s->quota.running;

	s->quota.left -= used < s->quota.left ? used : s->quota.left;
	s->quota.since = s->now;
}

static void plan_end(struct sim *s)
{
	uint32_t n = s->quota.running;

	s->quota.number++;
	if (n && !s->quota.stopped)
		sim_at(s, s->now + (s->quota.left + n - 1) / n, EVENT_QUOTA_USED, 0,
		       s->quota.number);
}

void sim_quota_begin(struct sim *s)
{
	struct quota q = quota_of(&s->p);

	s->quota.left = q.runtime;
	s->quota.since = s->now;
	if (q.period)
		sim_at(s, s->now + 1 + sim_random(s, q.period), EVENT_QUOTA_PERIOD, 0, 0);
}

void sim_quota_runs(struct sim *s, int more)
{
	if (!sim_has(s, SIM_QUOTA) || !more)
		return;
	charge(s);
	s->quota.running += (uint32_t)more;
	plan_end(s);
}

void sim_quota_used(struct sim *s, uint32_t number)
{
	if (number != s->quota.number)
		return;
	charge(s);
	s->quota.stopped = true;
	for (uint32_t i = 0; i < s->p.cpus; i++)
		if (s->cpus[i].running)
			sim_at(s, s->now + sim_between(s, 1, 20 * US), EVENT_QUOTA_STOP, i,
			       s->quota.periods);
}

/* In the kernel a thread is stopped where it would return to its program: who is on its way off the
 * CPU gets there. */
void sim_quota_stop(struct sim *s, uint32_t cpu, uint32_t period)
{
	struct sim_cpu *c = &s->cpus[cpu];

	if (period != s->quota.periods || !c->running || s->threads[c->running - 1].leaving)
		return;
	sim_preempt(s, &s->threads[c->running - 1], false);
	c->stopped_at = s->now;
	if (!s->quota.stopped_at)
		s->quota.stopped_at = s->now;
}

static void go_on(struct sim *s)
{
	uint32_t waiting = 0;

	for (uint32_t t = s->first; t; t = s->threads[t - 1].next)
		waiting++;
	for (uint32_t i = 0; i < s->p.cpus; i++) {
		struct sim_cpu *c = &s->cpus[i];

		s->quota.throttled += c->stopped_at ? s->now - c->stopped_at : 0;
		c->stopped_at = 0;
		if (c->first && c->idle_at)
			sim_kick(s, i);
	}
	while (waiting-- && s->nidle)
		sim_kick(s, s->idle[sim_random(s, s->nidle)]);
	if (s->truth && s->quota.stopped_at)
		sim_truth_stopped(s, s->quota.stopped_at);
	s->quota.stopped_at = 0;
}

void sim_quota_period(struct sim *s)
{
	struct quota q = quota_of(&s->p);

	charge(s);
	s->quota.periods++;
	s->quota.left = q.runtime;
	s->quota.stopped = false;
	go_on(s);
	plan_end(s);
	sim_at(s, s->now + q.period, EVENT_QUOTA_PERIOD, 0, 0);
}
