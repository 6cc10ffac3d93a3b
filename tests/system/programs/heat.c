/* SPDX-License-Identifier: MIT */
/*
 * Three mutexes of different heat, an rwlock, a semaphore used as a lock and a queue with a condition variable, each
 * with threads of its own. heat FILE: what was waited for each lock by the program's own clock goes there as JSON.
 */
#include "small.h"

#include <semaphore.h>

enum { THREADS = 3, RUN_MS = 500 };

static pthread_mutex_t hot_mutex = PTHREAD_MUTEX_INITIALIZER, warm_mutex = PTHREAD_MUTEX_INITIALIZER,
		       cold_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t the_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t the_semaphore;
static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static int queued;
static bool closed;
static uint64_t the_end;

struct contended {
	const char *name;
	bool (*try)(struct contended *c);
	void (*lock)(struct contended *c);
	void (*hold)(uint64_t ns);
	void (*unlock)(struct contended *c);
	void *it;
	uint64_t held, between; /* ns */
	uint64_t waits, wait_ns;
};

static bool mutex_try(struct contended *c)
{
	return !pthread_mutex_trylock(c->it);
}

static void mutex_lock(struct contended *c)
{
	pthread_mutex_lock(c->it);
}

static void mutex_unlock(struct contended *c)
{
	pthread_mutex_unlock(c->it);
}

static bool write_try(struct contended *c)
{
	return !pthread_rwlock_trywrlock(c->it);
}

static void write_lock(struct contended *c)
{
	pthread_rwlock_wrlock(c->it);
}

static void rw_unlock(struct contended *c)
{
	pthread_rwlock_unlock(c->it);
}

static bool semaphore_try(struct contended *c)
{
	return !sem_trywait(c->it);
}

static void semaphore_wait(struct contended *c)
{
	while (sem_wait(c->it) && errno == EINTR)
		;
}

static void semaphore_post(struct contended *c)
{
	sem_post(c->it);
}

static struct contended all[] = {
	{ "hot_mutex", mutex_try, mutex_lock, sleep_ns, mutex_unlock, &hot_mutex, 4 * MS, MS },
	{ "warm_mutex", mutex_try, mutex_lock, sleep_ns, mutex_unlock, &warm_mutex, 3 * MS, 4 * MS },
	{ "cold_mutex", mutex_try, mutex_lock, sleep_ns, mutex_unlock, &cold_mutex, MS, 8 * MS },
	{ "the_rwlock", write_try, write_lock, sleep_ns, rw_unlock, &the_rwlock, 2 * MS, MS },
	/* Who posts goes to sleep: who worked on beside the next one would show no lock but a queue. */
	{ "the_semaphore", semaphore_try, semaphore_wait, burn, semaphore_post, &the_semaphore, MS, MS / 2 },
};

enum { LOCKS = sizeof(all) / sizeof(all[0]) };

static void *contend(void *arg)
{
	struct contended *c = arg;

	while (clock_now(CLOCK_MONOTONIC) < the_end) {
		if (!c->try(c)) {
			uint64_t before = clock_now(CLOCK_MONOTONIC);

			c->lock(c);
			__atomic_add_fetch(&c->wait_ns, clock_now(CLOCK_MONOTONIC) - before, __ATOMIC_RELAXED);
			__atomic_add_fetch(&c->waits, 1, __ATOMIC_RELAXED);
		}
		c->hold(c->held);
		c->unlock(c);
		sleep_ns(c->between);
	}
	return NULL;
}

static void *consume(void *unused)
{
	pthread_mutex_lock(&queue_mutex);
	while (queued || !closed) {
		if (!queued) {
			pthread_cond_wait(&queue_filled, &queue_mutex);
			continue;
		}
		queued--;
		pthread_mutex_unlock(&queue_mutex);
		burn(MS / 5);
		pthread_mutex_lock(&queue_mutex);
	}
	pthread_mutex_unlock(&queue_mutex);
	return unused;
}

static void produce(void)
{
	while (clock_now(CLOCK_MONOTONIC) < the_end) {
		sleep_ns(3 * MS);
		pthread_mutex_lock(&queue_mutex);
		queued++;
		pthread_cond_signal(&queue_filled);
		pthread_mutex_unlock(&queue_mutex);
	}
	pthread_mutex_lock(&queue_mutex);
	closed = true;
	pthread_cond_broadcast(&queue_filled);
	pthread_mutex_unlock(&queue_mutex);
}

static int tell(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return 1;
	fprintf(f, "{\"locks\": [");
	for (int i = 0; i < LOCKS; i++)
		fprintf(f, "%s{\"name\": \"%s\", \"waits\": %lu, \"wait_ns\": %lu}", i ? ", " : "", all[i].name,
			(unsigned long)all[i].waits, (unsigned long)all[i].wait_ns);
	fprintf(f, "]}\n");
	return fclose(f) ? 1 : 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[LOCKS][THREADS], consumer;

	if (argc != 2)
		return 2;
	sem_init(&the_semaphore, 0, 1);
	the_end = clock_now(CLOCK_MONOTONIC) + RUN_MS * MS;
	start(&consumer, consume, NULL);
	for (int i = 0; i < LOCKS; i++)
		for (int k = 0; k < THREADS; k++)
			start(&threads[i][k], contend, &all[i]);
	produce();
	pthread_join(consumer, NULL);
	for (int i = 0; i < LOCKS; i++)
		for (int k = 0; k < THREADS; k++)
			pthread_join(threads[i][k], NULL);
	return tell(argv[1]);
}
