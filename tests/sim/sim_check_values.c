/* SPDX-License-Identifier: MIT */
/* Values of the report, beside the true ones. */
#include "sim_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#define DIFFERENCES_TOLD 12

void check_differs(struct check *k, const char *format, ...)
{
	va_list args;

	if (k->differences++ >= DIFFERENCES_TOLD || !k->c->out)
		return;
	va_start(args, format);
	fputs("    ", k->c->out);
	vfprintf(k->c->out, format, args);
	fputc('\n', k->c->out);
	va_end(args);
}

/* ---- values ---- */

uint64_t check_integer(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

double check_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

const char *check_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

void check_same(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		uint64_t truth)
{
	uint64_t told = check_integer(o, key);

	if (!json_object_get(o, key))
		check_differs(k, "%s %" PRIu64 ": no %s, truth %" PRIu64, what, id, key, truth);
	else if (told != truth)
		check_differs(k, "%s %" PRIu64 ": %s %" PRIu64 ", truth %" PRIu64, what, id, key,
			      told, truth);
}

/* Truncated to an integer after many additions. */
void check_about(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		 double truth)
{
	double told = check_real(o, key);

	if (fabs(told - truth) > 2 + truth * 1e-9)
		check_differs(k, "%s %" PRIu64 ": %s %.1f, truth %.1f", what, id, key, told, truth);
}

void check_share(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		 double truth)
{
	double told = check_real(o, key);

	/* The report prints nine digits. */
	if (!(fabs(told - truth) <= 2e-8 * (1 + fabs(truth))))
		check_differs(k, "%s %" PRIu64 ": %s %.12f, truth %.12f", what, id, key, told,
			      truth);
}

double check_least(double a, double b)
{
	return a < b ? a : b;
}

static int number_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void quantile(struct check *k, uint64_t id, const char *name, const json_t *o,
		     const char *key, const struct truth_list *l, double q)
{
	size_t rank = (size_t)ceil(q * (double)l->n);
	uint64_t truth = l->at[rank ? rank - 1 : 0], told = check_integer(o, key),
		 apart = told > truth ? told - truth : truth - told;

	if (apart > truth / 64 + 1)
		check_differs(k, "lock %" PRIu64 ": %s.%s %" PRIu64 ", truth %" PRIu64, id, name,
			      key, told, truth);
}

uint64_t check_sum(const struct truth_list *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++)
		sum += l->at[i];
	return sum;
}

void check_quantiles(struct check *k, uint64_t id, const char *name, const json_t *lock,
		     struct truth_list *l)
{
	const json_t *o = json_object_get(lock, name);

	if (!l->n)
		return;
	qsort(l->at, l->n, sizeof(*l->at), number_cmp);
	quantile(k, id, name, o, "p50", l, 0.5);
	quantile(k, id, name, o, "p99", l, 0.99);
}

void check_spread(struct check *k, uint64_t id, const char *name, const json_t *lock,
		  struct truth_list *l)
{
	const json_t *o = json_object_get(lock, name);

	if (!l->n)
		return;
	check_quantiles(k, id, name, lock, l);
	check_same(k, name, id, o, "sum", check_sum(l));
	check_same(k, name, id, o, "max", l->at[l->n - 1]);
}

/* ---- what the report took for what ---- */

size_t check_rows(const struct check *k, const char *table)
{
	return json_array_size(json_object_get(k->report, table));
}

const json_t *check_row(const struct check *k, const char *table, size_t i)
{
	return json_array_get(json_object_get(k->report, table), i);
}

const json_t *check_group_row(const struct check *k, uint32_t group)
{
	size_t nlocks = check_rows(k, "locks");

	return group < nlocks ? check_row(k, "locks", group)
			      : check_row(k, "events", group - nlocks);
}

struct sim_thread *check_thread_of(const struct check *k, uint64_t id)
{
	for (uint32_t i = 0; i < k->s->nthreads; i++)
		if (k->s->threads[i].id == id && k->t->threads[i].seen)
			return &k->s->threads[i];
	return NULL;
}
