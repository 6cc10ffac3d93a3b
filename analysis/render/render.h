/* SPDX-License-Identifier: MIT */
/*
 * Output formats. A renderer turns results into one format; it sees nothing but results, so what is
 * printed can be tested without a trace and what is computed knows nothing of how it will look. A
 * new format is one row of the table in render.c.
 */
#ifndef ANALYSIS_RENDER_H
#define ANALYSIS_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <analysis/compare.h>
#include <analysis/results.h>

#define RENDER_WIDTH_DEFAULT 100 /* columns, where the output is no terminal */

struct render_options {
	unsigned int width; /* columns of text output, 0: RENDER_WIDTH_DEFAULT */
	bool color;	    /* ANSI colours in text output */
	bool unicode;	    /* the reader's locale is UTF-8; otherwise text output is ASCII */
	enum stack_kind stacks; /* what formats that draw stacks weigh */
};

struct renderer {
	const char *name;	 /* as in --export NAME:FILE */
	const char *description; /* one line for --help */
	/* 0 or -errno. Prints into memory that render() provides and checks. */
	int (*report)(const struct results *r, const struct render_options *o, FILE *out);
	/* Two runs side by side; NULL where the format has no such thing. */
	int (*comparison)(const struct comparison *c, const struct render_options *o, FILE *out);
	bool stacks; /* draws stacks: needs a trace that has them, see stack_paths_missing() */
};

/* The renderer of that name, or NULL. */
const struct renderer *render_find(const char *name);

/* Row `index` of the table, or NULL after the last. */
const struct renderer *render_at(size_t index);

/*
 * Write a report to `out` and flush it. 0 or -errno: -ENOMEM, or what writing met (-ENOSPC, -EPIPE,
 * …); the caller says so, naming the file. `o` may be NULL for the defaults. `out` stays the
 * caller's and stays open.
 */
int render(const struct renderer *renderer, const struct results *r, const struct render_options *o,
	   FILE *out);

/* The same for a comparison; -ENOTSUP where the format has none. */
int render_comparison(const struct renderer *renderer, const struct comparison *c,
		      const struct render_options *o, FILE *out);

#endif
