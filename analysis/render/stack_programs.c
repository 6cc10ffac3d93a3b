/* SPDX-License-Identifier: MIT */
#include "stack_programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/map.h>

struct program {
	const char *name;
	uint64_t ns;
};

struct programs {
	struct program *list; /* by name */
	size_t n;
};

static int name_cmp(const void *a, const void *b)
{
	return strcmp(((const struct program *)a)->name, ((const struct program *)b)->name);
}

/* Process of each thread, by ids: index into r->processes. */
static int index_threads(const struct results *r, struct map *process_of)
{
	struct map processes = { 0 };
	uint64_t at;
	int err = 0;

	for (size_t i = 0; i < r->nprocesses && !err; i++)
		err = map_put(&processes, r->processes[i].id, i);
	for (size_t i = 0; i < r->nthreads && !err; i++)
		if (map_get(&processes, r->threads[i].process, &at))
			err = map_put(process_of, r->threads[i].id, at);
	map_free(&processes);
	return err;
}

static int weigh(const struct results *r, enum stack_kind kind, struct programs *out)
{
	struct map process_of = { 0 };
	uint64_t at;
	int err;

	out->list = calloc(r->nprocesses + 1, sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	err = index_threads(r, &process_of);
	for (size_t i = 0; i < r->nprocesses; i++)
		out->list[i].name = r->processes[i].comm ? r->processes[i].comm : "";
	for (size_t i = 0; i < r->nweights && !err; i++)
		if (r->weights[i].kind == kind && map_get(&process_of, r->weights[i].thread, &at))
			out->list[at].ns += r->weights[i].ns;
	map_free(&process_of);
	if (err)
		return err;
	qsort(out->list, r->nprocesses, sizeof(*out->list), name_cmp);
	for (size_t i = 0; i < r->nprocesses; i++) {
		if (out->n && !name_cmp(&out->list[out->n - 1], &out->list[i]))
			out->list[out->n - 1].ns += out->list[i].ns;
		else
			out->list[out->n++] = out->list[i];
	}
	return 0;
}

static const char *heaviest_only_in(const struct programs *p, const struct programs *other)
{
	const struct program *best = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (*p->list[i].name && p->list[i].ns && (!best || p->list[i].ns > best->ns) &&
		    !bsearch(&p->list[i], other->list, other->n, sizeof(*other->list), name_cmp))
			best = &p->list[i];
	return best ? best->name : NULL;
}

int stack_programs_odd(const struct results *a, const struct results *b, enum stack_kind kind,
		       struct stack_programs *out)
{
	struct programs of_a = { 0 }, of_b = { 0 };
	int err = weigh(a, kind, &of_a);

	*out = (struct stack_programs){ 0 };
	if (!err)
		err = weigh(b, kind, &of_b);
	if (!err) {
		out->a = heaviest_only_in(&of_a, &of_b);
		out->b = heaviest_only_in(&of_b, &of_a);
	}
	free(of_a.list);
	free(of_b.list);
	return err;
}
