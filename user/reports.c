/* SPDX-License-Identifier: MIT */
#include "reports.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <analysis/render/render.h>
#include <analysis/render/stack_paths.h>
#include <lib/log.h>
#include <lib/parse.h>

#include "output.h"

struct report {
	const struct renderer *renderer;
	struct output *output;
};

struct reports {
	enum opts_color color;
	enum stack_kind stacks;
	struct report *list;
	size_t n;
};

static int add(struct reports *r, const struct renderer *renderer, const char *file, FILE *standard)
{
	struct report *report = &r->list[r->n];
	int err = file ? output_open(file, &report->output)
		       : output_standard(standard, &report->output);

	if (err)
		return err;
	report->renderer = renderer;
	r->n++;
	return 0;
}

/* Where the text goes, or NULL: standard output unless something else is written there, which text
 * would spoil. */
static FILE *text_stream(const struct options *o, enum reports_text text)
{
	if (text == REPORTS_TEXT_NONE || o->json)
		return NULL;
	for (size_t i = 0; i < o->nexports; i++) {
		if (strcmp(o->exports[i].file, "-") != 0)
			continue;
		if (strcmp(o->exports[i].renderer->name, "text") == 0)
			return NULL;
		text = REPORTS_TEXT_STDERR;
	}
	return text == REPORTS_TEXT_STDERR ? stderr : stdout;
}

int reports_open(const struct options *o, enum reports_text text, struct reports **out)
{
	FILE *stream = text_stream(o, text);
	struct reports *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	*out = NULL;
	if (r)
		r->list = calloc(o->nexports + 2, sizeof(*r->list));
	if (!r || !r->list) {
		log_error("out of memory");
		goto fail;
	}
	r->color = o->color;
	r->stacks = o->drawn ? (enum stack_kind)(o->drawn - 1) : STACK_LOCK;
	err = stream ? add(r, render_find("text"), NULL, stream) : 0;
	if (!err && o->json)
		err = add(r, render_find("json"), NULL, stdout);
	for (size_t i = 0; i < o->nexports && !err; i++)
		err = add(r, o->exports[i].renderer, o->exports[i].file, NULL);
	if (err)
		goto fail;
	*out = r;
	return 0;
fail:
	reports_free(r);
	return err;
}

static bool use_color(enum opts_color when, bool terminal)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when != OPTS_COLOR_AUTO)
		return when == OPTS_COLOR_ALWAYS;
	return terminal && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

#define WIDTH_MAX 10000

/* COLUMNS, which shells export only when told to, else the terminal's; 0: the default. */
static unsigned int width_of(FILE *out, bool terminal)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	uint64_t width;

	if (columns && parse_u64(columns, 1, WIDTH_MAX, &width) == 0)
		return (unsigned int)width;
	if (terminal)
		ioctl(fileno(out), TIOCGWINSZ, &size);
	return size.ws_col;
}

static struct render_options look_of(const struct reports *r, FILE *out)
{
	bool terminal = isatty(fileno(out));

	return (struct render_options){
		.width = width_of(out, terminal),
		.color = use_color(r->color, terminal),
		.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.stacks = r->stacks,
	};
}

/* A format that draws stacks has nothing to say about a trace without them. */
static bool lacks_stacks(const struct reports *r, const struct report *report,
			 const struct results *results)
{
	const char *missing = report->renderer->stacks && results
				      ? stack_paths_missing(results, r->stacks)
				      : NULL;

	if (missing)
		log_error("cannot export %s: %s", report->renderer->name, missing);
	return missing;
}

/* One of the two is given. */
static int write_one(struct reports *r, const struct report *report, const struct results *results,
		     const struct comparison *c)
{
	FILE *out = output_stream(report->output);
	struct render_options look = look_of(r, out);

	if (lacks_stacks(r, report, c ? c->a : results) || lacks_stacks(r, report, c ? c->b : NULL))
		return -ENODATA; /* said; the file is not put in place */
	return output_commit(report->output, c ? render_comparison(report->renderer, c, &look, out)
					       : render(report->renderer, results, &look, out));
}

static int write_all(struct reports *r, const struct results *results,
		     const struct comparison *comparison)
{
	int first = 0;

	for (size_t i = 0; i < r->n; i++) {
		int err = write_one(r, &r->list[i], results, comparison);

		if (!first)
			first = err;
	}
	return first;
}

int reports_write(struct reports *r, const struct results *results)
{
	return write_all(r, results, NULL);
}

int reports_write_comparison(struct reports *r, const struct comparison *comparison)
{
	return write_all(r, NULL, comparison);
}

void reports_free(struct reports *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		output_free(r->list[i].output);
	free(r->list);
	free(r);
}

bool reports_wanted(const struct reports *r, const struct options *o)
{
	return r->n > 0 || o->fail_if || o->min_parallelism > 0;
}

bool reports_pass(const struct options *o, const struct results *results)
{
	enum verdict_class class = results->verdict.class;
	double average = results->parallelism.average;

	if (!o->fail_if && !o->min_parallelism)
		return true;
	if (class == VERDICT_INCONCLUSIVE)
		log_error("the run falls short: the verdict is inconclusive");
	else if (o->fail_if & (1U << class))
		log_error("the run falls short: the verdict is %s", verdict_class_name(class));
	else if (o->min_parallelism && !(average >= o->min_parallelism))
		log_error("the run falls short: average parallelism %.2f is below %g", average,
			  o->min_parallelism);
	else
		return true;
	return false;
}
