/* SPDX-License-Identifier: MIT */
/*
 * The locks of the workloads. A GIL (global interpreter lock) is what a thread must hold to
 * interpret; who holds it must let go now and then, or nobody else gets on. The two styles differ
 * in how.
 *
 * Every lock has USDT probes, provider "gil", argument: the lock's address: request, acquired,
 * released, forced_switch. They have semaphores: while nobody traces, a probe is one test of a
 * counter.
 */
#ifndef WORKLOADS_GIL_H
#define WORKLOADS_GIL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "common.h"

enum gil_style {
	GIL_NONE = 0,	 /* take and drop do nothing: interpreters without a lock */
	GIL_PYTHON2 = 2, /* let go every few instructions, take again at once */
	GIL_PYTHON3 =
		3, /* let go when someone has waited for an interval, and see that he gets it */
};

/*
 * cond and mutex guard `locked` and are what a waiting thread waits on; switch_cond and
 * switch_mutex guard last_holder and are what a thread waits on that was made to let go. They lie
 * in one object, so that all futex words a tracer sees are inside one symbol.
 */
struct gil {
	enum gil_style style;
	unsigned int interval_us;
	bool locked;
	atomic_bool drop_request; /* read by the holder at every step, without a lock */
	const struct common_worker *last_holder;
	uint64_t switch_number; /* how often the holder changed; under mutex */
	pthread_cond_t cond;
	pthread_mutex_t mutex;
	pthread_cond_t switch_cond;
	pthread_mutex_t switch_mutex;
	sem_t sem; /* all there is to a GIL_PYTHON2 */
};

void gil_init(struct gil *gil, enum gil_style style, unsigned int interval_us);
void gil_take(struct gil *gil, struct common_worker *me);
void gil_drop(struct gil *gil, struct common_worker *me);

/* To be called by the holder every few microseconds: lets others in when it is time. */
void gil_check(struct gil *gil, struct common_worker *me);

/* The loop of an interpreter: steps of work under the GIL, with a check after each. */
void gil_interpret(struct gil *gil, struct common_worker *me, uint64_t steps);

/* One of many locks, each for its own share of the data; a cache line each, so that neighbours do
 * not meet. */
struct gil_shard {
	pthread_mutex_t mutex;
	uint64_t data;
} __attribute__((aligned(64)));

void gil_shard_init(struct gil_shard *shard);
void gil_shard_take(struct gil_shard *shard, struct common_worker *me);
void gil_shard_drop(struct gil_shard *shard, struct common_worker *me);

#endif
