/* SPDX-License-Identifier: MIT */
#include "lib/trace_ahead.h"

#include <pthread.h>
#include <stdlib.h>

#define DEPTH 8 /* batches that wait, or are in use */
#define LOW 4	/* so many are left when who waits for room is woken: not for every single one */
#define CONSUMERS_MAX 4

/* A ring of batches. The one at `filled` is filled next, once every consumer is done with it. */
struct trace_ahead {
	struct gt_reader *reader;
	pthread_t thread;
	bool threaded; /* there is one; otherwise the consumer that is ahead of the others reads */
	pthread_mutex_t lock; /* of all that follows, but for the batches' contents */
	pthread_cond_t changed;
	uint64_t filled;
	bool reading; /* somebody fills a batch */
	bool full;    /* somebody waits for room */
	unsigned int consumers;
	struct {
		uint64_t next; /* the batch it gets next */
		bool holds;    /* the one before that is still in use */
		bool left;
	} at[CONSUMERS_MAX];
	bool ended, stop;
	int err; /* with `ended` */
	struct gt_batch batches[DEPTH];
};

/* Batches before this one may be filled again. */
static uint64_t done_with(const struct trace_ahead *a)
{
	uint64_t done = a->filled;

	for (unsigned int i = 0; i < a->consumers; i++)
		if (!a->at[i].left && a->at[i].next - a->at[i].holds < done)
			done = a->at[i].next - a->at[i].holds;
	return done;
}

/* Is there? Once it is full, not before LOW are left. */
static bool has_room(struct trace_ahead *a)
{
	uint64_t used = a->filled - done_with(a);

	a->full = used == DEPTH || (a->full && used > LOW);
	return !a->full;
}

/* With the lock held: a consumer has let go of a batch. */
static void let_go(struct trace_ahead *a)
{
	if (a->full && has_room(a))
		pthread_cond_broadcast(&a->changed);
}

/* Fill one more batch, for which there is room. The lock is held, but not while reading. */
static void read_one(struct trace_ahead *a)
{
	int ret;

	a->reading = true;
	pthread_mutex_unlock(&a->lock);
	ret = gt_reader_batch(a->reader, &a->batches[a->filled % DEPTH]);
	pthread_mutex_lock(&a->lock);
	a->reading = false;
	a->filled += ret == 1;
	a->ended = ret != 1;
	a->err = ret == 1 ? 0 : ret;
	pthread_cond_broadcast(&a->changed);
}

static void *read_ahead(void *arg)
{
	struct trace_ahead *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->stop && !a->ended) {
		if (has_room(a))
			read_one(a);
		else
			pthread_cond_wait(&a->changed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct trace_ahead *trace_ahead_new(struct gt_reader *r, unsigned int consumers, bool thread)
{
	struct trace_ahead *a = consumers <= CONSUMERS_MAX ? calloc(1, sizeof(*a)) : NULL;

	if (!a)
		return NULL;
	a->reader = r;
	a->consumers = consumers;
	a->threaded = thread;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (!thread || !pthread_create(&a->thread, NULL, read_ahead, a))
		return a;
	a->threaded = false;
	trace_ahead_free(a);
	return NULL;
}

int trace_ahead_next(struct trace_ahead *a, unsigned int consumer, const struct gt_batch **out)
{
	int ret = 1;

	pthread_mutex_lock(&a->lock);
	a->at[consumer].holds = false;
	let_go(a);
	while (a->at[consumer].next == a->filled && !a->ended) {
		if (!a->threaded && !a->reading && has_room(a))
			read_one(a);
		else
			pthread_cond_wait(&a->changed, &a->lock);
	}
	if (a->at[consumer].next < a->filled) {
		*out = &a->batches[a->at[consumer].next++ % DEPTH];
		a->at[consumer].holds = true;
	} else {
		ret = a->err;
	}
	pthread_mutex_unlock(&a->lock);
	return ret;
}

void trace_ahead_leave(struct trace_ahead *a, unsigned int consumer)
{
	pthread_mutex_lock(&a->lock);
	a->at[consumer].left = true;
	let_go(a);
	pthread_mutex_unlock(&a->lock);
}

void trace_ahead_free(struct trace_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	if (a->threaded)
		pthread_join(a->thread, NULL);
	for (int i = 0; i < DEPTH; i++)
		gt_batch_release(&a->batches[i]);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
