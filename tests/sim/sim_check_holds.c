/* SPDX-License-Identifier: MIT */
/*
 * Inferred holds, which may err as docs/method.md says, and no further:
 *
 * - Of a mutex no thread is told to have held it for longer than it did, gaps included between
 *   which it did not block; nor any hold for longer than the longest so joined. Whether it had lost
 *   its CPU after a release that is told late is not known.
 * - Of a global lock no thread is told to hold it while it waits for it, and no two at a time. In
 *   the scenarios, where it is held for long and little is done without it, the sum is right within
 *   a tenth.
 */
#include "sim_check.h"

#include <inttypes.h>
#include <string.h>

#define LONG (2 * MS) /* holds, on average */

static bool is_mutex(const json_t *lock)
{
	const char *name = check_text(lock, "name");

	return !strncmp(name, "mutex_", 6) ||
	       (!strncmp(name, "shared_", 7) && !strcmp(check_text(lock, "kind"), "mutex"));
}

static void at_most(struct check *k, const json_t *lock, const char *what, uint64_t thread,
		    uint64_t told, uint64_t most)
{
	if (told > most)
		check_differs(k,
			      "lock %" PRIu64 ", thread %" PRIu64 ": %s %" PRIu64
			      ", truth at most %" PRIu64,
			      check_integer(lock, "id"), thread, what, told, most);
}

static void check_mutex(struct check *k, uint32_t group, const json_t *lock)
{
	uint64_t longest = 0;
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(lock, "by_thread"), i, o)
	{
		const struct sim_thread *thread = check_thread_of(k, check_integer(o, "thread"));
		const struct truth_part *p = thread ? truth_part(k->t, group, thread->index) : NULL;

		if (!p)
			continue;
		at_most(k, lock, "held", thread->id, check_integer(o, "held"), p->held + p->gaps);
		at_most(k, lock, "held running", thread->id, check_integer(o, "held_running"),
			p->held_run + p->gaps);
		longest = p->longest > longest ? p->longest : longest;
	}
	at_most(k, lock, "longest hold", 0, check_integer(json_object_get(lock, "hold"), "max"),
		longest);
}

static void check_global(struct check *k, const json_t *lock)
{
	uint64_t sum = 0;
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(lock, "by_thread"), i, o)
	{
		const struct sim_thread *thread = check_thread_of(k, check_integer(o, "thread"));
		const struct truth_thread *x = thread ? &k->t->threads[thread->index] : NULL;

		sum += check_integer(o, "held");
		if (x)
			at_most(k, lock, "held and waited", thread->id,
				check_integer(o, "held") + check_integer(o, "wait"),
				x->end - x->start);
	}
	at_most(k, lock, "held by all", 0, sum, k->s->end - SIM_START);
}

static void check_sum_about(struct check *k, const struct truth_group *g, const json_t *lock)
{
	uint64_t told = check_integer(json_object_get(lock, "hold"), "sum"),
		 truth = check_sum(&g->hold), apart = told > truth ? told - truth : truth - told;

	if (truth < LONG * g->hold.n) /* what is done without the lock is no little */
		return;
	if (10 * apart > truth)
		check_differs(k, "lock %" PRIu64 ": held for %" PRIu64 ", truth %" PRIu64,
			      check_integer(lock, "id"), told, truth);
}

void check_inferred_holds(struct check *k, uint32_t group, const json_t *lock)
{
	if (is_mutex(lock))
		check_mutex(k, group, lock);
	if (!check_guessed(lock))
		return;
	check_global(k, lock);
	if (k->c->p.scenario)
		check_sum_about(k, &k->t->groups[group], lock);
}
