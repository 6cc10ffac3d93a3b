/* SPDX-License-Identifier: MIT */
/*
 * The report as typed columns: what json and csv print is described once, in columns.c, and a new
 * column is one row there. Names are the keys of schema giltrace.report/1.
 */
#ifndef ANALYSIS_RENDER_COLUMNS_H
#define ANALYSIS_RENDER_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include <analysis/results.h>

enum column_type {
	COLUMN_U32,
	COLUMN_I32,
	COLUMN_U64,   /* RESULT_UNKNOWN is left out */
	COLUMN_SUM,   /* uint64_t; 0 is left out: never summed up */
	COLUMN_REAL,  /* double; negative or not finite is left out */
	COLUMN_QUOTA, /* double; 0 is null: there is none */
	COLUMN_BOOL,
	COLUMN_HEX,    /* uint64_t, printed as 0x… since JSON numbers lose bits beyond 2^53 */
	COLUMN_TEXT,   /* char *, from the traced programs: escaped; NULL is left out */
	COLUMN_CLASS,  /* enum verdict_class, printed as its name; likewise: */
	COLUMN_KIND,   /* enum lock_kind_id */
	COLUMN_SORT,   /* enum lock_sort */
	COLUMN_INTERPRETER, /* enum gt_interpreter */
	COLUMN_GIL,    /* uint32_t, enum gt_interpreter_flag: a truth, does it run under a lock? */
	COLUMN_ID,     /* uint32_t; 0 is left out */
	COLUMN_LOCK,   /* uint32_t, an id; 0 is null: there is none */
	COLUMN_WAKER,  /* uint32_t; 0 is "timer" */
	COLUMN_IDS,    /* uint32_t *, count at `count` */
	COLUMN_TIMES,  /* uint64_t *, count at `count` */
	COLUMN_TEXTS,  /* char **, count at `count` */
	COLUMN_WORDS,  /* struct lock_word *, count at `count`; csv: their addresses */
	COLUMN_STRUCT, /* a struct inside this one, described by `of` */
	COLUMN_ROWS,   /* array of structs described by `of`, count at `count`; csv: a table of its
			* own, where rows of rows name their owner by its first column, an id */
};

struct table;

struct column {
	const char *name;
	enum column_type type;
	size_t offset, count;
	const struct table *of;
	bool (*known)(const void *row); /* further condition; NULL: none */
};

struct table {
	size_t size; /* of one row */
	const struct column *columns;
	size_t ncolumns;
};

/* Of struct results: what is in the report under the same name, in the report's order. */
extern const struct table columns_results;

/* Of the structs inside. */
extern const struct table columns_verdict, columns_parallelism, columns_losses, columns_audit,
	columns_stack_sum;

/* Of struct gt_meta. */
extern const struct table columns_machine, columns_overhead, columns_stack_counts;

const char *columns_sort_name(enum lock_sort sort);
const char *columns_class_name(enum verdict_class class); /* never NULL */
const char *columns_interpreter_name(enum gt_interpreter kind);

/* A whole printable copy, the caller's to free; NULL when out of memory. */
char *columns_printable(const char *text);

static inline const void *column_at(const struct column *c, const void *row)
{
	return (const char *)row + c->offset;
}

/* Lists and rows: how many, and the first (NULL when there are none). */
static inline size_t column_count(const struct column *c, const void *row)
{
	return *(const size_t *)((const char *)row + c->count);
}

static inline const void *column_items(const struct column *c, const void *row)
{
	return *(const void *const *)column_at(c, row);
}

/* Of COLUMN_GIL. */
static inline bool columns_gil(const void *flags)
{
	return !(*(const uint32_t *)flags & GT_INTERPRETER_NO_GIL);
}

/* Is there a value in this row? The rules are those of enum column_type. */
bool column_known(const struct column *c, const void *row);

/* Of COLUMN_CLASS, COLUMN_KIND, COLUMN_SORT and COLUMN_INTERPRETER. */
const char *column_name(const struct column *c, const void *row);

#endif
