/* SPDX-License-Identifier: MIT */
/*
 * The report against the books. Integers must be equal, quantiles within lib/hist.h's 1/64, shares
 * within the rounding of doubles. What is inferred by design is only compared where docs/method.md
 * promises it:
 *
 * - Sorts: mutexes are locks, joins and barriers events, a global lock with its fingerprint is a
 *   lock. Whether a queue, or a semaphore on the heap, is taken for one is evidence's to decide.
 * - Grouping: words of two objects are never one lock.
 * - Holds: exact with probes. Without, sim_check_holds.c has what is promised.
 * - Pairs: exact with probes. Without, a waiter's add up to its wait.
 * - Losses: nothing is claimed which was not so: no state lasts longer than it did, nor is unknown
 *   for longer than it must be. Words are told apart by address spaces, so where an exec was lost,
 *   waits for locks may be told as others; and a lock whose every wait a loss cut has no row.
 */
#include "sim_check.h"
#include "sim_scenarios.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void learn_group(struct check *k, uint32_t group, const json_t *object, bool lock)
{
	const json_t *words = json_object_get(object, "words"), *word;
	const char *name = check_text(object, "name");
	unsigned int number;
	size_t i;

	k->t->groups[group].lock = lock;
	k->t->groups[group].probed = lock && json_object_get(object, "acquisitions");
	k->t->groups[group].id = lock ? (uint32_t)check_integer(object, "id") : 0;
	json_array_foreach(words, i, word)
	{
		uint64_t addr = strtoull(check_text(word, "address"), NULL, 16);

		if (check_integer(word, "ino"))
			addr = sim_shared_place(check_integer(word, "ino"), addr);
		map_put(&k->t->group_of_word,
			truth_word_key((uint32_t)check_integer(word, "address_space"), addr),
			group);
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
	size_t nlocks = check_rows(k, "locks"), nprocesses = check_rows(k, "processes");

	for (uint32_t i = 0; i < k->t->ngroups; i++)
		learn_group(k, i, check_group_row(k, i), i < nlocks);
	/* CPUs that could be used: a rule about masks of little weight, taken as it is. Without
	 * pinning, all. */
	k->t->whole.cpus = check_real(json_object_get(k->report, "parallelism"), "cpus");
	for (uint32_t i = 0; i < k->s->p.processes; i++)
		k->t->processes[i].cpus =
			i < nprocesses ? check_real(json_object_get(check_row(k, "processes", i),
								    "parallelism"),
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

static void adds_up(struct check *k, const json_t *o, uint64_t id)
{
	uint64_t sum = check_integer(o, "unknown");

	for (size_t i = 0; i < NSTATES; i++)
		sum += check_integer(o, states[i].key);
	if (sum != check_integer(o, "end") - check_integer(o, "start"))
		check_differs(k,
			      "thread %" PRIu64 ": states add up to %" PRIu64 ", it lived %" PRIu64,
			      id, sum, check_integer(o, "end") - check_integer(o, "start"));
}

static void check_thread(struct check *k, const json_t *o, const struct sim_thread *thread)
{
	const struct truth_thread *x = &k->t->threads[thread->index];
	uint64_t id = thread->id;

	adds_up(k, o, id);
	for (size_t i = 0; i < NSTATES; i++)
		check_same(k, "thread", id, o, states[i].key, x->time[states[i].state]);
	check_same(k, "thread", id, o, "unknown", 0);
	check_same(k, "thread", id, o, "tid", (uint64_t)thread->tid);
	check_same(k, "thread", id, o, "process", k->s->processes[thread->process].id);
	check_same(k, "thread", id, o, "start", x->start);
	check_same(k, "thread", id, o, "end", x->end);
	check_same(k, "thread", id, o, "switches_voluntary", x->voluntary);
	check_same(k, "thread", id, o, "switches_involuntary", x->involuntary);
	check_same(k, "thread", id, o, "wakeups", x->wakeups);
	check_same(k, "thread", id, o, "migrations", x->migrations);
	check_about(k, "thread", id, o, "critical", x->critical);
}

static void check_threads(struct check *k)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < k->s->nthreads; i++)
		seen += k->t->threads[i].seen;
	if (seen != check_rows(k, "threads"))
		check_differs(k, "%zu threads, truth %" PRIu32, check_rows(k, "threads"), seen);
	for (size_t i = 0; i < check_rows(k, "threads"); i++) {
		const json_t *o = check_row(k, "threads", i);
		const struct sim_thread *thread = check_thread_of(k, check_integer(o, "id"));

		if (thread)
			check_thread(k, o, thread);
		else
			check_differs(k, "thread %" PRIu64 " never was", check_integer(o, "id"));
	}
}

static void check_cpus(struct check *k)
{
	uint64_t window = k->s->end - SIM_START;

	for (size_t i = 0; i < check_rows(k, "cpus"); i++) {
		const json_t *o = check_row(k, "cpus", i);
		const struct sim_cpu *c = &k->s->cpus[check_integer(o, "cpu")];

		check_same(k, "cpu", i, o, "workload", c->traced);
		/* Whether a CPU is idle or someone else's is told when that is over: a cut leaves
		 * it open. */
		if (k->c->p.damage != SIM_CUT) {
			check_same(k, "cpu", i, o, "other", c->other);
			check_same(k, "cpu", i, o, "idle", c->idle);
		}
		if (check_integer(o, "workload") + check_integer(o, "other") +
			    check_integer(o, "idle") !=
		    window)
			check_differs(k, "cpu %zu: does not add up to the window", i);
	}
	if (check_rows(k, "cpus") != k->s->p.cpus)
		check_differs(k, "%zu cpus, truth %" PRIu32, check_rows(k, "cpus"), k->s->p.cpus);
}

static void check_occupancy(struct check *k)
{
	uint64_t sum, told = 0, all = 0, key, value;
	size_t at = 0;

	while (map_next(&k->t->places, &at, &key, &value))
		all += value > 0;
	for (size_t i = 0; i < check_rows(k, "occupancy"); i++) {
		const json_t *o = check_row(k, "occupancy", i);
		const struct sim_thread *thread = check_thread_of(k, check_integer(o, "thread"));

		sum = 0;
		if (thread)
			map_get(&k->t->places, check_integer(o, "cpu") << 32 | thread->index, &sum);
		check_same(k, "occupancy", i, o, "run", sum);
		told++;
	}
	if (told != all)
		check_differs(k, "%" PRIu64 " places, truth %" PRIu64, told, all);
}

static void check_wakeups(struct check *k)
{
	uint64_t all = 0, told = 0, key, value;
	size_t at = 0;

	while (map_next(&k->t->wakeups, &at, &key, &value))
		all += value;
	for (size_t i = 0; i < check_rows(k, "wakeups"); i++) {
		const json_t *o = check_row(k, "wakeups", i), *from = json_object_get(o, "from");
		uint32_t waker = json_is_string(from) ? 0 : (uint32_t)json_integer_value(from);
		uint64_t count = 0;

		map_get(&k->t->wakeups,
			truth_wake_key(waker, (uint32_t)check_integer(o, "to"),
				       (uint32_t)check_integer(o, "lock")),
			&count);
		told += check_integer(o, "count");
		if (count != check_integer(o, "count"))
			check_differs(k,
				      "wakeups of %" PRIu64 " by %" PRIu32 " for lock %" PRIu64
				      ": %" PRIu64 ", truth %" PRIu64,
				      check_integer(o, "to"), waker, check_integer(o, "lock"),
				      check_integer(o, "count"), count);
	}
	if (told != all)
		check_differs(k, "%" PRIu64 " wakeups, truth %" PRIu64, told, all);
}

static void check_losses(struct check *k)
{
	const json_t *losses = json_object_get(k->report, "losses"),
		     *audit = json_object_get(k->report, "audit");

	check_same(k, "losses", 0, losses, "disordered", 0);
	check_same(k, "losses", 0, losses, "skipped", 0);
	if (!k->c->lost)
		check_same(k, "losses", 0, losses, "unseen_wakings", 0);
	if (k->c->p.damage != SIM_LOSS) /* probes of threads whose birth was lost are left out */
		check_same(k, "losses", 0, losses, "left_out", 0);
	check_same(k, "losses", 0, json_object_get(losses, "reasons"), "ring_full", k->c->lost);
	if (json_is_true(json_object_get(losses, "damaged")))
		check_differs(k, "called damaged");
	if (json_is_true(json_object_get(losses, "incomplete")) != (k->c->p.damage == SIM_CUT))
		check_differs(k, "complete or not: told wrong");
	if (k->c->p.damage != SIM_LOSS && k->c->p.damage != SIM_CUT &&
	    check_real(audit, "cpu_error") > 1e-12)
		check_differs(k, "audit: cpu_error %g", check_real(audit, "cpu_error"));
}

static void check_claim(struct check *k, uint32_t id, const char *key, uint64_t told,
			uint64_t truth)
{
	if (told > truth)
		check_differs(k, "thread %" PRIu32 ": %s %" PRIu64 ", truth only %" PRIu64, id, key,
			      told, truth);
}

/* What a state's time may have more than the truth, where a record of another kind was lost. */
static uint64_t allowed_more(const struct check *k, const struct truth_thread *x,
			     enum truth_state state)
{
	if (state == TRUTH_RUNNABLE)
		return x->way_off;
	/* Without the child's birth a parent in vfork() waits for something of the kernel's. */
	return state == TRUTH_KERNEL_LOCK && sim_has(k->s, SIM_VFORK) ? x->time[TRUTH_OTHER] : 0;
}

static void check_claims_of(struct check *k, const json_t *o, const struct sim_thread *thread)
{
	const struct truth_thread *x = &k->t->threads[thread->index];
	const uint64_t *time = x->time;
	bool futex_is_one = k->s->processes[thread->process].exec || k->t->missing ||
			    sim_has(k->s, SIM_VFORK) || sim_has(k->s, SIM_KILL);

	for (size_t i = 0; i < NSTATES; i++)
		if (!futex_is_one ||
		    (states[i].state != TRUTH_LOCK && states[i].state != TRUTH_EVENT))
			check_claim(k, thread->id, states[i].key, check_integer(o, states[i].key),
				    time[states[i].state] + allowed_more(k, x, states[i].state));
	check_claim(k, thread->id, "unknown", check_integer(o, "unknown"), x->unknown);
	check_claim(k, thread->id, "lock and event",
		    check_integer(o, "lock") + check_integer(o, "event"),
		    time[TRUTH_LOCK] + time[TRUTH_EVENT]);
}

/* How much is unknown is what the threads' rows say, and too much of it leaves no verdict. */
static void check_unknown(struct check *k)
{
	const json_t *losses = json_object_get(k->report, "losses");
	const char *class = check_text(json_object_get(k->report, "verdict"), "class");
	uint64_t unknown = 0, life = 0;
	bool exceeded;

	for (size_t i = 0; i < check_rows(k, "threads"); i++) {
		const json_t *o = check_row(k, "threads", i);

		unknown += check_integer(o, "unknown");
		life += check_integer(o, "end") - check_integer(o, "start");
	}
	exceeded = 100 * unknown > life;
	check_share(k, "losses", 0, losses, "unknown_share",
		    life ? (double)unknown / (double)life : 0);
	if (json_is_true(json_object_get(losses, "exceeded")) != exceeded)
		check_differs(k, "the limit: told wrong");
	if (exceeded && strcmp(class, "inconclusive"))
		check_differs(k, "verdict %s, too much is unknown", class);
}

/* Records were lost: nothing may be claimed that was not so. */
static void check_claims(struct check *k)
{
	for (size_t i = 0; i < check_rows(k, "threads"); i++) {
		const json_t *o = check_row(k, "threads", i);
		const struct sim_thread *thread = check_thread_of(k, check_integer(o, "id"));

		if (!thread) {
			check_differs(k, "thread %" PRIu64 " never was", check_integer(o, "id"));
			continue;
		}
		adds_up(k, o, thread->id);
		check_claims_of(k, o, thread);
	}
}

static int compare(struct check *k)
{
	check_losses(k);
	check_unknown(k);
	check_calls(k);
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
	check_verdict(k);
	check_numbers(k);
	if (k->c->p.scenario)
		sim_scenario_check(k);
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
	p.end = check_integer(json_object_get(k.report, "window"), "end");
	if (c->p.damage != SIM_CUT && p.end != c->end)
		check_differs(&k, "window ends %" PRIu64 ", truth %" PRIu64, p.end, c->end);
	k.s = sim_new(&p);
	if (!k.s)
		goto out;
	k.t = k.s->truth =
		truth_new(k.s, (uint32_t)(check_rows(&k, "locks") + check_rows(&k, "events")));
	k.t->losses = c->losses;
	k.t->nlosses = c->nlosses;
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
