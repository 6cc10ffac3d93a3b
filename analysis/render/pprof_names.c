/* SPDX-License-Identifier: MIT */
/* What the samples of a pprof profile name: functions, the locations in them, and the images they
 * are from. */
#include <errno.h>
#include <stdlib.h>

#include "pprof_private.h"

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
		err = pprof_string(p, p->frames.list[i].name, &f->name);
		f->system_name = f->name;
		err = err ?: pprof_string(p, p->frames.list[i].file, &f->filename);
	}
	p->profile.n_function = p->frames.n;
	p->profile.function = pprof_pointers(p->functions, p->frames.n, sizeof(*p->functions));
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
		pprof_pointers(p->all_locations, p->profile.n_location, sizeof(*p->all_locations));
	p->profile.mapping =
		pprof_pointers(p->mappings, p->profile.n_mapping, sizeof(*p->mappings));
	return p->profile.location && p->profile.mapping ? 0 : -ENOMEM;
}

int pprof_names(struct pprof *p)
{
	return add_functions(p) ?: add_locations(p);
}

void pprof_names_release(struct pprof *p)
{
	free(p->profile.function);
	free(p->profile.location);
	free(p->profile.mapping);
	free(p->used);
	free(p->all_locations);
	free(p->lines);
	free(p->line_at);
	free(p->functions);
	free(p->mappings);
	free(p->mapping_of_string);
}
