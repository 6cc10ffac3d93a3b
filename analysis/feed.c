/* SPDX-License-Identifier: MIT */
#include "feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/trace_ahead.h"

/* A model and the thread that feeds it. */
struct lane {
	struct trace_ahead *ahead;
	unsigned int number;
	struct model *model;
	pthread_t thread;
	int err;
};

static int feed_batch(struct model *m, const struct gt_batch *b)
{
	int err = 0;

	for (uint32_t i = 0; i < b->n && !err; i++)
		err = model_event(m, &b->events[i]);
	return err;
}

static int feed_alone(struct gt_reader *reader, struct model *const *models, unsigned int n)
{
	struct gt_batch *batch = calloc(1, sizeof(*batch));
	int more = batch ? 1 : -ENOMEM, err = 0;

	while (!err && more > 0) {
		more = gt_reader_batch(reader, batch);
		for (unsigned int i = 0; i < n && more > 0 && !err; i++)
			err = feed_batch(models[i], batch);
	}
	err = err ? err : more;
	for (unsigned int i = 0; i < n && !err; i++)
		err = model_finish(models[i]);
	if (batch)
		gt_batch_release(batch);
	free(batch);
	return err;
}

static void *feed_lane(void *arg)
{
	struct lane *lane = arg;
	const struct gt_batch *batch = NULL;
	int more, err = 0;

	while (!err && (more = trace_ahead_next(lane->ahead, lane->number, &batch)) > 0)
		err = feed_batch(lane->model, batch);
	trace_ahead_leave(lane->ahead, lane->number);
	err = err ? err : more;
	lane->err = err ? err : model_finish(lane->model);
	return NULL;
}

/* False when there are not threads enough: nothing has been fed then. */
static bool feed_lanes(struct trace_ahead *ahead, struct model *const *models, unsigned int n,
		       int *err)
{
	struct lane lanes[FEED_MODELS];
	unsigned int started = 1;

	for (unsigned int i = 0; i < n; i++)
		lanes[i] = (struct lane){ .ahead = ahead, .number = i, .model = models[i] };
	while (started < n &&
	       !pthread_create(&lanes[started].thread, NULL, feed_lane, &lanes[started]))
		started++;
	if (started < n)
		return false;
	feed_lane(&lanes[0]);
	for (unsigned int i = 1; i < n; i++)
		pthread_join(lanes[i].thread, NULL);
	for (unsigned int i = n; i-- > 0;)
		*err = lanes[i].err ? lanes[i].err : *err;
	return true;
}

int feed(struct gt_reader *reader, unsigned int jobs, struct model *const *models, unsigned int n)
{
	struct trace_ahead *ahead = NULL;
	bool fed = false;
	int err = gt_reader_rewind(reader);

	if (!err && jobs > 1)
		ahead = trace_ahead_new(reader, n, jobs > n);
	if (ahead)
		fed = feed_lanes(ahead, models, n, &err);
	trace_ahead_free(ahead);
	if (err || fed)
		return err;
	err = ahead ? gt_reader_rewind(reader) : 0;
	return err ? err : feed_alone(reader, models, n);
}
