/* SPDX-License-Identifier: MIT */
#include "lib/trace_ahead.h"

#include <pthread.h>
#include <stdlib.h>

#define DEPTH 8 /* batches that wait, or are in use */
#define CONSUMERS_MAX 4

/* A ring of batches. The thread fills the one at `filled`, once every consumer is done with it. */
struct trace_ahead {
	struct gt_reader *reader;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows, but for the batches' contents */
	pthread_cond_t more, room;
	uint64_t filled;
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

static void *read_ahead(void *arg)
{
	struct trace_ahead *a = arg;
	int ret = 1;

	pthread_mutex_lock(&a->lock);
	while (ret == 1) {
		while (!a->stop && a->filled - done_with(a) == DEPTH)
			pthread_cond_wait(&a->room, &a->lock);
		if (a->stop)
			break;
		pthread_mutex_unlock(&a->lock);
		ret = gt_reader_batch(a->reader, &a->batches[a->filled % DEPTH]);
		pthread_mutex_lock(&a->lock);
		a->filled += ret == 1;
		a->ended = ret != 1;
		a->err = ret == 1 ? 0 : ret;
		pthread_cond_broadcast(&a->more);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct trace_ahead *trace_ahead_new(struct gt_reader *r, unsigned int consumers)
{
	struct trace_ahead *a = consumers <= CONSUMERS_MAX ? calloc(1, sizeof(*a)) : NULL;

	if (!a)
		return NULL;
	a->reader = r;
	a->consumers = consumers;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->more, NULL);
	pthread_cond_init(&a->room, NULL);
	if (!pthread_create(&a->thread, NULL, read_ahead, a))
		return a;
	free(a);
	return NULL;
}

int trace_ahead_next(struct trace_ahead *a, unsigned int consumer, const struct gt_batch **out)
{
	int ret = 1;

	pthread_mutex_lock(&a->lock);
	if (a->at[consumer].holds)
		pthread_cond_signal(&a->room);
	a->at[consumer].holds = false;
	while (a->at[consumer].next == a->filled && !a->ended)
		pthread_cond_wait(&a->more, &a->lock);
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
	pthread_cond_signal(&a->room);
	pthread_mutex_unlock(&a->lock);
}

void trace_ahead_free(struct trace_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->room);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	for (int i = 0; i < DEPTH; i++)
		gt_batch_release(&a->batches[i]);
	pthread_cond_destroy(&a->room);
	pthread_cond_destroy(&a->more);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
