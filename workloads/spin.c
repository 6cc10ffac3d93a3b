/* SPDX-License-Identifier: MIT */
/*
 * Threads that take turns by a spinlock: to the scheduler all of them run, all of the time. No
 * futex, no sleep, nothing for a tracer of either to see; that only one gets on is known to the
 * program alone.
 */
#include <stdatomic.h>
#include "common.h"

enum { TURN = 100 /* steps under the lock */ };

static atomic_bool the_spinlock;

static void take(struct common_worker *me)
{
	uint64_t requested = 0;

	while (atomic_exchange_explicit(&the_spinlock, true, memory_order_acquire)) {
		if (!requested)
			requested = common_now();
		/* Only look until it seems free: writing would pull the cache line to and fro. */
		while (atomic_load_explicit(&the_spinlock, memory_order_relaxed))
			;
	}
	common_acquired(me, requested);
}

static void drop(struct common_worker *me)
{
	common_released(me);
	atomic_store_explicit(&the_spinlock, false, memory_order_release);
}

static void count(struct common_worker *me)
{
	uint64_t steps = common_steps(me->crew, 1);

	while (steps) {
		take(me);
		for (int i = 0; i < TURN && steps; i++, steps--)
			common_step(me);
		drop(me);
		common_step(me); /* outside, so that another gets it: a spinlock knows no queue */
	}
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "spin",
		.summary = "CPU-bound threads under one spinlock: all run, one gets on.",
		.lock = "the_spinlock",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	common_run_threads(crew, count);
	return common_finish(crew);
}
