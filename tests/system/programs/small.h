/* SPDX-License-Identifier: MIT */
/* What the small programs of the system tests share: a clock, work of a known length, a minimal GIL. */
#ifndef PROGRAMS_SMALL_H
#define PROGRAMS_SMALL_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ull

static inline uint64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

/* Compute until the calling thread has used `ns` of CPU time. */
static inline void burn(uint64_t ns)
{
	uint64_t end = clock_now(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (clock_now(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 5000; i++)
			;
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec ts = { ns / (1000 * MS), ns % (1000 * MS) };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static inline void start(pthread_t *thread, void *(*body)(void *), void *arg)
{
	int error = pthread_create(thread, NULL, body, arg);

	if (error) {
		fprintf(stderr, "pthread_create: %s\n", strerror(error));
		exit(1);
	}
}

/* The program's argument `index` as a number, or `otherwise`. */
static inline long number(int argc, char **argv, int index, long otherwise)
{
	return index < argc ? strtol(argv[index], NULL, 10) : otherwise;
}

/*
 * An interpreter's lock: who has waited 5 ms for it asks for it, and the holder, made to let go, waits until
 * another has had it.
 */
struct small_gil {
	pthread_cond_t cond;
	pthread_mutex_t mutex;
	pthread_cond_t switched;
	unsigned long turns;
	bool held;
	volatile bool wanted;
};

#define SMALL_GIL                                                                                                      \
	{                                                                                                              \
		.cond = PTHREAD_COND_INITIALIZER, .mutex = PTHREAD_MUTEX_INITIALIZER,                                  \
		.switched = PTHREAD_COND_INITIALIZER                                                                   \
	}

static inline void gil_take(struct small_gil *gil)
{
	pthread_mutex_lock(&gil->mutex);
	while (gil->held) {
		struct timespec until;
		uint64_t ns = clock_now(CLOCK_REALTIME) + 5 * MS;

		until.tv_sec = ns / (1000 * MS);
		until.tv_nsec = ns % (1000 * MS);
		if (pthread_cond_timedwait(&gil->cond, &gil->mutex, &until) == ETIMEDOUT)
			gil->wanted = true;
	}
	gil->held = true;
	gil->turns++;
	pthread_cond_signal(&gil->switched);
	pthread_mutex_unlock(&gil->mutex);
}

static inline void gil_drop(struct small_gil *gil)
{
	unsigned long turn;
	bool wait;

	pthread_mutex_lock(&gil->mutex);
	turn = gil->turns;
	wait = gil->wanted;
	gil->held = false;
	gil->wanted = false;
	pthread_cond_signal(&gil->cond);
	while (wait && gil->turns == turn)
		pthread_cond_wait(&gil->switched, &gil->mutex);
	pthread_mutex_unlock(&gil->mutex);
}

/* Compute under the lock for `ns` of CPU time, letting go when another wants it. */
static inline void gil_burn(struct small_gil *gil, uint64_t ns)
{
	uint64_t end = clock_now(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (clock_now(CLOCK_THREAD_CPUTIME_ID) < end) {
		for (volatile int i = 0; i < 5000; i++)
			;
		if (gil->wanted) {
			gil_drop(gil);
			gil_take(gil);
		}
	}
}

#endif
