/* SPDX-License-Identifier: MIT */
/* From data to a lock, by thread. */
#include "sim_check.h"

#include <inttypes.h>
#include <string.h>

bool check_guessed(const json_t *lock)
{
	static const char *const kinds[] = { "cpython-gil", "pypy-gil", "ruby-gvl", "ocaml-master",
					     "gil" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(check_text(lock, "kind"), kinds[i]))
			return !json_object_get(lock, "acquisitions");
	return false;
}

/* Its process has a lock whose holders are guessed: the thread's data may have been taken for that
 * one's. */
static bool uses_guessed(const struct check *k, const struct sim_thread *thread)
{
	for (size_t i = 0; i < check_rows(k, "locks"); i++) {
		const json_t *lock = check_row(k, "locks", i), *process;
		size_t j;

		if (!check_guessed(lock))
			continue;
		json_array_foreach(json_object_get(lock, "processes"), j,
				   process) if (json_integer_value(process) ==
						k->s->processes[thread->process].id) return true;
	}
	return false;
}

/* No more often than data came, and never longer than until the thread did something else. */
static void check_at_most(struct check *k, const json_t *lock, const json_t *o,
			  const struct truth_thread *x)
{
	uint64_t longest = check_integer(json_object_get(o, "io_latency"), "max");

	if (check_integer(o, "io_waits") > x->data_wakes || longest > x->data_longest)
		check_differs(k,
			      "lock %" PRIu64 ", thread %" PRIu64 ": %" PRIu64
			      " times after data, at most %" PRIu64 " ns; truth at most %" PRIu64
			      " times, %" PRIu64 " ns",
			      check_integer(lock, "id"), check_integer(o, "thread"),
			      check_integer(o, "io_waits"), longest, x->data_wakes,
			      x->data_longest);
}

void check_data(struct check *k, uint32_t group, const json_t *lock)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(lock, "by_thread"), i, o)
	{
		const struct sim_thread *thread = check_thread_of(k, check_integer(o, "thread"));
		struct truth_part *p = thread ? truth_part(k->t, group, thread->index) : NULL;

		if (!p)
			continue;
		if (uses_guessed(k, thread)) {
			check_at_most(k, lock, o, &k->t->threads[thread->index]);
			continue;
		}
		check_same(k, "lock", check_integer(lock, "id"), o, "io_waits", p->data.n);
		check_spread(k, check_integer(lock, "id"), "io_latency", o, &p->data);
	}
}
