/* SPDX-License-Identifier: MIT */
/* Programs of one kind each, and what must be said of them. */
#include "sim_scenarios.h"

#include <string.h>

#include "sim_work.h"

/* ---- what a thread does in a round ---- */

static void global_lock(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 250 * US, 300 * US));
	sim_step_add(t, STEP_LOCK, p->objects[0], 0);
	sim_step_add(t, STEP_HOLD, p->objects[0], 20 * MS);
	sim_step_add(t, STEP_UNLOCK, p->objects[0], 0);
}

static void global_lock_io(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_IO, 0, sim_between(s, 8 * MS, 12 * MS));
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 210 * US, 230 * US));
	sim_step_add(t, STEP_LOCK, p->objects[0], 0);
	sim_step_add(t, STEP_HOLD, p->objects[0], sim_between(s, 250 * US, 300 * US));
	sim_step_add(t, STEP_UNLOCK, p->objects[0], 0);
}

static void own_lock(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	uint32_t mine = p->objects[nth % p->nobjects];

	sim_step_add(t, STEP_LOCK, mine, 0);
	sim_step_add(t, STEP_HOLD, mine, 60 * MS);
	sim_step_add(t, STEP_UNLOCK, mine, 0);
}

static void coarse(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
	sim_step_add(t, STEP_LOCK, p->objects[0], 0);
	sim_step_add(t, STEP_HOLD, p->objects[0], sim_between(s, 400 * US, 600 * US));
	sim_step_add(t, STEP_UNLOCK, p->objects[0], 0);
}

static void fine(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	uint32_t some = p->objects[sim_random(s, p->nobjects)];

	sim_step_add(t, STEP_RUN, 0, sim_between(s, 500 * US, 700 * US));
	sim_step_add(t, STEP_LOCK, some, 0);
	sim_step_add(t, STEP_HOLD, some, sim_between(s, 60 * US, 80 * US));
	sim_step_add(t, STEP_UNLOCK, some, 0);
}

/* The first one's last word is written. */
static void readers(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	bool read = nth || t->rounds; /* counted down */

	sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
	sim_step_add(t, read ? STEP_READ_LOCK : STEP_LOCK, p->objects[0], 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 300 * US, 400 * US));
	sim_step_add(t, read ? STEP_READ_UNLOCK : STEP_UNLOCK, p->objects[0], 0);
}

static void writers(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
	sim_step_add(t, STEP_LOCK, p->objects[0], 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 400 * US, 600 * US));
	sim_step_add(t, STEP_UNLOCK, p->objects[0], 0);
}

static void phases(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 1900 * US, 2100 * US));
	sim_step_add(t, STEP_BARRIER, p->objects[0], 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 60 * US, 90 * US));
}

static void one_long(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_RUN, 0, nth ? 5 * MS : 200 * MS);
}

static void compute(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_RUN, 0, 60 * MS);
}

static void reads(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	sim_step_add(t, STEP_IO, 0, sim_between(s, 8 * MS, 12 * MS));
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 100 * US, 200 * US));
}

/* The first one fills what all others empty. */
static void queue(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	if (nth) {
		t->rounds = UINT32_MAX; /* until it is told to stop */
		sim_step_add(t, STEP_TAKE, p->objects[0], 0);
		sim_step_add(t, STEP_RUN, 0, sim_between(s, 100 * US, 150 * US));
	} else if (t->rounds >= p->planned) {
		sim_step_add(t, STEP_RUN, 0, sim_between(s, 150 * US, 250 * US));
		sim_step_add(t, STEP_PUT, p->objects[0], 0);
	} else {
		sim_step_add(t, STEP_POISON, p->objects[0], 0);
	}
}

static void stages(struct sim *s, struct sim_thread *t, struct sim_process *p, uint32_t nth)
{
	if (nth)
		sim_step_add(t, STEP_TAKE, p->objects[nth - 1], 0);
	sim_step_add(t, STEP_RUN, 0, sim_between(s, 280 * US, 320 * US));
	if (nth < 2)
		sim_step_add(t, STEP_PUT, p->objects[nth], 0);
}

/* ---- the scenarios, and what they come to ---- */

#define ANY_BUT_LOCKS "parallel,mixed,imbalanced,cpu-starved"
#define ONE_CPU "cpu-starved"

static const struct scenario {
	const char *name;
	void (*plan)(struct sim *, struct sim_thread *, struct sim_process *, uint32_t nth);
	uint32_t rounds;
	uint32_t least, most; /* threads: as many as CPUs within these */
	enum sim_object_kind kind;
	uint32_t objects; /* of each process */
	bool unknown;	  /* the interpreter is, and its lock has no name */
	bool processes;	  /* of one thread each */
	/* Classes: with a CPU for each thread; on one CPU; where every CPU has a busy program. */
	const char *alone, *one_cpu, *beside_hogs;
	/* Of the CPUs it has threads for (of 1 where serialized), how many run on average, alone.
	 */
	double average_least, average_most;
	const char *lock; /* the kind of what it is serialized by */
} scenarios[] = {
	{ "gil", global_lock, 3, 2, 16, OBJECT_GIL, 1, .alone = "serialized", .one_cpu = ONE_CPU,
	  .beside_hogs = "serialized,cpu-starved", .average_least = 0.95, .average_most = 1.05,
	  .lock = "cpython-gil" },
	{ "gil_unknown", global_lock, 3, 2, 16, OBJECT_GIL, 1, .unknown = true,
	  .alone = "serialized", .one_cpu = ONE_CPU, .beside_hogs = "serialized,cpu-starved",
	  .average_least = 0.95, .average_most = 1.05, .lock = "gil" },
	{ "gil_io", global_lock_io, 40, 2, 8, OBJECT_GIL, 1, .alone = "io-bound",
	  .one_cpu = "io-bound", .beside_hogs = "io-bound,cpu-starved,mixed" },
	{ "gil_perinterp", own_lock, 1, 2, 8, OBJECT_GIL, 8, .alone = "parallel",
	  .one_cpu = ONE_CPU, .beside_hogs = "cpu-starved,parallel", .average_least = 0.95,
	  .average_most = 1 },
	/* Two threads on one CPU may change places too seldom to be known for what they are. */
	{ "semaphore", global_lock, 12, 2, 8, OBJECT_SEMAPHORE, 1, .alone = "serialized",
	  .one_cpu = "cpu-starved,imbalanced", .beside_hogs = "serialized,cpu-starved",
	  .average_least = 0.9, .average_most = 1.05, .lock = "cpython-gil" },
	{ "baton", global_lock, 3, 3, 8, OBJECT_BATON, 1, .alone = "serialized", .one_cpu = ONE_CPU,
	  .beside_hogs = "serialized,cpu-starved", .average_least = 0.9, .average_most = 1.05,
	  .lock = "ruby-gvl" },
	{ "master", global_lock, 3, 2, 8, OBJECT_MASTER, 1, .alone = "serialized",
	  .one_cpu = ONE_CPU, .beside_hogs = "serialized,cpu-starved", .average_least = 0.9,
	  .average_most = 1.05, .lock = "ocaml-master" },
	{ "coarse", coarse, 100, 2, 16, OBJECT_MUTEX, 1, .alone = "serialized", .one_cpu = ONE_CPU,
	  .beside_hogs = "serialized,cpu-starved", .average_least = 0.95, .average_most = 1.25,
	  .lock = "mutex" },
	{ "fine", fine, 100, 2, 16, OBJECT_MUTEX, 8, .alone = "parallel", .one_cpu = ONE_CPU,
	  .beside_hogs = "cpu-starved,parallel", .average_least = 0.9, .average_most = 1 },
	{ "readers", readers, 100, 2, 16, OBJECT_RWLOCK, 1, .alone = "parallel", .one_cpu = ONE_CPU,
	  .beside_hogs = "cpu-starved,parallel", .average_least = 0.9, .average_most = 1 },
	/* On one CPU the same one may wait each time, which proves no lock, and be alone at last.
	 */
	{ "writers", writers, 100, 2, 16, OBJECT_RWLOCK, 1, .alone = "serialized",
	  .one_cpu = "cpu-starved,imbalanced", .beside_hogs = "serialized,cpu-starved",
	  .average_least = 0.95, .average_most = 1.25, .lock = "rwlock" },
	{ "phases", phases, 40, 2, 16, OBJECT_BARRIER, 1, .alone = "parallel",
	  .one_cpu = "cpu-starved,mixed", .beside_hogs = "cpu-starved,mixed,parallel",
	  .average_least = 0.9, .average_most = 1 },
	{ "one_long", one_long, 1, 2, 16, .alone = "imbalanced", .one_cpu = "imbalanced",
	  .beside_hogs = "imbalanced,cpu-starved,mixed" },
	{ "free", compute, 1, 2, 64, .alone = "parallel", .one_cpu = ONE_CPU,
	  .beside_hogs = "cpu-starved,parallel", .average_least = 0.9, .average_most = 1 },
	{ "processes", compute, 1, 2, 12, .processes = true, .alone = "parallel",
	  .one_cpu = ONE_CPU, .beside_hogs = "cpu-starved,parallel", .average_least = 0.95,
	  .average_most = 1 },
	{ "reads", reads, 90, 2, 16, .alone = "io-bound", .one_cpu = "io-bound",
	  .beside_hogs = "io-bound,cpu-starved,mixed" },
	{ "queue", queue, 300, 2, 8, OBJECT_QUEUE, 1, .alone = ANY_BUT_LOCKS,
	  .one_cpu = ANY_BUT_LOCKS, .beside_hogs = ANY_BUT_LOCKS },
	{ "stages", stages, 200, 3, 3, OBJECT_QUEUE, 2, .alone = "parallel",
	  .one_cpu = ANY_BUT_LOCKS, .beside_hogs = ANY_BUT_LOCKS, .average_least = 0.9,
	  .average_most = 1 },
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

uint32_t sim_scenario_find(const char *name)
{
	for (uint32_t i = 0; i < SCENARIOS; i++)
		if (!strcmp(scenarios[i].name, name))
			return i + 1;
	return 0;
}

const char *sim_scenario_name(uint32_t scenario)
{
	return scenario && scenario <= SCENARIOS ? scenarios[scenario - 1].name : NULL;
}

static const struct scenario *scenario_of(const struct sim_params *p)
{
	return &scenarios[p->scenario - 1];
}

void sim_scenario_params(struct sim_params *p)
{
	const struct scenario *c = scenario_of(p);

	p->threads = p->cpus < c->least ? c->least : p->cpus > c->most ? c->most : p->cpus;
	p->processes = c->processes ? p->threads : 1;
	p->length = 60000 * MS; /* it ends by itself, long before */
	p->features = SIM_PREEMPT | (p->one_cpu ? SIM_PIN : 0);
	p->damage = SIM_WHOLE;
}

void sim_scenario_begin(struct sim *s, struct sim_process *p)
{
	const struct scenario *c = scenario_of(&s->p);

	for (uint32_t i = 0; i < c->objects; i++) {
		struct sim_object *o = &s->objects[sim_object_new(s, c->kind, p->index)];

		o->members = s->p.threads;
		o->unknown = c->unknown;
		for (uint32_t w = o->word; c->unknown && w < s->nwords; w++)
			s->words[w].name = NULL;
	}
}

uint32_t sim_scenario_rounds(const struct sim *s)
{
	return scenario_of(&s->p)->rounds + (scenario_of(&s->p)->plan == queue ? s->p.threads : 0);
}

void sim_scenario_plan(struct sim *s, struct sim_thread *t, struct sim_process *p)
{
	if (t->rounds-- == 0)
		sim_step_add(t, STEP_EXIT, 0, 0);
	else
		scenario_of(&s->p)->plan(s, t, p, t->index - p->main - 1);
}

/* ---- what must be said ---- */

static bool listed(const char *list, const char *name)
{
	const char *at = strstr(list, name);

	return at && (at[strlen(name)] == ',' || !at[strlen(name)]);
}

/* With less than it could use it is either what it is alone, or starved of CPUs. */
static bool expected(const struct sim_params *p, const char *class)
{
	const struct scenario *c = scenario_of(p);
	bool one = p->cpus == 1 || p->one_cpu;

	if (one && listed(c->one_cpu, class))
		return true;
	if (p->load && listed(c->beside_hogs, class))
		return true;
	if (one || p->load >= p->cpus)
		return false;
	return listed(c->alone, class) ||
	       ((p->load || p->cpus < p->threads) && !strcmp(class, "cpu-starved"));
}

/* What a verdict says that other circumstances made another than it would be alone. */
static const char *reason(const struct sim_params *p)
{
	return p->load ? "other programs used" : "for threads of which two or more";
}

static void check_lock(struct check *k, const json_t *verdict, const char *kind)
{
	uint64_t id = check_integer(verdict, "lock");
	size_t n = check_rows(k, "locks"), i = 0;

	while (i < n && check_integer(check_row(k, "locks", i), "id") != id)
		i++;
	if (i == n)
		check_differs(k, "the verdict names no lock");
	else if (strcmp(check_text(check_row(k, "locks", i), "kind"), kind))
		check_differs(k, "serialized by a %s, truth %s",
			      check_text(check_row(k, "locks", i), "kind"), kind);
	else if (check_real(check_row(k, "locks", i), "explains_serialized") < 0.9)
		check_differs(k, "the lock explains %.2f of the serialized time",
			      check_real(check_row(k, "locks", i), "explains_serialized"));
}

static void check_average(struct check *k, const struct scenario *c)
{
	const struct sim_params *p = &k->s->p;
	double average = check_real(json_object_get(k->report, "parallelism"), "average");
	double of = c->lock ? 1 : p->threads;

	if (c->average_most &&
	    (average < c->average_least * of - 0.05 || average > c->average_most * of))
		check_differs(k, "average parallelism %.3f, truth %.2f to %.2f", average,
			      c->average_least * of, c->average_most * of);
}

void sim_scenario_check(struct check *k)
{
	const struct sim_params *p = &k->s->p;
	const struct scenario *c = scenario_of(p);
	const json_t *verdict = json_object_get(k->report, "verdict");
	const char *class = check_text(verdict, "class"), *told = check_text(verdict, "sentence");

	if (!expected(p, class))
		check_differs(k, "verdict %s, alone %s: %s", class, c->alone, told);
	if (!strcmp(class, "cpu-starved") && !strstr(told, reason(p)) && p->cpus >= p->threads)
		check_differs(k, "no reason (%s): %s", reason(p), told);
	if (!strcmp(class, "serialized") && c->lock)
		check_lock(k, verdict, c->lock);
	if (!p->load && !p->one_cpu && p->cpus >= p->threads)
		check_average(k, c);
}
