/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <time.h>
#include "gil.h"

/* ---- probes ---- */

#if __has_include(<sys/sdt.h>)
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

/* The kernel counts here who traces: volatile, because no code of ours ever writes them. */
#define PROBE_SEMAPHORE(name)                                                                      \
	extern volatile unsigned short gil_##name##_semaphore;                                     \
	volatile unsigned short gil_##name##_semaphore __attribute__((section(".probes")))
#define PROBE(name, lock)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(gil_##name##_semaphore, 0))                                   \
			STAP_PROBE1(gil, name, lock);                                              \
	} while (0)
PROBE_SEMAPHORE(request);
PROBE_SEMAPHORE(acquired);
PROBE_SEMAPHORE(released);
PROBE_SEMAPHORE(forced_switch);
#else
#define PROBE(name, lock) ((void)(lock))
#endif

/* ---- a mutex, with the question whether it was free ---- */

static bool lock_was_free(pthread_mutex_t *mutex)
{
	if (!pthread_mutex_trylock(mutex))
		return true;
	pthread_mutex_lock(mutex);
	return false;
}

/* ---- Python 3: whoever waits for an interval asks for the lock, and then gets it ---- */

static struct timespec deadline(unsigned int us)
{
	uint64_t ns = common_now() + us * 1000ull;

	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

static void wait_until_free(struct gil *gil)
{
	while (gil->locked) {
		struct timespec until = deadline(gil->interval_us);
		uint64_t before = gil->switch_number;
		bool timed_out = pthread_cond_timedwait(&gil->cond, &gil->mutex, &until) ==
				 ETIMEDOUT;

		/* A holder that has only just come gets an interval of its own. */
		if (timed_out && gil->locked && gil->switch_number == before)
			gil->drop_request = true;
	}
}

static void python3_take(struct gil *gil, struct common_worker *me)
{
	uint64_t requested = common_now();
	bool at_once;

	PROBE(request, gil);
	at_once = lock_was_free(&gil->mutex) && !gil->locked;
	wait_until_free(gil);

	pthread_mutex_lock(&gil->switch_mutex);
	gil->locked = true;
	if (gil->last_holder != me) {
		gil->last_holder = me;
		gil->switch_number++;
	}
	pthread_cond_signal(&gil->switch_cond);
	pthread_mutex_unlock(&gil->switch_mutex);

	gil->drop_request = false;
	pthread_mutex_unlock(&gil->mutex);
	common_acquired(me, at_once ? 0 : requested);
	PROBE(acquired, gil);
	common_probed(me);
}

/*
 * Who was asked to let go waits here until somebody else has taken over. Without this he would have
 * the lock again before the thread that waits has woken up: see GIL_PYTHON2.
 */
static void force_switch(struct gil *gil, struct common_worker *me)
{
	uint64_t start = common_now(), waited;

	PROBE(forced_switch, gil);
	pthread_mutex_lock(&gil->switch_mutex);
	while (gil->last_holder == me)
		pthread_cond_wait(&gil->switch_cond, &gil->switch_mutex);
	pthread_mutex_unlock(&gil->switch_mutex);
	waited = common_now() - start;
	me->forced_switches++;
	me->forced_ns += waited;
	me->wait_ns += waited;
}

static void python3_drop(struct gil *gil, struct common_worker *me)
{
	bool forced;

	pthread_mutex_lock(&gil->mutex);
	common_released(me);
	PROBE(released, gil);
	common_probed(me);
	gil->locked = false;
	forced = gil->drop_request;
	pthread_cond_signal(&gil->cond);
	pthread_mutex_unlock(&gil->mutex);
	if (forced)
		force_switch(gil, me);
}

static void python3_check(struct gil *gil, struct common_worker *me)
{
	if (atomic_load_explicit(&gil->drop_request, memory_order_relaxed)) {
		python3_drop(gil, me);
		python3_take(gil, me);
	}
}

/* ---- Python 2: a semaphore, given back and taken again every few instructions ---- */

static void python2_take(struct gil *gil, struct common_worker *me)
{
	uint64_t requested = 0;

	PROBE(request, gil);
	if (sem_trywait(&gil->sem)) {
		requested = common_now();
		while (sem_wait(&gil->sem))
			common_must(errno == EINTR ? 0 : errno, "sem_wait");
	}
	common_acquired(me, requested);
	PROBE(acquired, gil);
	common_probed(me);
}

static void python2_drop(struct gil *gil, struct common_worker *me)
{
	common_released(me);
	PROBE(released, gil);
	common_probed(me);
	sem_post(&gil->sem);
}

static void python2_check(struct gil *gil, struct common_worker *me)
{
	python2_drop(gil, me);
	python2_take(gil, me);
}

/* ---- no lock ---- */

static void nothing(struct gil *gil, struct common_worker *me)
{
}

/* ---- the three styles ---- */

static const struct {
	void (*take)(struct gil *gil, struct common_worker *me);
	void (*drop)(struct gil *gil, struct common_worker *me);
	void (*check)(struct gil *gil, struct common_worker *me);
} styles[] = {
	[GIL_NONE] = { nothing, nothing, nothing },
	[GIL_PYTHON2] = { python2_take, python2_drop, python2_check },
	[GIL_PYTHON3] = { python3_take, python3_drop, python3_check },
};

void gil_init(struct gil *gil, enum gil_style style, unsigned int interval_us)
{
	pthread_condattr_t monotonic;

	*gil = (struct gil){ .style = style, .interval_us = interval_us };
	pthread_condattr_init(&monotonic);
	common_must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC), "CLOCK_MONOTONIC");
	pthread_cond_init(&gil->cond, &monotonic);
	pthread_cond_init(&gil->switch_cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&gil->mutex, NULL);
	pthread_mutex_init(&gil->switch_mutex, NULL);
	sem_init(&gil->sem, 0, 1);
}

void gil_take(struct gil *gil, struct common_worker *me)
{
	styles[gil->style].take(gil, me);
}

void gil_drop(struct gil *gil, struct common_worker *me)
{
	styles[gil->style].drop(gil, me);
}

void gil_check(struct gil *gil, struct common_worker *me)
{
	styles[gil->style].check(gil, me);
}

void gil_interpret(struct gil *gil, struct common_worker *me, uint64_t steps)
{
	gil_take(gil, me);
	while (steps--) {
		common_step(me);
		gil_check(gil, me);
	}
	gil_drop(gil, me);
}

/* ---- shards ---- */

void gil_shard_init(struct gil_shard *shard)
{
	*shard = (struct gil_shard){ .data = 0 };
	pthread_mutex_init(&shard->mutex, NULL);
}

void gil_shard_take(struct gil_shard *shard, struct common_worker *me)
{
	uint64_t requested = common_now();

	PROBE(request, shard);
	common_acquired(me, lock_was_free(&shard->mutex) ? 0 : requested);
	PROBE(acquired, shard);
	common_probed(me);
}

void gil_shard_drop(struct gil_shard *shard, struct common_worker *me)
{
	common_released(me);
	PROBE(released, shard);
	common_probed(me);
	pthread_mutex_unlock(&shard->mutex);
}
