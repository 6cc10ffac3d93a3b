/* SPDX-License-Identifier: MIT */
/* What the files of pprof share: pprof_samples.c fills in the samples, pprof_names.c what they
 * name, and pprof.c makes a profile of both. */
#ifndef ANALYSIS_RENDER_PPROF_PRIVATE_H
#define ANALYSIS_RENDER_PPROF_PRIVATE_H

#include <lib/map.h>

#include "frame_table.h"
#include "pprof.pb-c.h"
#include "stack_paths.h"
#include "string_table.h"

#define PPROF_TYPES 9 /* of values, for all kinds of stacks */

struct pprof_type;

struct pprof {
	const struct results *r;
	Pprof__Profile profile;
	Pprof__ValueType period_type;
	struct frame_table frames;
	struct string_table strings;

	/* pprof_samples.c */
	struct stack_paths *paths[STACK_KINDS];	     /* own some of the names */
	struct map threads;			     /* id → index into r->threads */
	const struct pprof_type *types[PPROF_TYPES]; /* of this trace, in the profile's order */
	Pprof__ValueType value_types[PPROF_TYPES], *value_type_at[PPROF_TYPES];
	Pprof__Sample *samples;
	Pprof__Label *labels, **label_at; /* LABELS_MAX for each sample */
	int64_t *values;		  /* PPROF_TYPES for each sample */
	uint64_t *locations;		  /* of all samples, one after the other */
	size_t nlocations, locations_cap;

	/* pprof_names.c */
	bool *used; /* locations, by number */
	Pprof__Location *all_locations;
	Pprof__Line *lines, **line_at;
	Pprof__Function *functions;
	Pprof__Mapping *mappings;
	uint64_t *mapping_of_string; /* index of an image's name → mapping's id */
};

/* The number of a string in the profile's table. This and the next three: 0 or -ENOMEM. */
int pprof_string(struct pprof *p, const char *text, int64_t *out);

/* The profile's types of values, `wanted` to be shown first. */
int pprof_samples_types(struct pprof *p, enum stack_kind wanted);

/* The profile's samples; needs the types. */
int pprof_samples(struct pprof *p);

/* The profile's functions, locations and mappings: of the samples that there are. */
int pprof_names(struct pprof *p);

/* An array of pointers to `n` structs of `size`, as protobuf-c wants repeated fields; NULL: no
 * memory. */
void *pprof_pointers(void *first, size_t n, size_t size);

void pprof_samples_release(struct pprof *p);
void pprof_names_release(struct pprof *p);

#endif
