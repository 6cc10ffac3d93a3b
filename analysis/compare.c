/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <lib/escape.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Walls closer than this are called equal: two runs of one program differ by as much. */
#define SAME_WALL 0.03

/* A lock's name comes from some binary and may be of any length. */
#define NAME_SHOWN 48
#define SIDE_SIZE 160

struct measure {
	const char *name;
	enum compare_unit unit;
	size_t offset; /* in struct compare_run: uint64_t for times and counts, double otherwise */
};

/* clang-format off */
#define MEASURE(field, unit) { #field, unit, offsetof(struct compare_run, field) }
/* clang-format on */

static const struct measure measures[] = {
	MEASURE(wall, COMPARE_NS),
	MEASURE(active, COMPARE_NS),
	MEASURE(processes, COMPARE_COUNT),
	MEASURE(threads, COMPARE_COUNT),
	MEASURE(average, COMPARE_FACTOR),
	MEASURE(attainable, COMPARE_FACTOR),
	MEASURE(efficiency, COMPARE_SHARE),
	MEASURE(serialized_share, COMPARE_SHARE),
	MEASURE(starved_share, COMPARE_SHARE),
	MEASURE(lock_loss, COMPARE_NS),
	MEASURE(lock_waits, COMPARE_COUNT),
	MEASURE(lock_wait, COMPARE_NS),
	MEASURE(run, COMPARE_NS),
	MEASURE(runnable, COMPARE_NS),
	MEASURE(lock, COMPARE_NS),
	MEASURE(event, COMPARE_NS),
	MEASURE(io, COMPARE_NS),
	MEASURE(kernel_lock, COMPARE_NS),
	MEASURE(sleep, COMPARE_NS),
	MEASURE(other, COMPARE_NS),
	MEASURE(unknown, COMPARE_NS),
	MEASURE(switches, COMPARE_COUNT),
	MEASURE(migrations, COMPARE_COUNT),
};

_Static_assert(sizeof(measures) / sizeof(measures[0]) <= COMPARE_ROWS_MAX,
	       "rows fit the comparison");

static double measure_of(const struct compare_run *run, const struct measure *m)
{
	const char *at = (const char *)run + m->offset;

	if (m->unit == COMPARE_FACTOR || m->unit == COMPARE_SHARE) {
		double value = *(const double *)at;

		return isfinite(value) ? value : -1;
	}
	return (double)*(const uint64_t *)at;
}

/* Two numbers of a trace may be anything, also zero: then there is no ratio. */
static double ratio_of(double numerator, double denominator)
{
	double ratio = denominator > 0 && numerator >= 0 ? numerator / denominator : -1;

	return isfinite(ratio) ? ratio : -1;
}

static void sum_threads(const struct results *r, struct compare_run *run)
{
	for (size_t i = 0; i < r->nthreads; i++) {
		const struct result_thread *t = &r->threads[i];

		run->run += t->run;
		run->runnable += t->runnable;
		run->lock += t->lock;
		run->event += t->event;
		run->io += t->io;
		run->kernel_lock += t->kernel_lock;
		run->sleep += t->sleep;
		run->other += t->other;
		run->unknown += t->unknown;
		run->switches += t->switches_voluntary + t->switches_involuntary;
		run->migrations += t->migrations;
	}
}

static void run_of(const struct results *r, struct compare_run *run)
{
	const struct result_parallelism *p = &r->parallelism;

	*run = (struct compare_run){
		.wall = r->end > r->start ? r->end - r->start : 0,
		.active = r->active,
		.processes = r->nprocesses,
		.threads = r->nthreads,
		.average = p->average,
		.attainable = p->attainable,
		.efficiency = p->efficiency,
		.serialized_share = p->serialized_share,
		.starved_share = p->starved_share,
		.lock_loss = p->lock_loss,
	};
	sum_threads(r, run);
	for (size_t i = 0; i < r->nlocks; i++) {
		run->lock_waits += r->locks[i].waits;
		run->lock_wait += r->locks[i].wait.sum;
	}
}

static const char *lock_name(const struct results *r)
{
	for (size_t i = 0; r->verdict.lock && i < r->nlocks; i++)
		if (r->locks[i].id == r->verdict.lock)
			return r->locks[i].name;
	return NULL;
}

/* "serialized by the_gil, 1.02 threads running on average" */
static void side(const struct results *r, const struct compare_run *run, char *text, size_t size)
{
	const char *class = verdict_class_name(r->verdict.class), *lock = lock_name(r);
	int n = snprintf(text, size, "%s", class ? class : "without a verdict");
	char shown[NAME_SHOWN + 1];

	if (lock) {
		/* Cut between characters. */
		escape_to(shown, sizeof(shown), lock, strlen(lock));
		n += snprintf(text + n, size - n, " by %s", shown);
	}
	if (run->average >= 0 && run->average < 1e6)
		snprintf(text + n, size - n, ", %.2f threads running on average", run->average);
}

static void headline(const struct comparison *c, char *text, size_t size)
{
	double times = c->wall_ratio > 1 ? c->wall_ratio : 1 / c->wall_ratio;

	if (c->wall_ratio <= 0)
		snprintf(text, size, "one of the runs has no wall time to compare");
	else if (times < 1 + SAME_WALL)
		snprintf(text, size, "B takes as long as A, within %.0f %%", SAME_WALL * 100);
	else
		snprintf(text, size, "B is %.*f times as %s as A", times < 99.5 ? 2 : 0, times,
			 c->wall_ratio > 1 ? "fast" : "slow");
}

static int describe(struct comparison *c)
{
	char head[96], a[SIDE_SIZE], b[SIDE_SIZE];

	headline(c, head, sizeof(head));
	side(c->a, &c->run_a, a, sizeof(a));
	side(c->b, &c->run_b, b, sizeof(b));
	if (asprintf(&c->sentence, "%s: A is %s; B is %s", head, a, b) < 0) {
		c->sentence = NULL;
		return -ENOMEM;
	}
	return 0;
}

int compare_make(const struct results *a, const struct results *b, struct comparison *out)
{
	*out = (struct comparison){ .a = a, .b = b };
	run_of(a, &out->run_a);
	run_of(b, &out->run_b);
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
		struct compare_row *row = &out->rows[out->nrows++];

		row->name = measures[i].name;
		row->unit = measures[i].unit;
		row->a = measure_of(&out->run_a, &measures[i]);
		row->b = measure_of(&out->run_b, &measures[i]);
		row->ratio = ratio_of(row->b, row->a);
	}
	out->wall_ratio = ratio_of(out->run_b.wall ? out->run_a.wall : -1.0, out->run_b.wall);
	return describe(out);
}

void compare_free(struct comparison *c)
{
	if (!c)
		return;
	free(c->sentence);
	*c = (struct comparison){ 0 };
}
