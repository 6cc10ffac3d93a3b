/* SPDX-License-Identifier: MIT */
/*
 * Tables of text from typed columns. A column that is 0 or unknown in every row is not shown, and
 * columns that do not fit are dropped from the right as a whole: half a number would be a wrong
 * number.
 */
#ifndef ANALYSIS_RENDER_TEXT_TABLE_H
#define ANALYSIS_RENDER_TEXT_TABLE_H

#include "canvas.h"

enum text_type {
	TEXT_NAME,   /* char * from a traced program, left-aligned; NULL: "?" */
	TEXT_OWN,    /* const char * of ours, left-aligned */
	TEXT_NUMBER, /* int32_t; 0 is shown as nothing */
	TEXT_U32,    /* uint32_t */
	TEXT_TIME,   /* uint64_t, ns */
	TEXT_POINT,  /* uint64_t, ns that do not add up: a percentile, a longest wait */
	TEXT_COUNT,  /* uint64_t */
	TEXT_SHARE,  /* double */
	TEXT_FACTOR, /* double */
};

struct text_column {
	const char *title; /* of the first column: none, the table's stands there */
	enum text_type type;
	size_t offset;
	unsigned int width;
	bool always; /* shown even when it is 0 in every row */
};

struct text_table {
	const struct text_column *columns;
	size_t ncolumns; /* at most 32 */
	size_t size;	 /* of a row */
};

/*
 * Put what rows after the first `max` sum up to in row `max`, and return how many rows are left.
 * What does not add up becomes unknown; the first column, a TEXT_NAME, becomes `label`, and other
 * names are empty.
 */
size_t text_table_shorten(const struct text_table *table, void *rows, size_t n, size_t max,
			  const char *label);

/* A line of column titles that begins with the table's own, then the rows. */
void text_table(struct canvas *c, const struct text_table *table, const char *title,
		const void *rows, size_t n);

#endif
