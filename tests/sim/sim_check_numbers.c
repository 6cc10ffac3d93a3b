/* SPDX-License-Identifier: MIT */
/* Numbers of little weight, each of which could be wrong alone: windows, births and ends of
 * processes, who moved to a CPU, sums over a lock's threads. */
#include "sim_check.h"

#include <inttypes.h>
#include <stdlib.h>

static void check_window(struct check *k)
{
	const json_t *window = json_object_get(k->report, "window");
	const json_t *machine = json_object_get(k->report, "machine");

	check_same(k, "window", 0, window, "start", SIM_START);
	check_same(k, "window", 0, window, "wall", k->s->end - SIM_START);
	check_same(k, "window", 0, window, "active", k->t->whole.active);
	check_same(k, "machine", 0, machine, "cpus_online", k->s->p.cpus);
}

static void check_idle(struct check *k, const char *what, const json_t *parallelism, uint64_t wall)
{
	const json_t *histogram = json_object_get(parallelism, "histogram"), *ns;
	uint64_t sum = 0;
	size_t i;

	check_same(k, what, 0, parallelism, "window", wall);
	json_array_foreach(histogram, i, ns) sum += (uint64_t)json_integer_value(ns);
	if (sum != wall)
		check_differs(k, "%s: the histogram adds up to %" PRIu64 " of %" PRIu64, what, sum,
			      wall);
}

static void check_process(struct check *k, const json_t *o)
{
	uint64_t id = check_integer(o, "id"), threads = 0, start = UINT64_MAX, end = 0;

	for (uint32_t i = 0; i < k->s->nthreads; i++) {
		const struct truth_thread *x = &k->t->threads[i];
		const struct sim_process *p = &k->s->processes[k->s->threads[i].process];

		if (!x->seen || p->id != id)
			continue;
		threads++;
		start = x->start < start ? x->start : start;
		end = x->end > end ? x->end : end;
		check_same(k, "process", id, o, "pid", (uint64_t)p->pid);
		if (p->index)
			check_same(k, "process", id, o, "parent", k->s->processes[0].id);
	}
	check_same(k, "process", id, o, "threads", threads);
	check_same(k, "process", id, o, "start", start);
	check_same(k, "process", id, o, "end", end);
	check_idle(k, "process", json_object_get(o, "parallelism"), end - start);
}

static void check_moves(struct check *k)
{
	for (size_t i = 0; i < check_rows(k, "cpus"); i++) {
		const json_t *o = check_row(k, "cpus", i);
		uint64_t moves = 0;

		map_get(&k->t->moves, check_integer(o, "cpu"), &moves);
		check_same(k, "cpu", check_integer(o, "cpu"), o, "migrations_in", moves);
	}
}

/* Of a lock's rows by thread, each of which was compared. */
static uint64_t sum_of(const json_t *lock, const char *key)
{
	const json_t *o;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach(json_object_get(lock, "by_thread"), i, o) sum += check_integer(o, key);
	return sum;
}

static void check_sums(struct check *k, const json_t *lock)
{
	static const char *const keys[] = { "waits",	    "acquisitions",  "releases",
					    "held_running", "held_runnable", "held_blocked" };
	const json_t *hold = json_object_get(lock, "hold");
	uint64_t id = check_integer(lock, "id");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(lock, keys[i]))
			check_same(k, "lock", id, lock, keys[i], sum_of(lock, keys[i]));
	if (sum_of(lock, "wait") != check_integer(json_object_get(lock, "wait"), "sum"))
		check_differs(k, "lock %" PRIu64 ": its threads' waits do not add up", id);
	if (hold && sum_of(lock, "held") != check_integer(hold, "sum"))
		check_differs(k, "lock %" PRIu64 ": its threads' holds do not add up", id);
}

static void check_shares(struct check *k, const json_t *lock)
{
	double all = (double)sum_of(lock, "held");
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(lock, "by_thread"), i, o)
	{
		uint64_t parts = check_integer(o, "held_running") +
				 check_integer(o, "held_runnable") +
				 check_integer(o, "held_blocked");

		if (parts != check_integer(o, "held"))
			check_differs(k,
				      "lock %" PRIu64 ", thread %" PRIu64
				      ": its hold's parts add up to %" PRIu64,
				      check_integer(lock, "id"), check_integer(o, "thread"), parts);
		if (all > 0 && json_object_get(o, "hold_share"))
			check_share(k, "thread", check_integer(o, "thread"), o, "hold_share",
				    (double)check_integer(o, "held") / all);
	}
}

/* How many have a row, and how often they waited; and from letting go to running. */
static void check_lock(struct check *k, uint32_t group, const json_t *lock)
{
	uint64_t id = check_integer(lock, "id"), waiters = 0;

	for (size_t i = 0; i < k->t->nparts; i++)
		waiters += k->t->parts[i].group == group && k->t->parts[i].waits;
	check_same(k, "lock", id, lock, "waiters", waiters);
	check_sums(k, lock);
	check_shares(k, lock);
	if (k->t->groups[group].handoffs)
		check_quantiles(k, id, "handoff_latency", lock, &k->t->groups[group].handoff);
}

void check_numbers(struct check *k)
{
	size_t nlocks = check_rows(k, "locks");

	check_window(k);
	check_idle(k, "whole", json_object_get(k->report, "parallelism"), k->s->end - SIM_START);
	for (size_t i = 0; i < check_rows(k, "processes"); i++)
		check_process(k, check_row(k, "processes", i));
	check_moves(k);
	for (uint32_t i = 0; i < nlocks; i++)
		check_lock(k, i, check_row(k, "locks", i));
}
