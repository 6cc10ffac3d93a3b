/* SPDX-License-Identifier: MIT */
#include "parallelism.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"
#include "parallelism_private.h"

/* What a state counts as; all others are not part of active time. */
static const uint8_t roles[STATE_COUNT] = {
	[STATE_RUNNING] = ROLE_RUNNING,
	[STATE_RUNNABLE] = ROLE_RUNNABLE,
	[STATE_LOCK] = ROLE_LOCK,
};

/* ---- who belongs where ---- */

/* Room for entry `index` of a zeroed array of pointers. False: out of memory. */
static bool reach(void ***at, uint32_t *cap, uint32_t index)
{
	uint32_t bigger = *cap ? *cap : 64;
	void **p;

	while (bigger <= index)
		bigger *= 2;
	p = realloc(*at, bigger * sizeof(*p));
	if (!p)
		return false;
	memset(p + *cap, 0, (bigger - *cap) * sizeof(*p));
	*at = p;
	*cap = bigger;
	return true;
}

/*
 * The first process's scope stays empty until a second one comes, or the end: so far its numbers
 * are those of the whole run.
 */
static bool part_only(struct parallelism *p)
{
	struct scope *only = p->only;

	p->only = NULL;
	return !only || scope_copy(only, &p->whole);
}

static struct scope *scope_of(struct parallelism *p, const struct process *process, uint64_t now)
{
	bool first = !p->scopes_cap;
	struct scope *s;

	if (process->index >= p->scopes_cap &&
	    !reach((void ***)&p->scopes, &p->scopes_cap, process->index))
		return NULL;
	if (p->scopes[process->index])
		return p->scopes[process->index];
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	scope_init(s, p->whole.cap, now);
	p->scopes[process->index] = s;
	if (first)
		p->only = s;
	else if (!part_only(p))
		return NULL;
	return s;
}

static COLD struct part *part_new(struct parallelism *p, const struct thread *t, uint64_t now)
{
	struct part *part;

	if (t->index >= p->parts_cap && !reach((void ***)&p->parts, &p->parts_cap, t->index))
		return NULL;
	part = calloc(1, sizeof(*part));
	if (!part)
		return NULL;
	p->parts[t->index] = part;
	part->own = scope_of(p, t->process, now);
	return part->own ? part : NULL;
}

static inline struct part *part_of(struct parallelism *p, const struct thread *t, uint64_t now)
{
	if (t->index < p->parts_cap && p->parts[t->index])
		return p->parts[t->index];
	return part_new(p, t, now);
}

/* ---- second pass ---- */

static COLD bool tell_masked(struct parallelism *p, struct part *part)
{
	uint64_t ns = part->masked;

	part->masked = 0;
	return !ns || (scope_add_mask(&p->whole, part->mask, ns) &&
		       (part->own == p->only || scope_add_mask(part->own, part->mask, ns)));
}

/* A thread's time in a role is over. False: out of memory. */
static inline bool was(struct parallelism *p, struct part *part, const struct thread *t,
		       enum role role, uint64_t ns)
{
	if (role == ROLE_RUNNING) {
		part->run += ns;
		part->critical += p->inverse - part->inverse_at;
	}
	if (t->mask != part->mask) {
		if (!tell_masked(p, part))
			return false;
		part->mask = t->mask;
	}
	part->masked += ns;
	return true;
}

static inline __attribute__((always_inline)) bool
count(struct parallelism *p, const struct thread *t, enum role from, enum role to, uint64_t now)
{
	struct part *part = part_of(p, t, now);
	uint32_t running = p->whole.count[ROLE_RUNNING];
	uint64_t ns = now - p->whole.last;

	if (!part)
		return false;
	/* 1/P changes with P of the whole run only, whose last stretch this adds. */
	if (running && ns)
		p->inverse += running == 1 ? (double)ns : (double)ns / running;
	if (to == ROLE_RUNNABLE)
		part->since = now;
	if (!scope_change(&p->whole, 0, part, from, to, now))
		return false;
	if (part->own != p->only && !scope_change(part->own, 1, part, from, to, now))
		return false;
	if (from && !was(p, part, t, from, now - t->since))
		return false;
	if (to == ROLE_RUNNING)
		part->inverse_at = p->inverse;
	return true;
}

static enum role role_if_lock(const struct thread *t, enum state state)
{
	return state == STATE_EVENT && t->wait.group && t->wait.group->sort == SORT_UNPROVEN
		       ? ROLE_LOCK
		       : roles[state];
}

static __attribute__((noinline)) void count_if_locks(struct parallelism *p, const struct thread *t,
						     enum state next, uint64_t now)
{
	enum role from = role_if_lock(t, t->state), to = role_if_lock(t, next);

	if (from != to && !p->err && !count(p, t, from, to, now))
		p->err = -ENOMEM;
}

/* No more than the clock of serialized time and the counts need. */
static bool count_clocks(struct parallelism *p, const struct thread *t, enum role from,
			 enum role to, uint64_t now)
{
	struct scope *own = scope_of(p, t->process, now);

	if (!own)
		return false;
	scope_tick(&p->whole, from, to, now);
	if (own != p->only)
		scope_tick(own, from, to, now);
	return true;
}

static void transition(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct parallelism *p = ctx;
	enum role from = roles[t->state], to = roles[next];

	if (p->clocks_only) {
		if (from != to && !p->err && !count_clocks(p, t, from, to, now))
			p->err = -ENOMEM;
		return;
	}
	if (from != to && !p->err && !count(p, t, from, to, now))
		p->err = -ENOMEM;
	if (p->if_locks)
		count_if_locks(p->if_locks, t, next, now);
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

static bool close_all(struct parallelism *p)
{
	bool ok = part_only(p) && scope_close(&p->whole);

	for (uint32_t i = 0; i < p->scopes_cap; i++)
		ok = ok && (!p->scopes[i] || scope_close(p->scopes[i]));
	for (uint32_t i = 0; i < p->parts_cap; i++)
		ok = ok && (!p->parts[i] || tell_masked(p, p->parts[i]));
	return ok;
}

static void finish(void *ctx, const struct model *m, uint64_t now)
{
	for (struct parallelism *p = ctx; p; p = p->if_locks) {
		if (!p->err && !close_all(p))
			p->err = -ENOMEM;
		add_runs(p, m);
	}
}

static const struct model_sink sink = { .start = start,
					.transition = transition,
					.finish = finish };

static const struct scope *find_scope(const struct parallelism *p, const struct process *process)
{
	const struct scope *s = NULL;

	if (!process)
		return &p->whole;
	if (process->index < p->scopes_cap)
		s = p->scopes[process->index];
	return s && s == p->only ? &p->whole : s;
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

int parallelism_error(const struct parallelism *p)
{
	return p->err;
}

uint32_t parallelism_running(const struct parallelism *p, const struct process *scope)
{
	const struct scope *s = find_scope(p, scope);

	return s ? s->count[ROLE_RUNNING] : 0;
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
	if (p)
		p->clocks_only = ctx->clocks_only;
	if (p && !p->clocks_only && any_unproven(ctx->locks)) {
		p->if_locks = sums_new(cap);
		if (!p->if_locks) {
			parallelism_free(p);
			return NULL;
		}
	}
	ctx->parallelism = p;
	return p;
}

const struct analysis parallelism_analysis = {
	.name = "parallelism",
	.lanes = ANALYSIS_REST | ANALYSIS_LOCKS,
	.sink = &sink,
	.new = parallelism_new,
	.results = parallelism_results,
	.free = parallelism_free,
};
