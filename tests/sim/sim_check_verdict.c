/* SPDX-License-Identifier: MIT */
/*
 * Verdicts by docs/method.md's ladder, climbed with the books' own numbers, and N by the masks the
 * threads had. Where a wait is unproven the report may say inconclusive instead.
 */
#include "sim_check.h"

#include <stdlib.h>
#include <string.h>

#define MASK_PART 0.01	 /* of the time: lighter masks do not count for N */
#define DEMAND_PART 0.05 /* of the busiest process's running time */

/* ---- N ---- */

struct mask {
	uint64_t ns;
	uint32_t cpus; /* 1, or all */
};

static int mask_cmp(const void *a, const void *b)
{
	const struct mask *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

static double bounded(const struct check *k, double cpus)
{
	double quota = sim_quota_cpus(&k->s->p);

	cpus = cpus > 0 ? check_least(cpus, k->s->p.cpus) : k->s->p.cpus;
	return quota > 0 ? check_least(cpus, quota) : cpus;
}

/* CPUs in the union of the masks, without the lightest ones; and by how much and how far the others
 * are fewer. Two masks of equal time at the limit: either may count, and there is no telling. */
static double usable(const struct check *k, struct truth_scope *s)
{
	uint32_t n = k->s->p.cpus + 1;
	struct mask *masks = calloc(n, sizeof(*masks));
	uint64_t all = 0, left_out = 0;
	double cpus = 0;

	if (!masks)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		masks[i] = (struct mask){ s->masks[i], i ? 1 : k->s->p.cpus };
		all += masks[i].ns;
	}
	qsort(masks, n, sizeof(*masks), mask_cmp);
	for (uint32_t i = 0; i < n; i++) {
		left_out += masks[i].ns;
		if (masks[i].ns && (double)left_out >= MASK_PART * (double)all)
			cpus += masks[i].cpus;
	}
	cpus = bounded(k, cpus);
	for (uint32_t i = 0; i < n; i++)
		if (masks[i].ns && masks[i].cpus < cpus &&
		    (double)masks[i].ns >= MASK_PART * (double)all) {
			s->narrow += (double)masks[i].ns / (double)all;
			s->narrow_cpus = masks[i].cpus;
		}
	free(masks);
	return cpus;
}

/* ---- the ladder ---- */

struct facts {
	const struct truth_scope *s;
	uint64_t window;
	double starved;	       /* share, as told and compared before */
	double demand, others; /* CPUs; 0: of a process */
};

static bool cpus_are_short(const struct facts *f)
{
	double cpus = f->s->narrow >= 0.2 ? f->s->narrow_cpus : f->s->cpus;

	return f->demand == 0 || f->demand + f->others > cpus + 0.25;
}

static bool is_starved(const struct facts *f)
{
	return f->starved >= 0.5 &&
	       10 * (double)f->s->waited >= (double)(f->s->run + f->s->waited) && cpus_are_short(f);
}

static double gain_bound(const struct truth_scope *s)
{
	double longest = (double)s->run / s->cpus;

	if ((double)s->run_most > longest)
		longest = (double)s->run_most;
	return longest > 0 ? (double)s->run / longest : 1;
}

/* Below 80 % efficiency: what locks or other programs left unused. */
static const char *of_what_is_missing(const struct facts *f)
{
	double missing = f->s->attainable - (double)f->s->run;

	if ((double)f->s->run >= 0.8 * f->s->attainable)
		return NULL;
	if (2 * f->s->loss >= missing)
		return gain_bound(f->s) >= 1.2 && f->s->loss > 0 ? "contended" : NULL;
	return f->starved >= 0.2 && cpus_are_short(f) ? "cpu-starved" : NULL;
}

static const char *class_of(const struct facts *f)
{
	const struct truth_scope *s = f->s;
	double active = (double)s->active;
	const char *class;

	if (s->active < 10 * MS)
		return "inconclusive";
	if (2 * s->active < f->window)
		return "io-bound";
	if (50 * s->several < s->active)
		return "single-threaded";
	if (2 * s->serialized >= s->active && gain_bound(s) >= 1.2 && !is_starved(f))
		return "serialized";
	if ((s->cpus < 2 && 2 * s->several > s->active) || is_starved(f))
		return "cpu-starved";
	class = of_what_is_missing(f);
	if (class)
		return class;
	if (2 * s->alone >= s->active)
		return "imbalanced";
	if ((double)s->run >= 0.8 * active * check_least(s->cpus, s->workers > 2 ? s->workers : 2))
		return "parallel";
	return "mixed";
}

/* ---- whose ---- */

static void count_workers(struct check *k)
{
	for (uint32_t i = 0; i < k->s->nthreads; i++) {
		struct truth_scope *p = &k->t->processes[k->s->threads[i].process];
		uint64_t run = k->t->threads[i].time[TRUTH_RUN];

		k->t->whole.workers += run && run >= k->t->whole.run_most / 20;
		p->workers += run && run >= p->run_most / 20;
	}
}

static bool names(const json_t *processes, uint64_t id)
{
	const json_t *p;
	size_t i;

	json_array_foreach(processes, i, p) if ((uint64_t)json_integer_value(p) == id) return true;
	return false;
}

/* Of the process, 0: of any. */
static bool any_unproven(const struct check *k, uint64_t process)
{
	for (size_t i = 0; i < check_rows(k, "events"); i++) {
		const json_t *o = check_row(k, "events", i);

		if (!strcmp(check_text(o, "kind"), "unproven") &&
		    (!process || names(json_object_get(o, "processes"), process)))
			return true;
	}
	return false;
}

static void check_class(struct check *k, uint64_t process, const json_t *verdict,
			const struct facts *f)
{
	const char *told = check_text(verdict, "class"), *truth = class_of(f);

	if (strcmp(told, truth) && (strcmp(told, "inconclusive") || !any_unproven(k, process)))
		check_differs(k, "verdict of %s %llu: %s, truth %s", process ? "process" : "whole",
			      (unsigned long long)process, told, truth);
}

static void check_cpus_of(struct check *k, const char *what, const json_t *o, struct truth_scope *s)
{
	double cpus = usable(k, s);

	if (s->active && check_real(o, "cpus") != cpus)
		check_differs(k, "%s: N %.2f, truth %.2f", what, check_real(o, "cpus"), cpus);
}

/* The process's verdict; and the CPUs it could use as it is. */
static double check_process(struct check *k, const json_t *o, uint32_t process, uint64_t busiest)
{
	struct truth_scope *s = &k->t->processes[process];
	const json_t *parallelism = json_object_get(o, "parallelism");
	const json_t *verdict = json_object_get(o, "verdict");
	struct facts f = {
		.s = s,
		.window = check_integer(o, "end") - check_integer(o, "start"),
		.starved = check_real(parallelism, "starved_share"),
	};

	check_cpus_of(k, "process", parallelism, s);
	check_class(k, check_integer(o, "id"), verdict, &f);
	if ((double)s->run < DEMAND_PART * (double)busiest)
		return 0;
	return !strcmp(check_text(verdict, "class"), "serialized") || !s->workers ? 1 : s->workers;
}

/* The lock that a verdict names explains most. */
static void check_named(struct check *k, const json_t *verdict)
{
	uint64_t named = check_integer(verdict, "lock"), most = 0, its = 0;

	for (uint32_t i = 0; i < k->t->ngroups; i++) {
		const struct truth_group *g = &k->t->groups[i];

		if (!g->lock || !g->waits)
			continue;
		most = g->serialized > most ? g->serialized : most;
		its = g->id == named ? g->serialized : its;
	}
	if (named && its != most)
		check_differs(k, "verdict: lock %llu explains %llu ns, another %llu",
			      (unsigned long long)named, (unsigned long long)its,
			      (unsigned long long)most);
}

static bool needs_lock(const char *class)
{
	return !strcmp(class, "serialized") || !strcmp(class, "contended");
}

void check_verdict(struct check *k)
{
	const json_t *verdict = json_object_get(k->report, "verdict");
	const json_t *parallelism = json_object_get(k->report, "parallelism");
	struct facts f = {
		.s = &k->t->whole,
		.window = k->s->end - SIM_START,
		.starved = check_real(parallelism, "starved_share"),
	};
	uint64_t busiest = 0;

	count_workers(k);
	for (uint32_t i = 0; i < k->s->p.processes; i++)
		busiest = k->t->processes[i].run > busiest ? k->t->processes[i].run : busiest;
	for (size_t i = 0; i < check_rows(k, "processes"); i++)
		for (uint32_t p = 0; p < k->s->p.processes; p++)
			if (k->s->processes[p].id ==
			    check_integer(check_row(k, "processes", i), "id"))
				f.demand +=
					check_process(k, check_row(k, "processes", i), p, busiest);
	for (size_t i = 0; i < check_rows(k, "cpus"); i++)
		f.others += (double)check_integer(check_row(k, "cpus", i), "other");
	f.others /= (double)f.window;
	check_cpus_of(k, "whole", parallelism, &k->t->whole);
	check_class(k, 0, verdict, &f);
	check_named(k, verdict);
	if (needs_lock(check_text(verdict, "class")) && !check_integer(verdict, "lock"))
		check_differs(k, "verdict: no lock is named");
}
