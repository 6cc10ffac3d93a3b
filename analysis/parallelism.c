/* SPDX-License-Identifier: MIT */
#include "parallelism.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parallelism_private.h"

/* What a state counts as; all others are not part of active time. */
static const uint8_t roles[STATE_COUNT] = {
	[STATE_RUNNING] = ROLE_RUNNING,
	[STATE_RUNNABLE] = ROLE_RUNNABLE,
	[STATE_LOCK] = ROLE_LOCK,
};

static void scope_init(struct scope *s, uint32_t cap, uint64_t now)
{
	s->last = s->starved_until = now;
	s->cap = cap;
}

static void scope_free(struct scope *s)
{
	for (uint32_t i = 0; s->idle_waiters && i < s->cap; i++)
		free(s->idle_waiters[i]);
	free(s->idle_waiters);
	free(s->demand);
	free(s->histogram);
	free(s->mask_time);
}

static bool sums_grow(uint64_t **at, uint32_t *len, uint32_t n)
{
	uint32_t bigger = n < 4 ? 4 : n + n / 2 + 1;
	uint64_t *p = realloc(*at, bigger * sizeof(*p));

	if (!p)
		return false;
	memset(p + *len, 0, (bigger - *len) * sizeof(*p));
	*at = p;
	*len = bigger;
	return true;
}

/* Room for index `n` in an array of sums, new ones zero. */
static inline bool sums_reach(uint64_t **at, uint32_t *len, uint32_t n)
{
	return n < *len || sums_grow(at, len, n);
}

static struct part *part_of(struct parallelism *p, const struct thread *t)
{
	struct part **bigger;
	uint32_t cap = p->parts_cap ? p->parts_cap * 2 : 64;

	if (t->index < p->parts_cap && p->parts[t->index])
		return p->parts[t->index];
	while (cap <= t->index)
		cap *= 2;
	if (t->index >= p->parts_cap) {
		bigger = realloc(p->parts, cap * sizeof(*bigger));
		if (!bigger)
			return NULL;
		memset(bigger + p->parts_cap, 0, (cap - p->parts_cap) * sizeof(*bigger));
		p->parts = bigger;
		p->parts_cap = cap;
	}
	p->parts[t->index] = calloc(1, sizeof(struct part));
	return p->parts[t->index];
}

static struct scope *scope_of(struct parallelism *p, const struct process *process, uint64_t now)
{
	struct scope **bigger;
	uint32_t cap = p->scopes_cap ? p->scopes_cap * 2 : 16;
	struct scope *s;

	if (process->index < p->scopes_cap && p->scopes[process->index])
		return p->scopes[process->index];
	while (cap <= process->index)
		cap *= 2;
	if (process->index >= p->scopes_cap) {
		bigger = realloc(p->scopes, cap * sizeof(*bigger));
		if (!bigger)
			return NULL;
		memset(bigger + p->scopes_cap, 0, (cap - p->scopes_cap) * sizeof(*bigger));
		p->scopes = bigger;
		p->scopes_cap = cap;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	scope_init(s, p->whole.cap, now);
	p->scopes[process->index] = s;
	return s;
}

/*
 * Time at which l threads wait for locks while only pr could use a CPU. Which of it is lost depends
 * on N, that is on masks not yet seen; so it is kept by (pr, l), where neither need be told apart
 * beyond the machine's size.
 */
static bool add_idle_waiters(struct scope *s, uint32_t pr, uint32_t l, uint64_t ns)
{
	if (pr >= s->cap)
		return true;
	if (!s->idle_waiters)
		s->idle_waiters = calloc(s->cap, sizeof(*s->idle_waiters));
	if (!s->idle_waiters)
		return false;
	if (!s->idle_waiters[pr])
		s->idle_waiters[pr] = calloc(s->cap + 1, sizeof(**s->idle_waiters));
	if (!s->idle_waiters[pr])
		return false;
	s->idle_waiters[pr][l < s->cap ? l : s->cap] += ns;
	return true;
}

/* Integrate up to now what has held since the last change. */
static bool step(struct scope *s, uint64_t now)
{
	uint32_t running = s->count[ROLE_RUNNING], runnable = s->count[ROLE_RUNNABLE];
	uint32_t lock = s->count[ROLE_LOCK], demand = running + runnable + lock;
	uint64_t ns = now - s->last;

	s->last = now;
	if (!ns || !demand)
		return true;
	if (demand > s->cap)
		demand = s->cap;
	if (!sums_reach(&s->demand, &s->demand_len, demand) ||
	    !sums_reach(&s->histogram, &s->histogram_len, running))
		return false;
	s->demand[demand] += ns;
	s->histogram[running] += ns;
	s->runnable += runnable * ns;
	if (!lock) {
		if (running == 1 && !runnable)
			s->alone += ns;
		return true;
	}
	s->waiting += ns;
	if (running <= 1)
		s->serialized += ns;
	return add_idle_waiters(s, running + runnable, lock, ns);
}

/*
 * The union of runnable intervals of 1 ms or more, up to now. Threads stand in the queue in the
 * order in which they became runnable, so whether anyone has been so for 1 ms is whether the first
 * one has; and as this is asked before any thread leaves the queue, no interval of the union is
 * missed.
 */
static void step_starved(struct scope *s, uint64_t now)
{
	uint64_t from = s->queue_first ? s->queue_first->since : now;

	if (now - from < STARVED_NS)
		return;
	if (from < s->starved_until)
		from = s->starved_until;
	s->starved += now - from;
	s->starved_until = now;
}

static void queue_add(struct scope *s, struct part *part, int which)
{
	part->link[which].prev = s->queue_last;
	part->link[which].next = NULL;
	if (s->queue_last)
		s->queue_last->link[which].next = part;
	else
		s->queue_first = part;
	s->queue_last = part;
}

static void queue_del(struct scope *s, struct part *part, int which)
{
	struct part *prev = part->link[which].prev, *next = part->link[which].next;

	if (prev)
		prev->link[which].next = next;
	else
		s->queue_first = next;
	if (next)
		next->link[which].prev = prev;
	else
		s->queue_last = prev;
}

struct change {
	const struct thread *t;
	struct part *part;
	uint8_t from, to;
	uint64_t now;
};

static bool scope_change(struct scope *s, int which, const struct change *c)
{
	if (!step(s, c->now))
		return false;
	if (c->from == ROLE_RUNNABLE) {
		step_starved(s, c->now);
		queue_del(s, c->part, which);
	}
	if (c->from) {
		if (!sums_reach(&s->mask_time, &s->mask_time_len, c->t->mask))
			return false;
		s->mask_time[c->t->mask] += c->now - c->t->since;
	}
	s->count[c->from]--;
	s->count[c->to]++;
	if (c->to == ROLE_RUNNABLE)
		queue_add(s, c->part, which);
	return true;
}

static uint8_t role_of(const struct parallelism *p, const struct thread *t, enum state state)
{
	if (p->unproven_too && state == STATE_EVENT && t->wait.group &&
	    t->wait.group->sort == SORT_UNPROVEN)
		return ROLE_LOCK;
	return roles[state];
}

static void count(struct parallelism *p, const struct thread *t, enum state next, uint64_t now)
{
	uint8_t from = role_of(p, t, t->state), to = role_of(p, t, next);
	struct scope *process;
	struct change change;
	struct part *part;

	if (from == to || p->err)
		return;
	process = scope_of(p, t->process, now);
	part = part_of(p, t);
	change = (struct change){ t, part, from, to, now };
	if (!process || !part) {
		p->err = -ENOMEM;
		return;
	}
	if (to == ROLE_RUNNABLE)
		part->since = now;
	/* 1/P changes with P of the whole run only, whose last stretch this adds. */
	if (p->whole.count[ROLE_RUNNING])
		p->inverse += (double)(now - p->whole.last) / p->whole.count[ROLE_RUNNING];
	if (!scope_change(&p->whole, 0, &change) || !scope_change(process, 1, &change))
		p->err = -ENOMEM;
	if (from == ROLE_RUNNING) {
		part->run += now - t->since;
		part->critical += p->inverse - part->inverse_at;
	}
	if (to == ROLE_RUNNING)
		part->inverse_at = p->inverse;
}

static void transition(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct parallelism *p = ctx;

	count(p, t, next, now);
	if (p->if_locks)
		count(p->if_locks, t, next, now);
}

static void start(void *ctx, const struct model *m, uint64_t now)
{
	for (struct parallelism *p = ctx; p; p = p->if_locks)
		p->whole.last = p->whole.starved_until = now;
}

static void add_run(struct scope *s, const struct part *part)
{
	s->run += part->run;
	if (part->run > s->run_max)
		s->run_max = part->run;
}

/* W counts threads with at least 5 % of the busiest one's run time: so the busiest is found first.
 */
static void add_runs(struct parallelism *p, const struct model *m)
{
	for (int pass = 0; pass < 2 && !p->err; pass++)
		for (uint32_t i = 0; i < model_nthreads(m) && i < p->parts_cap; i++) {
			const struct part *part = p->parts[i];
			struct scope *s = part ? p->scopes[model_thread_at(m, i)->process->index]
					       : NULL;

			if (!part)
				continue;
			if (pass == 0) {
				add_run(&p->whole, part);
				add_run(s, part);
				continue;
			}
			p->whole.workers += part->run && part->run >= p->whole.run_max / 20;
			s->workers += part->run && part->run >= s->run_max / 20;
		}
}

static void finish(void *ctx, const struct model *m, uint64_t now)
{
	for (struct parallelism *p = ctx; p; p = p->if_locks)
		add_runs(p, m);
}

static const struct model_sink sink = { .start = start,
					.transition = transition,
					.finish = finish };

static const struct scope *find_scope(const struct parallelism *p, const struct process *process)
{
	if (!process)
		return &p->whole;
	return process->index < p->scopes_cap ? p->scopes[process->index] : NULL;
}

uint64_t parallelism_serialized_so_far(const struct parallelism *p, const struct process *scope,
				       uint64_t now)
{
	const struct scope *s = find_scope(p, scope);

	if (!s)
		return 0;
	if (s->count[ROLE_RUNNING] <= 1 && s->count[ROLE_LOCK])
		return s->serialized + (now - s->last);
	return s->serialized;
}

uint32_t parallelism_running(const struct parallelism *p, const struct process *scope)
{
	const struct scope *s = find_scope(p, scope);

	return s ? s->count[ROLE_RUNNING] : 0;
}

uint32_t parallelism_lock_blocked(const struct parallelism *p, const struct process *scope)
{
	const struct scope *s = find_scope(p, scope);

	return s ? s->count[ROLE_LOCK] : 0;
}

double parallelism_critical(const struct parallelism *p, const struct thread *t)
{
	return t->index < p->parts_cap && p->parts[t->index] ? p->parts[t->index]->critical : 0;
}

void parallelism_sums(const struct parallelism *p, const struct process *scope,
		      struct parallelism_sums *out)
{
	const struct scope *s = find_scope(p, scope);

	memset(out, 0, sizeof(*out));
	if (!s)
		return;
	for (uint32_t i = 1; i < s->demand_len; i++) {
		out->active += s->demand[i];
		out->several += i > 1 ? s->demand[i] : 0;
	}
	out->alone = s->alone;
	out->serialized = s->serialized;
	out->waiting = s->waiting;
	out->runnable = s->runnable;
	out->starved = s->starved;
	out->run = s->run;
	out->run_max = s->run_max;
	out->workers = s->workers;
}

static void parallelism_free(void *self)
{
	struct parallelism *p = self;

	if (!p)
		return;
	parallelism_free(p->if_locks);
	for (uint32_t i = 0; i < p->parts_cap; i++)
		free(p->parts[i]);
	for (uint32_t i = 0; i < p->scopes_cap; i++) {
		if (p->scopes[i])
			scope_free(p->scopes[i]);
		free(p->scopes[i]);
	}
	scope_free(&p->whole);
	free(p->parts);
	free(p->scopes);
	free(p);
}

static struct parallelism *sums_new(uint32_t cap)
{
	struct parallelism *p = calloc(1, sizeof(*p));

	if (p)
		scope_init(&p->whole, cap, 0);
	return p;
}

static bool any_unproven(const struct lock_table *locks)
{
	for (uint32_t i = 0; locks && i < lock_table_size(locks); i++)
		if (lock_table_at(locks, i)->sort == SORT_UNPROVEN)
			return true;
	return false;
}

static void *parallelism_new(struct analysis_context *ctx)
{
	uint32_t cap = ctx->meta->cpus_online;
	struct parallelism *p;

	if (cap == 0 || cap > GT_MAX_CPUS)
		cap = GT_MAX_CPUS;
	if (cap < 2)
		cap = 2;
	p = sums_new(cap);
	if (p && any_unproven(ctx->locks)) {
		p->if_locks = sums_new(cap);
		if (!p->if_locks) {
			parallelism_free(p);
			return NULL;
		}
		p->if_locks->unproven_too = true;
	}
	ctx->parallelism = p;
	return p;
}

const struct analysis parallelism_analysis = {
	.name = "parallelism",
	.sink = &sink,
	.new = parallelism_new,
	.results = parallelism_results,
	.free = parallelism_free,
};
