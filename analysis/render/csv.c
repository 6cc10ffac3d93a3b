/* SPDX-License-Identifier: MIT */
/*
 * Every table of the report for spreadsheets: a line "# NAME", a line of column names, the rows, an
 * empty line. Quoting is that of RFC 4180, lines end in a newline for the sake of Unix tools.
 * Structs inside a row become columns OUTER_INNER, lists one cell with spaces between; what is
 * unknown is an empty cell.
 */
#include "formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "page.h"

struct sheet {
	FILE *out;
	bool started; /* a cell of this line has been written */
	int err;
};

static void separate(struct sheet *s)
{
	if (s->started)
		fputc(',', s->out);
	s->started = true;
}

static void end_line(struct sheet *s)
{
	fputc('\n', s->out);
	s->started = false;
}

/*
 * A cell that begins like a formula would be evaluated by a spreadsheet, and a thread may call
 * itself
 * "=cmd|…": an apostrophe makes it text.
 */
static void put_text(struct sheet *s, const char *text)
{
	fputc('"', s->out);
	if (*text && strchr("=+-@", *text))
		fputc('\'', s->out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', s->out);
		fputc(*text, s->out);
	}
	fputc('"', s->out);
}

static void put_foreign(struct sheet *s, const char *text)
{
	char *printable = columns_printable(text);

	if (printable)
		put_text(s, printable);
	else
		s->err = -ENOMEM;
	free(printable);
}

static void put_time(struct sheet *s, uint64_t value)
{
	if (value <= INT64_MAX)
		fprintf(s->out, "%" PRIu64, value);
}

/* ---- lists in one cell ---- */

static void put_ids(struct sheet *s, const uint32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(s->out, "%s%" PRIu32, i ? " " : "", ids[i]);
}

static void put_times(struct sheet *s, const uint64_t *times, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs(i ? " " : "", s->out);
		put_time(s, times[i]);
	}
}

static void put_words(struct sheet *s, const struct lock_word *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(s->out, "%s0x%" PRIx64, i ? " " : "", words[i].addr);
}

static void put_texts(struct sheet *s, const char *const *texts, size_t n)
{
	struct page page;

	if (page_open(&page)) {
		s->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(page.file, "%s%s", i ? "; " : "", texts[i] ? texts[i] : "");
	if (page_close(&page))
		s->err = -ENOMEM;
	else
		put_foreign(s, page.text);
	free(page.text);
}

static void put_list(struct sheet *s, const struct column *c, const void *row)
{
	const void *items = column_items(c, row);
	size_t n = column_count(c, row);

	if (c->type == COLUMN_IDS)
		put_ids(s, items, n);
	else if (c->type == COLUMN_TIMES)
		put_times(s, items, n);
	else if (c->type == COLUMN_WORDS)
		put_words(s, items, n);
	else if (c->type == COLUMN_TEXTS)
		put_texts(s, items, n);
}

/* ---- cells ---- */

static void put_value(struct sheet *s, const struct column *c, const void *row)
{
	const void *at = column_at(c, row);

	switch (c->type) {
	case COLUMN_U32:
	case COLUMN_ID:
		fprintf(s->out, "%" PRIu32, *(const uint32_t *)at);
		break;
	case COLUMN_LOCK:
		put_ids(s, at, *(const uint32_t *)at ? 1 : 0);
		break;
	case COLUMN_WAKER:
		if (*(const uint32_t *)at)
			put_ids(s, at, 1);
		else
			put_text(s, "timer");
		break;
	case COLUMN_I32:
		fprintf(s->out, "%" PRId32, *(const int32_t *)at);
		break;
	case COLUMN_U64:
	case COLUMN_SUM:
		put_time(s, *(const uint64_t *)at);
		break;
	case COLUMN_REAL:
	case COLUMN_QUOTA:
		fprintf(s->out, "%.9g", *(const double *)at);
		break;
	case COLUMN_GIL:
		fputs(columns_gil(at) ? "true" : "false", s->out);
		break;
	case COLUMN_BOOL:
		fputs(*(const bool *)at ? "true" : "false", s->out);
		break;
	case COLUMN_HEX:
		fprintf(s->out, "0x%" PRIx64, *(const uint64_t *)at);
		break;
	case COLUMN_TEXT:
		put_foreign(s, *(const char *const *)at);
		break;
	case COLUMN_CLASS:
	case COLUMN_KIND:
	case COLUMN_SORT:
	case COLUMN_INTERPRETER:
		put_text(s, column_name(c, row));
		break;
	default:
		put_list(s, c, row);
		break;
	}
}

static void put_titles(struct sheet *s, const struct table *table, const char *outer)
{
	for (size_t i = 0; i < table->ncolumns; i++) {
		const struct column *c = &table->columns[i];

		if (c->type == COLUMN_ROWS)
			continue;
		if (c->type == COLUMN_STRUCT) {
			put_titles(s, c->of, c->name);
			continue;
		}
		separate(s);
		fprintf(s->out, "%s%s%s", outer, *outer ? "_" : "", c->name);
	}
}

/* `known` false: a struct that is left out still has its cells, empty. */
static void put_row(struct sheet *s, const struct table *table, const void *row, bool known)
{
	for (size_t i = 0; i < table->ncolumns; i++) {
		const struct column *c = &table->columns[i];
		bool here = known && column_known(c, row);

		if (c->type == COLUMN_ROWS)
			continue;
		if (c->type == COLUMN_STRUCT) {
			put_row(s, c->of, column_at(c, row), here);
			continue;
		}
		separate(s);
		if (here)
			put_value(s, c, row);
	}
}

/* ---- tables ---- */

static void put_table(struct sheet *s, const char *name, const struct table *table,
		      const void *first, size_t n)
{
	fprintf(s->out, "# %s\n", name);
	put_titles(s, table, "");
	end_line(s);
	for (size_t i = 0; i < n; i++) {
		put_row(s, table, (const char *)first + i * table->size, true);
		end_line(s);
	}
	end_line(s);
}

/* Rows of the rows of `outer`, all in one table, each led by its owner's id. */
static void put_inner(struct sheet *s, const struct column *outer, const struct column *inner,
		      const void *results)
{
	const char *owner = column_items(outer, results);
	size_t owners = column_count(outer, results);
	const struct table *of = outer->of;

	fprintf(s->out, "# %s_%s\n", outer->name, inner->name);
	separate(s);
	fprintf(s->out, "%.*s", (int)strlen(outer->name) - 1, outer->name);
	put_titles(s, inner->of, "");
	end_line(s);
	for (; owners--; owner += of->size) {
		const char *row = column_items(inner, owner);

		for (size_t n = column_count(inner, owner); n--; row += inner->of->size) {
			separate(s);
			put_value(s, &of->columns[0], owner);
			put_row(s, inner->of, row, true);
			end_line(s);
		}
	}
	end_line(s);
}

static void put_column(struct sheet *s, const struct column *c, const struct results *r)
{
	if (c->type == COLUMN_STRUCT) {
		put_table(s, c->name, c->of, column_at(c, r), 1);
		return;
	}
	put_table(s, c->name, c->of, column_items(c, r), column_count(c, r));
	for (size_t i = 0; i < c->of->ncolumns; i++)
		if (c->of->columns[i].type == COLUMN_ROWS)
			put_inner(s, c, &c->of->columns[i], r);
}

static void put_histogram(struct sheet *s, const struct result_parallelism *p)
{
	fputs("# histogram\nrunning,time\n", s->out);
	for (size_t i = 0; i < p->nhistogram; i++) {
		fprintf(s->out, "%zu,", i);
		put_time(s, p->histogram[i]);
		end_line(s);
	}
	end_line(s);
}

int csv_report(const struct results *r, const struct render_options *o, FILE *out)
{
	struct sheet s = { .out = out };

	put_table(&s, "verdict", &columns_verdict, &r->verdict, 1);
	for (size_t i = 0; i < columns_results.ncolumns; i++)
		if (column_known(&columns_results.columns[i], r))
			put_column(&s, &columns_results.columns[i], r);
	put_histogram(&s, &r->parallelism);
	return s.err;
}
