/* SPDX-License-Identifier: MIT */
/*
 * pprof's format: a gzipped profile with a value for each kind of stacks that was taken. Threads,
 * states and wakers are labels, as its tools expect; a lock is the innermost frame of those who
 * waited for it. There is no place for a second stack: the waker's is in the other formats.
 */
#include "formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/gzip.h>
#include <lib/map.h>

#include "frame_table.h"
#include "pprof.pb-c.h"
#include "string_table.h"

#define LABELS_MAX 6 /* of one sample */

/* The values of a sample; others are 0. */
static const struct type {
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

#define TYPES (sizeof(types) / sizeof(types[0]))

struct pprof {
	const struct results *r;
	Pprof__Profile profile;
	struct stack_paths *paths[STACK_KINDS]; /* own some of the names */
	struct frame_table frames;
	struct string_table strings;
	struct map threads; /* id → index into r->threads */

	const struct type *types[TYPES]; /* those of this trace, in the profile's order */
	Pprof__ValueType value_types[TYPES], *value_type_at[TYPES], period_type;
	Pprof__Sample *samples;
	Pprof__Label *labels, **label_at; /* LABELS_MAX for each sample */
	int64_t *values;		  /* TYPES for each sample */
	uint64_t *locations;		  /* of all samples, one after the other */
	size_t nlocations, locations_cap;
	bool *used; /* locations, by number */

	Pprof__Location *all_locations;
	Pprof__Line *lines, **line_at;
	Pprof__Function *functions;
	Pprof__Mapping *mappings;
	uint64_t *mapping_of_string; /* index of an image's name → mapping's id */
};

static int set_string(struct pprof *p, const char *text, int64_t *out)
{
	*out = string_table_index(&p->strings, text);
	return *out < 0 ? -ENOMEM : 0;
}

/* ---- samples ---- */

static int add_types(struct pprof *p, enum stack_kind wanted)
{
	Pprof__Profile *profile = &p->profile;
	int err = 0;

	for (size_t i = 0; i < TYPES && !err; i++) {
		Pprof__ValueType *v = &p->value_types[profile->n_sample_type];

		if (!stack_kind_taken(types[i].kind, p->r->meta->stacks))
			continue;
		pprof__value_type__init(v);
		err = set_string(p, types[i].name, &v->type);
		err = err ?: set_string(p, types[i].unit, &v->unit);
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
	err = set_string(p, key, &label->key);
	return err || !text ? err : set_string(p, text, &label->str);
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
	sample->value = p->values + at * TYPES;
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

/* An array of pointers to `n` structs of `size`, as protobuf-c wants repeated fields. */
static void *pointers(void *first, size_t n, size_t size)
{
	void **at = calloc(n + 1, sizeof(*at));

	for (size_t i = 0; at && i < n; i++)
		at[i] = (char *)first + i * size;
	return at;
}

static int add_samples(struct pprof *p)
{
	size_t n = p->r->nweights + 1, done = 0;
	int err = 0;

	p->samples = calloc(n, sizeof(*p->samples));
	p->labels = calloc(n, LABELS_MAX * sizeof(*p->labels));
	p->label_at = calloc(n, LABELS_MAX * sizeof(*p->label_at));
	p->values = calloc(n, TYPES * sizeof(*p->values));
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
	p->profile.sample = pointers(p->samples, p->profile.n_sample, sizeof(*p->samples));
	return p->profile.sample ? 0 : -ENOMEM;
}

/* ---- what the samples name ---- */

static int add_functions(struct pprof *p)
{
	int err = 0;

	p->functions = calloc(p->frames.n + 1, sizeof(*p->functions));
	if (!p->functions)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->frames.n && !err; i++) {
		Pprof__Function *f = &p->functions[i];

		pprof__function__init(f);
		f->id = i + 1;
		err = set_string(p, p->frames.list[i].name, &f->name);
		f->system_name = f->name;
		err = err ?: set_string(p, p->frames.list[i].file, &f->filename);
	}
	p->profile.n_function = p->frames.n;
	p->profile.function = pointers(p->functions, p->frames.n, sizeof(*p->functions));
	return p->profile.function ? err : -ENOMEM;
}

/* The id of an image's mapping, 0 for none; negative: -ENOMEM. Addresses are not known any more. */
static int64_t mapping(struct pprof *p, const char *image)
{
	Pprof__Mapping *m = &p->mappings[p->profile.n_mapping];
	int64_t name = image ? string_table_index(&p->strings, image) : 0;

	if (name <= 0)
		return name;
	if (!p->mapping_of_string[name]) {
		pprof__mapping__init(m);
		m->id = ++p->profile.n_mapping;
		m->filename = name;
		m->has_functions = m->has_filenames = m->has_line_numbers = true;
		m->has_inline_frames = true;
		p->mapping_of_string[name] = m->id;
	}
	return (int64_t)p->mapping_of_string[name];
}

static int add_location_of(struct pprof *p, uint64_t id, const struct stack_frame *f,
			   uint32_t function, uint32_t line)
{
	size_t at = p->profile.n_location++;
	Pprof__Location *l = &p->all_locations[at];
	int64_t map = mapping(p, f->image);

	if (map < 0)
		return -ENOMEM;
	pprof__line__init(&p->lines[at]);
	p->lines[at].function_id = function + 1;
	p->lines[at].line = line;
	p->line_at[at] = &p->lines[at];
	pprof__location__init(l);
	l->id = id;
	l->mapping_id = (uint64_t)map;
	l->n_line = 1;
	l->line = &p->line_at[at];
	return 0;
}

/* Room for each frame of the results, and for ours. */
static int make_room(struct pprof *p)
{
	size_t n = p->r->nframes + p->frames.n + 1;

	p->used = calloc(n + 1, sizeof(*p->used));
	p->all_locations = calloc(n, sizeof(*p->all_locations));
	p->lines = calloc(n, sizeof(*p->lines));
	p->line_at = calloc(n, sizeof(*p->line_at));
	p->mappings = calloc(p->frames.n + 1, sizeof(*p->mappings));
	p->mapping_of_string =
		calloc(p->strings.n + p->frames.n + 1, sizeof(*p->mapping_of_string));
	if (!p->used || !p->all_locations || !p->lines || !p->line_at || !p->mappings ||
	    !p->mapping_of_string)
		return -ENOMEM;
	for (size_t i = 0; i < p->nlocations; i++)
		p->used[p->locations[i]] = true;
	return 0;
}

static int add_locations(struct pprof *p)
{
	size_t nframes = p->r->nframes;
	int err = make_room(p);

	for (size_t i = 0; i < nframes && !err; i++) {
		uint32_t number = p->frames.numbers[i] - 1;

		if (p->used[i + 1])
			err = add_location_of(p, i + 1, &p->frames.list[number], number,
					      p->r->frames[i].line);
	}
	for (uint32_t i = 0; i < p->frames.n && !err; i++)
		if (p->used[nframes + 1 + i])
			err = add_location_of(p, nframes + 1 + i, &p->frames.list[i], i, 0);
	if (err)
		return err;
	p->profile.location =
		pointers(p->all_locations, p->profile.n_location, sizeof(*p->all_locations));
	p->profile.mapping = pointers(p->mappings, p->profile.n_mapping, sizeof(*p->mappings));
	return p->profile.location && p->profile.mapping ? 0 : -ENOMEM;
}

static int add_period(struct pprof *p)
{
	const struct gt_meta *meta = p->r->meta;
	int err;

	p->profile.duration_nanos = (int64_t)(p->r->end - p->r->start);
	if (!meta->sample_hz)
		return 0;
	pprof__value_type__init(&p->period_type);
	err = set_string(p, "cpu", &p->period_type.type);
	err = err ?: set_string(p, "nanoseconds", &p->period_type.unit);
	p->profile.period_type = &p->period_type;
	p->profile.period = 1000000000 / meta->sample_hz;
	return err;
}

static int make(struct pprof *p, enum stack_kind kind)
{
	int err = string_table_index(&p->strings, "") < 0 ? -ENOMEM : 0;

	err = err ?: frame_table_init(&p->frames, p->r);
	err = err ?: add_types(p, kind);
	err = err ?: add_samples(p);
	err = err ?: add_functions(p);
	err = err ?: add_locations(p);
	err = err ?: add_period(p);
	p->profile.string_table = p->strings.list;
	p->profile.n_string_table = p->strings.n;
	return err;
}

/* ---- printing ---- */

static int put(const Pprof__Profile *profile, FILE *out)
{
	size_t size = pprof__profile__get_packed_size(profile);
	uint8_t *data = malloc(size + 1);
	int err = data ? 0 : -ENOMEM;

	if (!err)
		err = gzip_write(data, pprof__profile__pack(profile, data), out);
	free(data);
	return err;
}

static void release(struct pprof *p)
{
	for (int kind = 0; kind < STACK_KINDS; kind++)
		stack_paths_free(p->paths[kind]);
	free(p->profile.sample);
	free(p->profile.function);
	free(p->profile.location);
	free(p->profile.mapping);
	string_table_free(&p->strings);
	frame_table_free(&p->frames);
	map_free(&p->threads);
	free(p->samples);
	free(p->labels);
	free(p->label_at);
	free(p->values);
	free(p->locations);
	free(p->used);
	free(p->all_locations);
	free(p->lines);
	free(p->line_at);
	free(p->functions);
	free(p->mappings);
	free(p->mapping_of_string);
}

int pprof_report(const struct results *r, const struct render_options *o, FILE *out)
{
	struct pprof p = { .r = r };
	int err;

	pprof__profile__init(&p.profile);
	err = make(&p, o->stacks);
	if (!err)
		err = put(&p.profile, out);
	release(&p);
	return err;
}
