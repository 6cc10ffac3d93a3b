/* SPDX-License-Identifier: MIT */
/*
 * Why a GIL exists: an object's reference count is read, increased and written back. When two
 * threads do that at the same time, one of the two increments is lost, and one day the object is
 * freed under its users.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "common.h"

enum { INCREMENTS = 8000000 /* of a thread and way, in a unit of work */ };

static atomic_long count_none, count_lock, count_atomic;
static pthread_mutex_t refcount_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t together;

/* What `count++` is to the machine: a load, an addition, a store, and room between them. */
static void plain(atomic_long *count)
{
	long n = atomic_load_explicit(count, memory_order_relaxed);

	atomic_store_explicit(count, n + 1, memory_order_relaxed);
}

static void locked(atomic_long *count)
{
	pthread_mutex_lock(&refcount_lock);
	plain(count);
	pthread_mutex_unlock(&refcount_lock);
}

static void in_one_step(atomic_long *count)
{
	atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

static const struct {
	const char *name;
	void (*increment)(atomic_long *count);
	atomic_long *count;
} ways[] = { { "none", plain, &count_none },
	     { "lock", locked, &count_lock },
	     { "atomic", in_one_step, &count_atomic } };

static void increment(struct common_worker *me)
{
	for (int way = 0; way < 3; way++) {
		pthread_barrier_wait(&together);
		for (long n = me->crew->options.work * INCREMENTS; n > 0; n--)
			ways[way].increment(ways[way].count);
	}
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "gil_refcount",
		.summary =
			"Threads that count references to one object without a lock, with, and atomically.",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);
	long due = (long)(crew->options.work * INCREMENTS) * crew->options.threads;

	pthread_barrier_init(&together, NULL, crew->options.threads);
	common_run_threads(crew, increment);
	for (int way = 0; way < 3; way++)
		printf("%-6s %ld of %ld increments lost\n", ways[way].name, due - *ways[way].count,
		       due);
	snprintf(
		crew->extra, sizeof(crew->extra),
		",\n \"increments\": %ld, \"lost\": {\"none\": %ld, \"lock\": %ld, \"atomic\": %ld}",
		due, due - count_none, due - count_lock, due - count_atomic);
	return common_finish(crew);
}
