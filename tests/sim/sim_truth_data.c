/* SPDX-License-Identifier: MIT */
/*
 * From data to a lock, in the books: a thread that waited for data, or slept, and wants a lock
 * next. The taking of a lock is known where probes tell of it; of any other lock where the thread
 * had to wait for it, within a little running: it came to ask for it.
 */
#include "sim_truth.h"

#define ASK_GAP (200 * US)

void truth_data_comes(struct sim_truth *t, struct truth_thread *x)
{
	x->data = t->s->now;
	x->data_wakes++;
}

void truth_data_used(struct sim_truth *t, struct truth_thread *x)
{
	uint64_t passed = x->data ? t->s->now - x->data : 0;

	x->data_longest = passed > x->data_longest ? passed : x->data_longest;
	x->data = 0;
}

void truth_data_arrives(struct truth_thread *x, uint64_t ran)
{
	x->arrived = ran;
}

void truth_data_asks(struct truth_thread *x, uint64_t ran)
{
	x->for_data = x->data && ran - x->arrived < ASK_GAP;
}

static void got(struct sim_truth *t, uint32_t group, uint32_t thread, uint64_t when)
{
	struct truth_thread *x = &t->threads[thread];

	if (x->data)
		truth_add(&truth_part(t, group, thread)->data, when - x->data);
	truth_data_used(t, x);
}

void truth_data_waited(struct sim_truth *t, uint32_t thread)
{
	struct truth_thread *x = &t->threads[thread];

	if (!x->group || x->round || t->groups[x->group - 1].probed)
		return;
	if (x->for_data)
		got(t, x->group - 1, thread, x->resumed);
	else if (x->data < x->resumed)
		truth_data_used(t, x);
	x->for_data = false;
}

void truth_data_got(struct sim_truth *t, uint32_t group, uint32_t thread)
{
	truth_data_waited(t, thread);
	if (group)
		got(t, group - 1, thread, t->s->now);
	else
		truth_data_used(t, &t->threads[thread]);
}
