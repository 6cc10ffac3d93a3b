/* SPDX-License-Identifier: MIT */
/*
 * pprof FILE: a pprof profile as text, one line a sample: values by type, labels, frames innermost
 * first with their lines and mappings.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "pprof.pb-c.h"

#define SIZE_MAX_READ (64 << 20)

static const char *text(const Pprof__Profile *p, int64_t index)
{
	return index >= 0 && (size_t)index < p->n_string_table ? p->string_table[index] : "?";
}

static void print_location(const Pprof__Profile *p, uint64_t id)
{
	const Pprof__Location *l = NULL;
	const Pprof__Function *f;

	for (size_t i = 0; i < p->n_location && !l; i++)
		l = p->location[i]->id == id ? p->location[i] : NULL;
	if (!l || l->n_line != 1 || l->line[0]->function_id > p->n_function) {
		printf("\t?");
		return;
	}
	f = p->function[l->line[0]->function_id - 1];
	printf("\t%s", text(p, f->name));
	if (f->filename)
		printf(" %s:%" PRId64, text(p, f->filename), l->line[0]->line);
	if (l->mapping_id && l->mapping_id <= p->n_mapping)
		printf(" (%s)", text(p, p->mapping[l->mapping_id - 1]->filename));
	printf("\n");
}

static void print_sample(const Pprof__Profile *p, const Pprof__Sample *s)
{
	for (size_t i = 0; i < s->n_value && i < p->n_sample_type; i++)
		if (s->value[i])
			printf("%s=%" PRId64 " ", text(p, p->sample_type[i]->type), s->value[i]);
	for (size_t i = 0; i < s->n_label; i++) {
		printf(" %s=", text(p, s->label[i]->key));
		if (s->label[i]->str)
			printf("%s", text(p, s->label[i]->str));
		else
			printf("%" PRId64, s->label[i]->num);
	}
	printf("\n");
	for (size_t i = 0; i < s->n_location_id; i++)
		print_location(p, s->location_id[i]);
}

static void print_profile(const Pprof__Profile *p)
{
	for (size_t i = 0; i < p->n_sample_type; i++)
		printf("type %s/%s\n", text(p, p->sample_type[i]->type),
		       text(p, p->sample_type[i]->unit));
	printf("default %s\n", text(p, p->default_sample_type));
	printf("duration %" PRId64 "\nperiod %" PRId64 "\n", p->duration_nanos, p->period);
	for (size_t i = 0; i < p->n_sample; i++)
		print_sample(p, p->sample[i]);
}

int main(int argc, char **argv)
{
	gzFile file = argc == 2 ? gzopen(argv[1], "rb") : NULL;
	uint8_t *data = malloc(SIZE_MAX_READ);
	int n = file && data ? gzread(file, data, SIZE_MAX_READ) : -1;
	Pprof__Profile *p = n >= 0 ? pprof__profile__unpack(NULL, (size_t)n, data) : NULL;

	if (p)
		print_profile(p);
	else
		fputs("usage: pprof FILE (a gzipped profile)\n", stderr);
	if (p)
		pprof__profile__free_unpacked(p, NULL);
	if (file)
		gzclose(file);
	free(data);
	return p == NULL;
}
