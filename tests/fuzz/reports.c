/* SPDX-License-Identifier: MIT */
#include "reports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <pprof.pb-c.h>
#include <zlib.h>

#include <analysis/compare.h>
#include <analysis/render/render.h>
#include <analysis/render/stack_paths.h>

#include "fuzz.h"

struct printed {
	char *text;
	size_t len;
};

/* One of the two is given. */
static struct printed print(const struct renderer *renderer, const struct results *r,
			    const struct comparison *c, const struct render_options *look)
{
	struct printed p = { 0 };
	FILE *out = open_memstream(&p.text, &p.len);
	int err;

	FUZZ_CHECK(out);
	err = r ? render(renderer, r, look, out) : render_comparison(renderer, c, look, out);
	FUZZ_CHECK(!fclose(out));
	FUZZ_CHECK(!err);
	return p;
}

/* ---- what must hold of each format ---- */

static void check_text(const struct printed *p, const struct render_options *look)
{
	char *plain = malloc(p->len + 1);
	size_t n = 0;

	FUZZ_CHECK(plain);
	for (size_t i = 0; i < p->len; i++) {
		if (look->color && p->text[i] == '\033') {
			i += 2 + strspn(p->text + i + 2, "0123456789;");
			FUZZ_CHECK(p->text[i] == 'm');
			continue;
		}
		plain[n++] = p->text[i];
	}
	FUZZ_CHECK(fuzz_printable(plain, n, true, !look->unicode));
	free(plain);
}

static void check_json(const struct printed *p, const struct render_options *look)
{
	json_t *value = json_loadb(p->text, p->len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
				  NULL);

	FUZZ_CHECK(value);
	json_decref(value);
}

static void check_lines(const struct printed *p, const struct render_options *look)
{
	FUZZ_CHECK(fuzz_printable(p->text, p->len, true, false));
}

/* "a;b;c 12" */
static void check_folded(const struct printed *p, const struct render_options *look)
{
	check_lines(p, look);
	for (const char *line = p->text, *end; *line; line = end + 1) {
		size_t digits = 0;

		end = strchr(line, '\n');
		FUZZ_CHECK(end);
		while (end - digits > line && end[-1 - (ptrdiff_t)digits] >= '0' &&
		       end[-1 - (ptrdiff_t)digits] <= '9')
			digits++;
		FUZZ_CHECK(digits && end - digits - 1 > line && end[-1 - (ptrdiff_t)digits] == ' ');
	}
}

static void check_svg(const struct printed *p, const struct render_options *look)
{
	FUZZ_CHECK(fuzz_well_formed(p->text, p->len));
}

static void check_profile(const struct printed *p, const struct render_options *look)
{
	z_stream z = { .next_in = (uint8_t *)p->text, .avail_in = (unsigned int)p->len };
	Pprof__Profile *profile;
	uint32_t size = 0; /* as gzip tells it at the end */
	uint8_t *raw;

	FUZZ_CHECK(p->len > sizeof(size));
	memcpy(&size, p->text + p->len - sizeof(size), sizeof(size));
	raw = malloc(size + 1);
	FUZZ_CHECK(raw);
	z.next_out = raw;
	z.avail_out = size + 1;
	FUZZ_CHECK(inflateInit2(&z, 15 + 16) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END);
	inflateEnd(&z);
	profile = pprof__profile__unpack(NULL, z.total_out, raw);
	FUZZ_CHECK(profile && z.total_out == size);
	pprof__profile__free_unpacked(profile, NULL);
	free(raw);
}

static const struct {
	const char *name;
	void (*check)(const struct printed *p, const struct render_options *look);
} checks[] = {
	{ "text", check_text },	      { "json", check_json },	    { "csv", check_lines },
	{ "folded", check_folded },   { "speedscope", check_json }, { "pprof", check_profile },
	{ "flame", check_svg },
};

static void print_one(const struct renderer *renderer, const struct results *r,
		      const struct comparison *c, const struct render_options *look)
{
	struct printed p = print(renderer, r, c, look);
	size_t i = 0;

	while (i < sizeof(checks) / sizeof(checks[0]) && strcmp(checks[i].name, renderer->name))
		i++;
	FUZZ_CHECK(i < sizeof(checks) / sizeof(checks[0])); /* a new format needs a check */
	checks[i].check(&p, look);
	free(p.text);
}

static bool drawn(const struct renderer *renderer, const struct results *r, enum stack_kind kind)
{
	return !renderer->stacks || !stack_paths_missing(r, kind);
}

static const struct render_options looks[] = {
	{ .unicode = true, .stacks = STACK_LOCK },
	{ .width = 40, .stacks = STACK_OFFCPU },
	{ .width = 200, .color = true, .unicode = true, .stacks = STACK_ONCPU },
	{ .width = 1, .stacks = STACK_CRITICAL },
	{ .width = 80, .color = true, .stacks = STACK_WAKE },
};

#define NLOOKS (sizeof(looks) / sizeof(looks[0]))

/* ---- sums ---- */

static void check_threads(const struct results *r)
{
	uint64_t unknown = 0;

	for (size_t i = 0; i < r->nthreads; i++) {
		const struct result_thread *t = &r->threads[i];

		FUZZ_CHECK(t->end >= t->start);
		FUZZ_CHECK(t->run + t->runnable + t->lock + t->event + t->io + t->kernel_lock +
				   t->sleep + t->other + t->unknown ==
			   t->end - t->start);
		unknown += t->unknown;
	}
	FUZZ_CHECK(unknown == r->losses.unknown);
}

static void check_sums(const struct results *r)
{
	FUZZ_CHECK(r->end >= r->start);
	for (size_t i = 0; i < r->ncpus; i++)
		FUZZ_CHECK(r->cpus[i].workload + r->cpus[i].other + r->cpus[i].idle ==
			   r->end - r->start);
	check_threads(r);
}

/* ---- entry ---- */

bool reports_fuzz_load(int fd, unsigned int jobs, struct loaded *out)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	FUZZ_CHECK(own >= 0);
	return load("trace", NULL, own, jobs, out) == 0;
}

void reports_fuzz_print(const struct loaded *l)
{
	const struct renderer *renderer;

	check_sums(&l->results);
	for (size_t i = 0; (renderer = render_at(i)); i++)
		for (size_t k = 0; k < NLOOKS; k++)
			if (drawn(renderer, &l->results, looks[k].stacks))
				print_one(renderer, &l->results, NULL, &looks[k]);
}

void reports_fuzz(int fd)
{
	const struct renderer *json = render_find("json");
	struct printed first, second;
	struct loaded a, b;

	if (!reports_fuzz_load(fd, 1, &a))
		return;
	FUZZ_CHECK(reports_fuzz_load(fd, 3, &b));
	reports_fuzz_print(&a);
	first = print(json, &a.results, NULL, &looks[0]);
	second = print(json, &b.results, NULL, &looks[0]);
	FUZZ_CHECK(first.len == second.len && !memcmp(first.text, second.text, first.len));
	free(first.text);
	free(second.text);
	load_free(&a);
	load_free(&b);
}

void reports_fuzz_compare(const struct loaded *a, const struct loaded *b)
{
	const struct renderer *renderer;
	struct comparison c;

	FUZZ_CHECK(!compare_make(&a->results, &b->results, &c));
	FUZZ_CHECK(c.sentence && fuzz_printable(c.sentence, strlen(c.sentence), false, false));
	for (size_t i = 0; (renderer = render_at(i)); i++)
		for (size_t k = 0; renderer->comparison && k < NLOOKS; k++)
			if (drawn(renderer, &a->results, looks[k].stacks) &&
			    drawn(renderer, &b->results, looks[k].stacks))
				print_one(renderer, NULL, &c, &looks[k]);
	compare_free(&c);
}
