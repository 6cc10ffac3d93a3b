/* SPDX-License-Identifier: MIT */
#include "occupancy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"

/* One thread's time on one CPU. */
struct place {
	uint32_t cpu, thread; /* thread: index */
	uint64_t run;
};

/* Where a thread ran last: most switches bring it back there, without a look into the map. */
struct last_place {
	uint32_t cpu, place; /* place: index + 1, 0: it has not run */
};

struct occupancy {
	struct result_cpu cpus[GT_MAX_CPUS];
	bool told[GT_MAX_CPUS];
	struct place *places;
	struct last_place *last; /* by thread index */
	uint32_t nplaces, places_cap, last_cap;
	struct map ids; /* cpu << 32 | thread index → index of place */
	int err;
};

static struct last_place *last_of(struct occupancy *o, uint32_t thread)
{
	uint32_t cap = o->last_cap ? o->last_cap : 64;
	struct last_place *p;

	if (thread < o->last_cap)
		return &o->last[thread];
	while (cap <= thread)
		cap *= 2;
	p = realloc(o->last, cap * sizeof(*p));
	if (!p)
		return NULL;
	memset(p + o->last_cap, 0, (cap - o->last_cap) * sizeof(*p));
	o->last = p;
	o->last_cap = cap;
	return &o->last[thread];
}

/* Index of the pair's place, made when it is new; UINT32_MAX when out of memory. */
static uint32_t place_of(struct occupancy *o, uint32_t cpu, uint32_t thread)
{
	uint64_t key = (uint64_t)cpu << 32 | thread, index;
	uint32_t cap = o->places_cap ? o->places_cap * 2 : 64;
	struct place *p;

	if (map_get(&o->ids, key, &index))
		return (uint32_t)index;
	if (o->nplaces == o->places_cap) {
		p = realloc(o->places, cap * sizeof(*p));
		if (!p)
			return UINT32_MAX;
		o->places = p;
		o->places_cap = cap;
	}
	if (map_put(&o->ids, key, o->nplaces))
		return UINT32_MAX;
	o->places[o->nplaces] = (struct place){ cpu, thread, 0 };
	return o->nplaces++;
}

static void thread_span(struct occupancy *o, uint32_t cpu, uint32_t thread, uint64_t ns)
{
	struct last_place *last = last_of(o, thread);
	uint32_t place;

	if (!last) {
		o->err = -ENOMEM;
		return;
	}
	if (!last->place || last->cpu != cpu) {
		place = place_of(o, cpu, thread);
		if (place == UINT32_MAX) {
			o->err = -ENOMEM;
			return;
		}
		o->cpus[cpu].migrations_in += last->place != 0;
		*last = (struct last_place){ cpu, place + 1 };
	}
	o->places[last->place - 1].run += ns;
}

static void cpu_span(void *ctx, const struct model *m, const struct cpu *cpu,
		     const struct thread *t, uint64_t start, uint64_t end, uint64_t idle)
{
	struct occupancy *o = ctx;
	struct result_cpu *c = &o->cpus[cpu->id];

	if (o->err)
		return;
	o->told[cpu->id] = true;
	if (!t) {
		c->idle += idle;
		c->other += end - start - idle;
		return;
	}
	c->workload += end - start;
	thread_span(o, cpu->id, t->index, end - start);
}

static const struct model_sink sink = { .cpu_span = cpu_span };

static void *occupancy_new(struct analysis_context *ctx)
{
	struct occupancy *o = calloc(1, sizeof(*o));

	for (uint32_t i = 0; o && i < GT_MAX_CPUS; i++)
		o->cpus[i].cpu = i;
	return o;
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

static int occupancy_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct occupancy *o = self;

	if (o->err)
		return o->err;
	out->cpus = calloc(model_ncpus(ctx->model) + 1, sizeof(*out->cpus));
	out->occupancy = calloc(o->nplaces + 1, sizeof(*out->occupancy));
	if (!out->cpus || !out->occupancy)
		return -ENOMEM;
	for (uint32_t i = 0; i < model_ncpus(ctx->model); i++)
		if (o->told[i])
			out->cpus[out->ncpus++] = o->cpus[i];
	if (o->nplaces)
		qsort(o->places, o->nplaces, sizeof(*o->places), by_place);
	for (uint32_t i = 0; i < o->nplaces; i++)
		out->occupancy[out->noccupancy++] = (struct result_occupancy){
			.cpu = o->places[i].cpu,
			.thread = model_thread_at(ctx->model, o->places[i].thread)->id,
			.run = o->places[i].run,
		};
	return 0;
}

static void occupancy_free(void *self)
{
	struct occupancy *o = self;

	if (!o)
		return;
	free(o->places);
	free(o->last);
	map_free(&o->ids);
	free(o);
}

const struct analysis occupancy_analysis = {
	.name = "occupancy",
	.sink = &sink,
	.new = occupancy_new,
	.results = occupancy_results,
	.free = occupancy_free,
};
