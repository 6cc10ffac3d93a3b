/* SPDX-License-Identifier: MIT */
/*
 * The report against the books. Integers must be equal, quantiles within lib/hist.h's 1/64, shares
 * within the rounding of doubles. What is inferred by design is only compared where docs/method.md
 * promises it:
 *
 *   sort         that mutexes are locks, joins and barriers events, and a global lock with its
 * fingerprint a lock. Whether a queue or a semaphore on the heap is taken for a lock is evidence's
 * to decide grouping     that words of two objects are never one lock holds        exact with
 * probes. Without, of mutexes, that no more is claimed than there was pairs        exact with
 * probes. Without, that a waiter's add up to its wait global locks without probes: their holds are
 * guesses, and are not compared losses       that nothing is claimed which was not so: no state
 * longer than it was, but for the time until a loss was told of, in which what was known last is
 * taken to go on
 */
#include "sim_truth.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DIFFERENCES_TOLD 12

struct check {
	const struct sim_case *c;
	struct sim *s;
	struct sim_truth *t;
	json_t *report;
	int differences;
};

static void differs(struct check *k, const char *format, ...)
{
	va_list args;

	if (k->differences++ >= DIFFERENCES_TOLD || !k->c->out)
		return;
	va_start(args, format);
	fputs("    ", k->c->out);
	vfprintf(k->c->out, format, args);
	fputc('\n', k->c->out);
	va_end(args);
}

/* ---- values ---- */

static uint64_t integer(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static double real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void same(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		 uint64_t truth)
{
	uint64_t told = integer(o, key);

	if (!json_object_get(o, key))
		differs(k, "%s %" PRIu64 ": no %s, truth %" PRIu64, what, id, key, truth);
	else if (told != truth)
		differs(k, "%s %" PRIu64 ": %s %" PRIu64 ", truth %" PRIu64, what, id, key, told,
			truth);
}

/* Truncated to an integer after many additions. */
static void about(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		  double truth)
{
	double told = real(o, key);

	if (fabs(told - truth) > 2 + truth * 1e-9)
		differs(k, "%s %" PRIu64 ": %s %.1f, truth %.1f", what, id, key, told, truth);
}

static void share(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		  double truth)
{
	double told = real(o, key);

	/* The report prints nine digits. */
	if (!(fabs(told - truth) <= 2e-8 * (1 + fabs(truth))))
		differs(k, "%s %" PRIu64 ": %s %.12f, truth %.12f", what, id, key, told, truth);
}

static double least_of(double a, double b)
{
	return a < b ? a : b;
}

static int number_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void quantile(struct check *k, uint64_t id, const char *name, const json_t *o,
		     const char *key, const struct truth_list *l, double q)
{
	size_t rank = (size_t)ceil(q * (double)l->n);
	uint64_t truth = l->at[rank ? rank - 1 : 0], told = integer(o, key),
		 apart = told > truth ? told - truth : truth - told;

	if (apart > truth / 64 + 1)
		differs(k, "lock %" PRIu64 ": %s.%s %" PRIu64 ", truth %" PRIu64, id, name, key,
			told, truth);
}

static uint64_t sum_of(const struct truth_list *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++)
		sum += l->at[i];
	return sum;
}

static void spread(struct check *k, uint64_t id, const char *name, const json_t *lock,
		   struct truth_list *l)
{
	const json_t *o = json_object_get(lock, name);

	if (!l->n)
		return;
	qsort(l->at, l->n, sizeof(*l->at), number_cmp);
	same(k, name, id, o, "sum", sum_of(l));
	same(k, name, id, o, "max", l->at[l->n - 1]);
	quantile(k, id, name, o, "p50", l, 0.5);
	quantile(k, id, name, o, "p99", l, 0.99);
}

/* ---- what the report took for what ---- */

static size_t rows(const struct check *k, const char *table)
{
	return json_array_size(json_object_get(k->report, table));
}

static const json_t *row(const struct check *k, const char *table, size_t i)
{
	return json_array_get(json_object_get(k->report, table), i);
}

static const json_t *group_row(const struct check *k, uint32_t group)
{
	size_t nlocks = rows(k, "locks");

	return group < nlocks ? row(k, "locks", group) : row(k, "events", group - nlocks);
}

static void learn_group(struct check *k, uint32_t group, const json_t *object, bool lock)
{
	const json_t *words = json_object_get(object, "words"), *word;
	const char *name = text(object, "name");
	unsigned int number;
	size_t i;

	k->t->groups[group].lock = lock;
	k->t->groups[group].id = lock ? (uint32_t)integer(object, "id") : 0;
	json_array_foreach(words, i, word)
	{
		uint64_t addr = strtoull(text(word, "address"), NULL, 16);

		map_put(&k->t->group_of_word,
			truth_word_key((uint32_t)integer(word, "address_space"), addr), group);
	}
	if (lock && !json_array_size(words) && sscanf(name, "lock_%x", &number) == 1) {
		json_t *process = json_array_get(json_object_get(object, "processes"), 0);

		map_put(&k->t->group_of_object,
			truth_word_key((uint32_t)json_integer_value(process),
				       0x550000000000ULL + number * 0x1000ULL),
			group);
	}
}

static void learn(struct check *k)
{
	size_t nlocks = rows(k, "locks"), nprocesses = rows(k, "processes");

	for (uint32_t i = 0; i < k->t->ngroups; i++)
		learn_group(k, i, group_row(k, i), i < nlocks);
	/* CPUs that could be used: a rule about masks of little weight, taken as it is. Without
	 * pinning, all. */
	k->t->whole.cpus = real(json_object_get(k->report, "parallelism"), "cpus");
	for (uint32_t i = 0; i < k->s->p.processes; i++)
		k->t->processes[i].cpus =
			i < nprocesses
				? real(json_object_get(row(k, "processes", i), "parallelism"),
				       "cpus")
				: 1;
}

/* ---- tables ---- */

static const struct {
	const char *key;
	enum truth_state state;
} states[] = {
	{ "run", TRUTH_RUN },	  { "runnable", TRUTH_RUNNABLE },
	{ "lock", TRUTH_LOCK },	  { "event", TRUTH_EVENT },
	{ "io", TRUTH_IO },	  { "kernel_lock", TRUTH_KERNEL_LOCK },
	{ "sleep", TRUTH_SLEEP }, { "other", TRUTH_OTHER },
};
#define NSTATES (sizeof(states) / sizeof(states[0]))

static struct sim_thread *thread_by_id(const struct check *k, uint64_t id)
{
	for (uint32_t i = 0; i < k->s->nthreads; i++)
		if (k->s->threads[i].id == id && k->t->threads[i].seen)
			return &k->s->threads[i];
	return NULL;
}

static void adds_up(struct check *k, const json_t *o, uint64_t id)
{
	uint64_t sum = integer(o, "unknown");

	for (size_t i = 0; i < NSTATES; i++)
		sum += integer(o, states[i].key);
	if (sum != integer(o, "end") - integer(o, "start"))
		differs(k, "thread %" PRIu64 ": states add up to %" PRIu64 ", it lived %" PRIu64,
			id, sum, integer(o, "end") - integer(o, "start"));
}

static void check_thread(struct check *k, const json_t *o, const struct sim_thread *thread)
{
	const struct truth_thread *x = &k->t->threads[thread->index];
	uint64_t id = thread->id;

	adds_up(k, o, id);
	for (size_t i = 0; i < NSTATES; i++)
		same(k, "thread", id, o, states[i].key, x->time[states[i].state]);
	same(k, "thread", id, o, "unknown", 0);
	same(k, "thread", id, o, "tid", (uint64_t)thread->tid);
	same(k, "thread", id, o, "process", k->s->processes[thread->process].id);
	same(k, "thread", id, o, "start", x->start);
	same(k, "thread", id, o, "end", x->end);
	same(k, "thread", id, o, "switches_voluntary", x->voluntary);
	same(k, "thread", id, o, "switches_involuntary", x->involuntary);
	same(k, "thread", id, o, "wakeups", x->wakeups);
	same(k, "thread", id, o, "migrations", x->migrations);
	about(k, "thread", id, o, "critical", x->critical);
}

static void check_threads(struct check *k)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < k->s->nthreads; i++)
		seen += k->t->threads[i].seen;
	if (seen != rows(k, "threads"))
		differs(k, "%zu threads, truth %" PRIu32, rows(k, "threads"), seen);
	for (size_t i = 0; i < rows(k, "threads"); i++) {
		const json_t *o = row(k, "threads", i);
		const struct sim_thread *thread = thread_by_id(k, integer(o, "id"));

		if (thread)
			check_thread(k, o, thread);
		else
			differs(k, "thread %" PRIu64 " never was", integer(o, "id"));
	}
}

static void check_cpus(struct check *k)
{
	uint64_t window = k->s->end - SIM_START;

	for (size_t i = 0; i < rows(k, "cpus"); i++) {
		const json_t *o = row(k, "cpus", i);
		const struct sim_cpu *c = &k->s->cpus[integer(o, "cpu")];

		same(k, "cpu", i, o, "workload", c->traced);
		/* Whether a CPU is idle or someone else's is told when that is over: a cut leaves
		 * it open. */
		if (k->c->p.damage != SIM_CUT) {
			same(k, "cpu", i, o, "other", c->other);
			same(k, "cpu", i, o, "idle", c->idle);
		}
		if (integer(o, "workload") + integer(o, "other") + integer(o, "idle") != window)
			differs(k, "cpu %zu: does not add up to the window", i);
	}
	if (rows(k, "cpus") != k->s->p.cpus)
		differs(k, "%zu cpus, truth %" PRIu32, rows(k, "cpus"), k->s->p.cpus);
}

static void check_occupancy(struct check *k)
{
	uint64_t sum, told = 0, all = 0, key, value;
	size_t at = 0;

	while (map_next(&k->t->places, &at, &key, &value))
		all += value > 0;
	for (size_t i = 0; i < rows(k, "occupancy"); i++) {
		const json_t *o = row(k, "occupancy", i);
		const struct sim_thread *thread = thread_by_id(k, integer(o, "thread"));

		sum = 0;
		if (thread)
			map_get(&k->t->places, integer(o, "cpu") << 32 | thread->index, &sum);
		same(k, "occupancy", i, o, "run", sum);
		told++;
	}
	if (told != all)
		differs(k, "%" PRIu64 " places, truth %" PRIu64, told, all);
}

static int span_cmp(const void *a, const void *b)
{
	const struct truth_span *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static uint64_t joined_length(struct truth_scope *s)
{
	uint64_t sum = 0, until = 0;

	if (s->nstarved)
		qsort(s->starved, s->nstarved, sizeof(*s->starved), span_cmp);
	for (size_t i = 0; i < s->nstarved; i++) {
		uint64_t from = s->starved[i].from > until ? s->starved[i].from : until;

		if (s->starved[i].to <= from)
			continue;
		sum += s->starved[i].to - from;
		until = s->starved[i].to;
	}
	return sum;
}

static void check_scope(struct check *k, const char *what, uint64_t id, const json_t *o,
			struct truth_scope *s, uint64_t window)
{
	const json_t *histogram = json_object_get(o, "histogram");
	double active = s->active ? (double)s->active : 1, bound = (double)s->run / s->cpus;

	same(k, what, id, o, "active", s->active);
	same(k, what, id, o, "serialized", s->serialized);
	same(k, what, id, o, "lock_loss", (uint64_t)s->loss);
	same(k, what, id, o, "max", s->most);
	if (!s->active)
		return;
	share(k, what, id, o, "average", (double)s->run / active);
	share(k, what, id, o, "attainable", s->attainable / active);
	share(k, what, id, o, "efficiency", least_of(1, (double)s->run / s->attainable));
	share(k, what, id, o, "serialized_share", (double)s->serialized / active);
	share(k, what, id, o, "starved_share", least_of(1, (double)joined_length(s) / active));
	bound = (double)s->run_most > bound ? (double)s->run_most : bound;
	share(k, what, id, o, "gain_bound", bound > 0 ? (double)s->run / bound : 1);
	for (size_t i = 1; i < json_array_size(histogram); i++)
		if ((uint64_t)json_integer_value(json_array_get(histogram, i)) != s->histogram[i])
			differs(k, "%s %" PRIu64 ": histogram[%zu] %lld, truth %" PRIu64, what, id,
				i, json_integer_value(json_array_get(histogram, i)),
				s->histogram[i]);
}

static void check_parallelism(struct check *k)
{
	const json_t *whole = json_object_get(k->report, "parallelism");

	check_scope(k, "whole", 0, whole, &k->t->whole, k->s->end - SIM_START);
	if (!(k->s->p.features & SIM_PIN) && real(whole, "cpus") != k->s->p.cpus)
		differs(k, "N %.1f, truth %" PRIu32, real(whole, "cpus"), k->s->p.cpus);
	for (size_t i = 0; i < rows(k, "processes"); i++) {
		const json_t *o = row(k, "processes", i);

		for (uint32_t p = 0; p < k->s->p.processes; p++)
			if (k->s->processes[p].id == integer(o, "id")) {
				check_scope(k, "process", integer(o, "id"),
					    json_object_get(o, "parallelism"), &k->t->processes[p],
					    0);
				same(k, "process", integer(o, "id"), o, "run",
				     k->t->processes[p].run);
			}
	}
}

static void check_wakeups(struct check *k)
{
	uint64_t all = 0, told = 0, key, value;
	size_t at = 0;

	while (map_next(&k->t->wakeups, &at, &key, &value))
		all += value;
	for (size_t i = 0; i < rows(k, "wakeups"); i++) {
		const json_t *o = row(k, "wakeups", i), *from = json_object_get(o, "from");
		uint32_t waker = json_is_string(from) ? 0 : (uint32_t)json_integer_value(from);
		uint64_t count = 0;

		map_get(&k->t->wakeups,
			truth_wake_key(waker, (uint32_t)integer(o, "to"),
				       (uint32_t)integer(o, "lock")),
			&count);
		told += integer(o, "count");
		if (count != integer(o, "count"))
			differs(k,
				"wakeups of %" PRIu64 " by %" PRIu32 " for lock %" PRIu64
				": %" PRIu64 ", truth %" PRIu64,
				integer(o, "to"), waker, integer(o, "lock"), integer(o, "count"),
				count);
	}
	if (told != all)
		differs(k, "%" PRIu64 " wakeups, truth %" PRIu64, told, all);
}

/* ---- locks ---- */

static bool probed(const json_t *lock)
{
	return json_object_get(lock, "acquisitions") &&
	       json_is_integer(json_object_get(lock, "acquisitions"));
}

static void check_part(struct check *k, uint32_t group, const json_t *lock, const json_t *o)
{
	const struct sim_thread *thread = thread_by_id(k, integer(o, "thread"));
	const struct truth_part *p = thread ? truth_part(k->t, group, thread->index) : NULL;
	uint64_t id = integer(lock, "id");

	if (!p)
		return;
	same(k, "lock", id, o, "waits", p->waits);
	same(k, "lock", id, o, "wait", p->wait);
	same(k, "lock", id, o, "wait_blocked", p->blocked);
	same(k, "lock", id, o, "wait_runnable", p->runnable);
	same(k, "lock", id, o, "races_lost", p->races_lost);
	if (!probed(lock))
		return;
	same(k, "lock", id, o, "acquisitions", p->got);
	same(k, "lock", id, o, "releases", p->let_go);
	same(k, "lock", id, o, "held", p->held);
	same(k, "lock", id, o, "held_running", p->held_run);
	same(k, "lock", id, o, "held_runnable", p->held_runnable);
}

/* Of the wait from `from` to `to`: what passed while `holder` (index + 1, 0: nobody) had the lock.
 */
static uint64_t while_held(const struct truth_group *g, uint64_t from, uint64_t to, uint32_t holder,
			   uint32_t waiter)
{
	uint64_t sum = 0, since = 0;
	uint32_t who = 0;

	for (size_t i = 0; i <= g->holder_at.n; i++) {
		uint64_t until = i < g->holder_at.n ? g->holder_at.at[i] : UINT64_MAX;
		uint64_t a = since > from ? since : from, b = until < to ? until : to;

		if (b > a && (who == waiter + 1 ? 0 : who) == holder)
			sum += b - a;
		since = until;
		who = i < g->holder_at.n ? (uint32_t)g->holder.at[i] : 0;
	}
	return sum;
}

static void check_pairs(struct check *k, const struct truth_group *g, const json_t *lock)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(lock, "pairs"), i, pair)
	{
		const struct sim_thread *waiter = thread_by_id(k, integer(pair, "waiter"));
		const struct sim_thread *holder = thread_by_id(k, integer(pair, "holder"));
		uint64_t sum = 0;

		for (size_t w = 0; waiter && w < g->waiter.n; w++)
			if (g->waiter.at[w] == waiter->index)
				sum += while_held(g, g->wait_from.at[w], g->wait_to.at[w],
						  holder ? holder->index + 1 : 0, waiter->index);
		if (sum != integer(pair, "time"))
			differs(k,
				"lock %" PRIu64 ": %" PRIu64 " waits for %" PRIu64 ": %" PRIu64
				", truth %" PRIu64,
				integer(lock, "id"), integer(pair, "waiter"),
				integer(pair, "holder"), integer(pair, "time"), sum);
	}
}

/* Whoever it was who had the lock: nobody waits longer because of others than he waits. */
static void check_pair_sums(struct check *k, uint32_t group, const json_t *lock)
{
	const json_t *part, *pair;
	size_t i, j;

	json_array_foreach(json_object_get(lock, "by_thread"), i, part)
	{
		uint64_t sum = 0;

		json_array_foreach(json_object_get(lock, "pairs"), j, pair) sum +=
			integer(pair, "waiter") == integer(part, "thread") ? integer(pair, "time")
									   : 0;
		if (sum != integer(part, "wait"))
			differs(k,
				"lock %" PRIu64 ": the pairs of waiter %" PRIu64
				" add up to %" PRIu64 ", its wait is %" PRIu64,
				integer(lock, "id"), integer(part, "thread"), sum,
				integer(part, "wait"));
	}
}

static void check_lock(struct check *k, uint32_t group, const json_t *lock)
{
	struct truth_group *g = &k->t->groups[group];
	uint64_t id = integer(lock, "id"), all = 0;
	const json_t *part;
	size_t i;

	for (uint32_t j = 0; j < k->t->ngroups; j++)
		all += k->t->groups[j].blocked;
	same(k, "lock", id, lock, "waits", g->waits);
	same(k, "lock", id, lock, "timeouts", g->timeouts);
	same(k, "lock", id, lock, "handoffs", g->handoffs);
	if (g->handoffs)
		same(k, "lock", id, lock, "handoff_sum", g->handoff_sum);
	share(k, "lock", id, lock, "share_of_lock_time",
	      all ? (double)g->blocked / (double)all : 0);
	share(k, "lock", id, lock, "explains_serialized",
	      k->t->whole.serialized ? (double)g->serialized / (double)k->t->whole.serialized : 0);
	json_array_foreach(json_object_get(lock, "by_thread"), i, part)
		check_part(k, group, lock, part);
	check_pair_sums(k, group, lock);
	if (probed(lock)) {
		check_pairs(k, g, lock);
		spread(k, id, "hold", lock, &g->hold);
	} else if (!strcmp(text(lock, "kind"), "mutex") && json_object_get(lock, "hold") &&
		   integer(json_object_get(lock, "hold"), "sum") > sum_of(&g->hold)) {
		differs(k, "lock %" PRIu64 ": held for %" PRIu64 ", truth %" PRIu64, id,
			integer(json_object_get(lock, "hold"), "sum"), sum_of(&g->hold));
	}
	spread(k, id, "wait", lock, &g->wait);
}

static void check_event(struct check *k, uint32_t group, const json_t *event)
{
	struct truth_group *g = &k->t->groups[group];

	same(k, "event", group, event, "waits", g->waits);
	spread(k, group, "wait", event, &g->wait);
}

/* What docs/method.md says is always sorted so; NULL: it depends. */
static const char *promised(const struct check *k, const struct sim_object *o, bool *lock)
{
	*lock = o->kind != OBJECT_BARRIER;
	switch (o->kind) {
	case OBJECT_MUTEX:
		return "mutex";
	case OBJECT_GIL:
		return "cpython-gil";
	case OBJECT_MASTER:
		return "ocaml-master";
	case OBJECT_BARRIER:
		return "barrier";
	default:
		return NULL;
	}
}

/* A barrier's value has to vary for that; one round shows nothing. */
static bool waited_enough(const struct sim *s, const struct sim_object *o)
{
	if (o->kind == OBJECT_GIL)
		return s->words[o->word].rounds || s->words[o->word + 1].rounds;
	return s->words[o->word].rounds + s->words[o->word + 1].rounds > 0 &&
	       (o->kind != OBJECT_BARRIER || o->round > 1);
}

static void check_sorts(struct check *k)
{
	for (uint32_t i = 0; i < k->s->nobjects; i++) {
		const struct sim_object *o = &k->s->objects[i];
		const struct sim_word *w = &k->s->words[o->word];
		bool lock;
		const char *kind = promised(k, o, &lock);
		uint64_t group;

		if (!kind || !waited_enough(k->s, o) || k->c->p.damage == SIM_CUT)
			continue;
		if (!map_get(&k->t->group_of_word, truth_word_key(w->as, w->addr), &group) &&
		    !map_get(&k->t->group_of_word, truth_word_key(w[1].as, w[1].addr), &group))
			differs(k, "object %" PRIu32 " (%s) was waited on and is not told", i,
				kind);
		else if (strcmp(text(group_row(k, (uint32_t)group), "kind"), kind))
			differs(k, "object %" PRIu32 " is a %s, told as %s %s", i, kind,
				k->t->groups[group].lock ? "lock" : "event",
				text(group_row(k, (uint32_t)group), "kind"));
	}
}

/* No group has words of two objects, but for batons, whose words are one each. */
static void check_grouping(struct check *k)
{
	for (uint32_t i = 0; i < k->t->ngroups; i++) {
		const json_t *words = json_object_get(group_row(k, i), "words"), *word;
		uint64_t first = 0;
		size_t j;

		json_array_foreach(words, j, word)
		{
			uint64_t addr = strtoull(text(word, "address"), NULL, 16);

			if (addr >= 0x550010000000ULL)
				continue;
			if (first && first >> 12 != addr >> 12)
				differs(k,
					"words %" PRIx64 " and %" PRIx64 " are one lock or event",
					first, addr);
			first = addr;
		}
	}
}

static void check_locks(struct check *k)
{
	size_t nlocks = rows(k, "locks");

	for (uint32_t i = 0; i < k->t->ngroups; i++) {
		/* Names are written last: a lock that nobody waited for has none in a trace that
		 * was cut. */
		if (k->c->p.damage == SIM_CUT &&
		    !json_array_size(json_object_get(group_row(k, i), "words")))
			continue;
		if (i < nlocks)
			check_lock(k, i, group_row(k, i));
		else
			check_event(k, i, group_row(k, i));
	}
	if (k->t->missing && k->c->p.damage != SIM_CUT)
		differs(k, "%" PRIu64 " waits or holds of what is not in the report",
			k->t->missing);
	check_sorts(k);
	check_grouping(k);
}

static void check_losses(struct check *k)
{
	const json_t *losses = json_object_get(k->report, "losses"),
		     *audit = json_object_get(k->report, "audit");

	same(k, "losses", 0, losses, "disordered", 0);
	same(k, "losses", 0, losses, "skipped", 0);
	if (k->c->p.damage != SIM_LOSS) /* probes of threads whose birth was lost are left out */
		same(k, "losses", 0, losses, "left_out", 0);
	same(k, "losses", 0, json_object_get(losses, "reasons"), "ring_full", k->c->lost);
	if (json_is_true(json_object_get(losses, "damaged")))
		differs(k, "called damaged");
	if (json_is_true(json_object_get(losses, "incomplete")) != (k->c->p.damage == SIM_CUT))
		differs(k, "complete or not: told wrong");
	if (k->c->p.damage != SIM_LOSS && k->c->p.damage != SIM_CUT &&
	    real(audit, "cpu_error") > 1e-12)
		differs(k, "audit: cpu_error %g", real(audit, "cpu_error"));
}

/* Records were lost: nothing may be claimed that was not so. */
static void check_claims(struct check *k)
{
	for (size_t i = 0; i < rows(k, "threads"); i++) {
		const json_t *o = row(k, "threads", i);
		const struct sim_thread *thread = thread_by_id(k, integer(o, "id"));

		if (!thread) {
			differs(k, "thread %" PRIu64 " never was", integer(o, "id"));
			continue;
		}
		adds_up(k, o, thread->id);
		for (size_t j = 0; j < NSTATES; j++) {
			uint64_t told = integer(o, states[j].key),
				 truth = k->t->threads[thread->index].time[states[j].state];

			if (told > truth + k->c->untold)
				differs(k,
					"thread %" PRIu32 ": %s %" PRIu64 ", truth only %" PRIu64,
					thread->id, states[j].key, told, truth);
		}
	}
}

static int compare(struct check *k)
{
	check_losses(k);
	if (k->c->p.damage == SIM_LOSS) {
		check_claims(k);
		return k->differences;
	}
	check_threads(k);
	check_cpus(k);
	check_occupancy(k);
	check_parallelism(k);
	check_wakeups(k);
	check_locks(k);
	return k->differences;
}

int sim_check(const struct sim_case *c)
{
	struct check k = { .c = c };
	struct sim_params p = c->p;
	json_error_t error;
	int err = -EIO;

	k.report = json_load_file(c->report, 0, &error);
	if (!k.report)
		return -EIO;
	p.end = integer(json_object_get(k.report, "window"), "end");
	if (c->p.damage != SIM_CUT && p.end != c->end)
		differs(&k, "window ends %" PRIu64 ", truth %" PRIu64, p.end, c->end);
	k.s = sim_new(&p);
	if (!k.s)
		goto out;
	k.t = k.s->truth = truth_new(k.s, (uint32_t)(rows(&k, "locks") + rows(&k, "events")));
	learn(&k);
	err = sim_run(k.s);
	if (!err)
		err = compare(&k);
out:
	truth_free(k.t);
	sim_free(k.s);
	json_decref(k.report);
	return err;
}
