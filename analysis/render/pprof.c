/* SPDX-License-Identifier: MIT */
/*
 * pprof's format: a gzipped profile with a value for each kind of stacks that was taken. Threads,
 * states and wakers are labels, as its tools expect; a lock is the innermost frame of those who
 * waited for it. There is no place for a second stack: the waker's is in the other formats.
 */
#include "formats.h"

#include <errno.h>
#include <stdlib.h>

#include <lib/gzip.h>

#include "pprof_private.h"

int pprof_string(struct pprof *p, const char *text, int64_t *out)
{
	*out = string_table_index(&p->strings, text);
	return *out < 0 ? -ENOMEM : 0;
}

void *pprof_pointers(void *first, size_t n, size_t size)
{
	void **at = calloc(n + 1, sizeof(*at));

	for (size_t i = 0; at && i < n; i++)
		at[i] = (char *)first + i * size;
	return at;
}

static int add_period(struct pprof *p)
{
	const struct gt_meta *meta = p->r->meta;
	int err;

	p->profile.duration_nanos = (int64_t)(p->r->end - p->r->start);
	if (!meta->sample_hz)
		return 0;
	pprof__value_type__init(&p->period_type);
	err = pprof_string(p, "cpu", &p->period_type.type);
	err = err ?: pprof_string(p, "nanoseconds", &p->period_type.unit);
	p->profile.period_type = &p->period_type;
	p->profile.period = 1000000000 / meta->sample_hz;
	return err;
}

static int make(struct pprof *p, enum stack_kind kind)
{
	int err = string_table_index(&p->strings, "") < 0 ? -ENOMEM : 0;

	err = err ?: frame_table_init(&p->frames, p->r);
	err = err ?: pprof_samples_types(p, kind);
	err = err ?: pprof_samples(p);
	err = err ?: pprof_names(p);
	err = err ?: add_period(p);
	p->profile.string_table = p->strings.list;
	p->profile.n_string_table = p->strings.n;
	return err;
}

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
	pprof_samples_release(p);
	pprof_names_release(p);
	string_table_free(&p->strings);
	frame_table_free(&p->frames);
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
