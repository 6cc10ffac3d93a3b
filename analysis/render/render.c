/* SPDX-License-Identifier: MIT */
#include "render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"
#include "page.h"

static const struct renderer renderers[] = {
	{ "text", "the report for people: one screen, the verdict first", text_report,
	  text_comparison },
	{ "json", "everything, for programs (schema giltrace.report/1)", json_report,
	  json_comparison },
	{ "csv", "every table of the report, for spreadsheets", csv_report, NULL },
	{ "folded", "stacks, one a line with its nanoseconds, for flame graph programs",
	  folded_report, folded_comparison, true },
	{ "speedscope", "stacks for https://www.speedscope.app, of all threads and of each",
	  speedscope_report, NULL, true },
	{ "pprof", "stacks of every kind taken, for go tool pprof and its kin", pprof_report, NULL,
	  true },
	{ "flame", "a flame graph as one SVG file, to be opened in a browser", flame_report,
	  flame_comparison, true },
};

static const struct render_options defaults = { .width = RENDER_WIDTH_DEFAULT };

const struct renderer *render_at(size_t index)
{
	return index < sizeof(renderers) / sizeof(renderers[0]) ? &renderers[index] : NULL;
}

const struct renderer *render_find(const char *name)
{
	const struct renderer *r;

	for (size_t i = 0; (r = render_at(i)); i++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

/* A full disk may show only at the flush; errno is asked at once, so it is the failing call's. */
static int put(FILE *out, const char *text, size_t size)
{
	errno = 0;
	if (fwrite(text, 1, size, out) != size || fflush(out) != 0)
		return errno ? -errno : -EIO;
	return 0;
}

/*
 * Formats print into memory, so that half a report never reaches `out` when memory runs out, and
 * the only writes that can fail for another reason are those of put().
 */
static int finish(struct page *page, int err, FILE *out)
{
	int closed = page_close(page);

	if (!err)
		err = closed;
	if (!err)
		err = put(out, page->text, page->size);
	free(page->text);
	return err;
}

int render(const struct renderer *renderer, const struct results *r, const struct render_options *o,
	   FILE *out)
{
	struct page page;
	int err = page_open(&page);

	if (err)
		return err;
	return finish(&page, renderer->report(r, o ? o : &defaults, page.file), out);
}

int render_comparison(const struct renderer *renderer, const struct comparison *c,
		      const struct render_options *o, FILE *out)
{
	struct page page;
	int err = renderer->comparison ? page_open(&page) : -ENOTSUP;

	if (err)
		return err;
	return finish(&page, renderer->comparison(c, o ? o : &defaults, page.file), out);
}
