/* SPDX-License-Identifier: MIT */
/* Parallelism against the books. */
#include "sim_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int span_cmp(const void *a, const void *b)
{
	const struct truth_span *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static uint64_t joined_length(struct truth_span *spans, size_t n)
{
	uint64_t sum = 0, until = 0;

	if (n)
		qsort(spans, n, sizeof(*spans), span_cmp);
	for (size_t i = 0; i < n; i++) {
		uint64_t from = spans[i].from > until ? spans[i].from : until;

		if (spans[i].to <= from)
			continue;
		sum += spans[i].to - from;
		until = spans[i].to;
	}
	return sum;
}

/* What a quota stopped for less than 1 ms is known from the kernel's sum over CPUs, and only in
 * part. */
static void check_starved(struct check *k, const char *what, uint64_t id, const json_t *o,
			  struct truth_scope *s)
{
	double active = (double)s->active, told = check_real(o, "starved_share"), least, most;
	size_t n = s->nstarved;
	struct truth_span *all = calloc(n + s->nstopped + 1, sizeof(*all));

	if (!all)
		abort();
	for (size_t i = 0; i < n + s->nstopped; i++)
		all[i] = i < n ? s->starved[i] : s->stopped[i - n];
	least = check_least(1, (double)joined_length(s->starved, n) / active);
	most = check_least(1, (double)joined_length(all, n + s->nstopped) / active);
	free(all);
	if (told < least || !s->nstopped)
		check_share(k, what, id, o, "starved_share", least);
	else if (told > most)
		check_share(k, what, id, o, "starved_share", most);
}

static void check_scope(struct check *k, const char *what, uint64_t id, const json_t *o,
			struct truth_scope *s, uint64_t window)
{
	const json_t *histogram = json_object_get(o, "histogram");
	double active = s->active ? (double)s->active : 1, bound = (double)s->run / s->cpus;

	check_same(k, what, id, o, "active", s->active);
	check_same(k, what, id, o, "serialized", s->serialized);
	check_same(k, what, id, o, "lock_loss", (uint64_t)s->loss);
	check_same(k, what, id, o, "max", s->most);
	if (!s->active)
		return;
	check_share(k, what, id, o, "average", (double)s->run / active);
	check_share(k, what, id, o, "attainable", s->attainable / active);
	check_share(k, what, id, o, "efficiency", check_least(1, (double)s->run / s->attainable));
	check_share(k, what, id, o, "serialized_share", (double)s->serialized / active);
	check_starved(k, what, id, o, s);
	bound = (double)s->run_most > bound ? (double)s->run_most : bound;
	check_share(k, what, id, o, "gain_bound", bound > 0 ? (double)s->run / bound : 1);
	for (size_t i = 1; i < json_array_size(histogram); i++)
		if ((uint64_t)json_integer_value(json_array_get(histogram, i)) != s->histogram[i])
			check_differs(k, "%s %" PRIu64 ": histogram[%zu] %lld, truth %" PRIu64,
				      what, id, i, json_integer_value(json_array_get(histogram, i)),
				      s->histogram[i]);
}

void check_parallelism(struct check *k)
{
	const json_t *whole = json_object_get(k->report, "parallelism");

	check_scope(k, "whole", 0, whole, &k->t->whole, k->s->end - SIM_START);
	for (size_t i = 0; i < check_rows(k, "processes"); i++) {
		const json_t *o = check_row(k, "processes", i);

		for (uint32_t p = 0; p < k->s->p.processes; p++)
			if (k->s->processes[p].id == check_integer(o, "id")) {
				check_scope(k, "process", check_integer(o, "id"),
					    json_object_get(o, "parallelism"), &k->t->processes[p],
					    0);
				check_same(k, "process", check_integer(o, "id"), o, "run",
					   k->t->processes[p].run);
			}
	}
}
