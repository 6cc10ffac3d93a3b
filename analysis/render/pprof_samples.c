/* SPDX-License-Identifier: MIT */
/* The samples of a pprof profile: one for each weight, with values by kind, its frames' locations
 * and its labels. */
#include <errno.h>
#include <stdlib.h>

#include "pprof_private.h"

#define LABELS_MAX 6 /* of one sample */

/* The values of a sample; others are 0. */
static const struct pprof_type {
	enum stack_kind kind;
	const char *name, *unit;
	bool counts; /* weight.count instead of weight.ns */
} types[] = {
	{ STACK_LOCK, "lock_waits", "count", true },   { STACK_LOCK, "lock", "nanoseconds" },
	{ STACK_OFFCPU, "blocks", "count", true },     { STACK_OFFCPU, "offcpu", "nanoseconds" },
	{ STACK_ONCPU, "samples", "count", true },     { STACK_ONCPU, "cpu", "nanoseconds" },
	{ STACK_CRITICAL, "critical", "nanoseconds" }, { STACK_WAKE, "wakings", "count", true },
	{ STACK_WAKE, "waited", "nanoseconds" },
};

_Static_assert(sizeof(types) / sizeof(types[0]) == PPROF_TYPES, "a place for each");

int pprof_samples_types(struct pprof *p, enum stack_kind wanted)
{
	Pprof__Profile *profile = &p->profile;
	int err = 0;

	for (size_t i = 0; i < PPROF_TYPES && !err; i++) {
		Pprof__ValueType *v = &p->value_types[profile->n_sample_type];

		if (!stack_kind_taken(types[i].kind, p->r->meta->stacks))
			continue;
		pprof__value_type__init(v);
		err = pprof_string(p, types[i].name, &v->type);
		err = err ?: pprof_string(p, types[i].unit, &v->unit);
		p->types[profile->n_sample_type] = &types[i];
		p->value_type_at[profile->n_sample_type++] = v;
		if (types[i].kind == wanted && !types[i].counts)
			profile->default_sample_type = v->type;
	}
	profile->sample_type = p->value_type_at;
	return err;
}

/* Of the frame's own line, or of ours; numbers are made compact by the profile's readers. */
static int64_t location(struct pprof *p, const struct stack_frame *f)
{
	int64_t number = frame_table_number(&p->frames, f);

	if (number < 0)
		return number;
	return f->source ? f->source : (int64_t)p->r->nframes + 1 + number;
}

static int add_location(struct pprof *p, int64_t id)
{
	size_t cap = p->locations_cap ? p->locations_cap * 2 : 1024;
	uint64_t *bigger;

	if (id < 0)
		return -ENOMEM;
	if (p->nlocations == p->locations_cap) {
		bigger = realloc(p->locations, cap * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		p->locations = bigger;
		p->locations_cap = cap;
	}
	p->locations[p->nlocations++] = (uint64_t)id;
	return 0;
}

/* What pprof shows as frames: the stack and what it waited for. */
static bool is_frame(const struct stack_frame *f)
{
	return f->part == STACK_PART_CODE || f->part == STACK_PART_NOTE ||
	       f->part == STACK_PART_LOCK;
}

static int add_frames(struct pprof *p, const struct stack_path *path, Pprof__Sample *sample)
{
	size_t n = path->n;
	int err = 0;

	for (size_t i = 0; i < path->n; i++)
		if (path->frames[i].part == STACK_PART_LOCK)
			n = i + 1;
	for (size_t i = n; i && !err; i--) {
		if (!is_frame(&path->frames[i - 1]))
			continue;
		err = add_location(p, location(p, &path->frames[i - 1]));
		sample->n_location_id += !err;
	}
	return err;
}

static int add_label(struct pprof *p, Pprof__Sample *sample, const char *key, const char *text,
		     int64_t number)
{
	Pprof__Label *label = &p->labels[(sample - p->samples) * LABELS_MAX + sample->n_label];
	int err;

	if (!text && !number)
		return 0;
	pprof__label__init(label);
	label->num = number;
	sample->label[sample->n_label++] = label;
	err = pprof_string(p, key, &label->key);
	return err || !text ? err : pprof_string(p, text, &label->str);
}

static const struct result_thread *thread_of(const struct pprof *p, uint32_t id)
{
	uint64_t at;

	return id && map_get(&p->threads, id, &at) ? &p->r->threads[at] : NULL;
}

static int add_labels(struct pprof *p, const struct stack_path *path, Pprof__Sample *sample)
{
	const struct result_thread *t = thread_of(p, path->weight->thread);
	const struct result_thread *other = thread_of(p, path->weight->other_thread);
	bool wakes = path->weight->kind == STACK_WAKE;
	int err = 0;

	if (t) {
		err = add_label(p, sample, "thread", t->comm, 0);
		err = err ?: add_label(p, sample, "tid", NULL, t->tid);
	}
	for (size_t i = 0; i < path->n && !err; i++)
		if (path->frames[i].part == STACK_PART_STATE)
			err = add_label(p, sample, "state", path->frames[i].name, 0);
	if (other && !err)
		err = add_label(p, sample, wakes ? "wakes" : "woken_by", other->comm, 0);
	return err;
}

static int add_sample(struct pprof *p, const struct stack_path *path)
{
	size_t at = p->profile.n_sample++;
	Pprof__Sample *sample = &p->samples[at];

	pprof__sample__init(sample);
	sample->value = p->values + at * PPROF_TYPES;
	sample->n_value = p->profile.n_sample_type;
	for (size_t i = 0; i < sample->n_value; i++)
		if (p->types[i]->kind == path->weight->kind)
			sample->value[i] = (int64_t)(p->types[i]->counts ? path->weight->count
									 : path->weight->ns);
	sample->label = p->label_at + at * LABELS_MAX;
	return add_frames(p, path, sample) ?: add_labels(p, path, sample);
}

static int add_kind(struct pprof *p, enum stack_kind kind)
{
	struct stack_path path;
	int more;

	p->paths[kind] = stack_paths_new(p->r, kind, false);
	more = p->paths[kind] ? 0 : -ENOMEM;
	while (!more && (more = stack_paths_next(p->paths[kind], &path)) > 0)
		more = add_sample(p, &path);
	return more;
}
int pprof_samples(struct pprof *p)
{
	size_t n = p->r->nweights + 1, done = 0;
	int err = 0;

	p->samples = calloc(n, sizeof(*p->samples));
	p->labels = calloc(n, LABELS_MAX * sizeof(*p->labels));
	p->label_at = calloc(n, LABELS_MAX * sizeof(*p->label_at));
	p->values = calloc(n, PPROF_TYPES * sizeof(*p->values));
	if (!p->samples || !p->labels || !p->label_at || !p->values)
		return -ENOMEM;
	for (size_t i = 0; i < p->r->nthreads && !err; i++)
		err = map_put(&p->threads, p->r->threads[i].id, i);
	for (int kind = 0; kind < STACK_KINDS && !err; kind++)
		if (stack_kind_taken(kind, p->r->meta->stacks))
			err = add_kind(p, kind);
	if (err)
		return err;
	/* Only now does their list no longer move. */
	for (size_t i = 0; i < p->profile.n_sample; i++) {
		p->samples[i].location_id = p->locations + done;
		done += p->samples[i].n_location_id;
	}
	p->profile.sample = pprof_pointers(p->samples, p->profile.n_sample, sizeof(*p->samples));
	return p->profile.sample ? 0 : -ENOMEM;
}

void pprof_samples_release(struct pprof *p)
{
	for (int kind = 0; kind < STACK_KINDS; kind++)
		stack_paths_free(p->paths[kind]);
	map_free(&p->threads);
	free(p->profile.sample);
	free(p->samples);
	free(p->labels);
	free(p->label_at);
	free(p->values);
	free(p->locations);
}
