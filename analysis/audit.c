/* SPDX-License-Identifier: MIT */
#include "audit.h"

#include <stdlib.h>

/* A difference of some nanoseconds says nothing about a task that ran for microseconds. */
#define LEAST_NS 1000000ULL

struct audit {
	double cpu_error,
		task_error; /* largest relative difference so far; negative: nothing to compare */
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void keep_largest(double *error, uint64_t difference, uint64_t whole)
{
	double relative = (double)difference / (double)(whole > LEAST_NS ? whole : LEAST_NS);

	if (relative > *error)
		*error = relative;
}

/* A thread that runs when the sum is taken has run up to then, also where that is just past the
 * window. */
static void check_task(struct audit *a, const struct model *m, const struct gt_event *ev)
{
	const struct thread *t = model_thread(m, ev->task);
	uint64_t run = t ? t->run_total : 0;

	if (t && t->state == STATE_RUNNING && ev->ts > t->since)
		run += ev->ts - t->since;
	keep_largest(&a->task_error, distance(run, ev->u.task_sum.run), ev->u.task_sum.run);
}

static void check_cpu(struct audit *a, const struct model *m, const struct gt_event *ev)
{
	const struct cpu *c = model_cpu(m, ev->cpu);
	uint64_t traced = c ? c->traced_total : 0, idle = c ? c->idle_total : 0,
		 other = c ? c->other_total : 0;
	uint64_t open = c && ev->ts > c->since ? ev->ts - c->since + c->cut : 0;
	uint64_t whole = ev->u.cpu_sum.traced + ev->u.cpu_sum.other + ev->u.cpu_sum.idle;

	if (c && c->running)
		traced += open;
	else if (c && c->idle)
		idle += open;
	else
		other += open;
	keep_largest(&a->cpu_error, distance(traced, ev->u.cpu_sum.traced), whole);
	keep_largest(&a->cpu_error, distance(other, ev->u.cpu_sum.other), whole);
	keep_largest(&a->cpu_error, distance(idle, ev->u.cpu_sum.idle), whole);
}

static void record(void *ctx, const struct model *m, const struct gt_event *ev)
{
	if (ev->kind == GT_TASK_SUM)
		check_task(ctx, m, ev);
	else if (ev->kind == GT_CPU_SUM)
		check_cpu(ctx, m, ev);
}

static const struct model_sink sink = { .record = record };

static void *audit_new(struct analysis_context *ctx)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (a)
		a->cpu_error = a->task_error = -1;
	return a;
}

static int audit_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	const struct audit *a = self;

	out->audit_cpu_error = a->cpu_error;
	out->audit_task_error = a->task_error;
	return 0;
}

const struct analysis audit_analysis = {
	.name = "audit",
	.sink = &sink,
	.new = audit_new,
	.results = audit_results,
	.free = free,
};
