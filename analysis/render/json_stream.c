/* SPDX-License-Identifier: MIT */
#include "json_stream.h"

#include <errno.h>
#include <string.h>

#include "json_value.h"

static void line(struct json_stream *s)
{
	fprintf(s->out, "\n%*s", (int)s->depth, "");
}

/* Where the next key or the next value of an array goes. */
static void next(struct json_stream *s)
{
	if (s->filled)
		fputc(',', s->out);
	line(s);
	s->filled = true;
}

void json_stream_open(struct json_stream *s, char bracket)
{
	fputc(bracket, s->out);
	s->depth++;
	s->filled = false;
}

void json_stream_close(struct json_stream *s, char bracket)
{
	s->depth--;
	if (s->filled)
		line(s);
	fputc(bracket, s->out);
	s->filled = true;
}

void json_stream_key(struct json_stream *s, const char *key)
{
	next(s);
	fprintf(s->out, "\"%s\": ", key);
}

/* A value's lines begin further right, the deeper it is. There are no newlines but theirs. */
static int print(const char *text, size_t n, void *data)
{
	struct json_stream *s = data;
	const char *end = text + n, *at;

	while ((at = memchr(text, '\n', (size_t)(end - text)))) {
		fwrite(text, 1, (size_t)(at - text), s->out);
		line(s);
		text = at + 1;
	}
	fwrite(text, 1, (size_t)(end - text), s->out);
	return 0;
}

void json_stream_value(struct json_stream *s, json_t *value)
{
	if (!value || json_dump_callback(value, print, s, JSON_VALUE_FLAGS | JSON_ENCODE_ANY) != 0)
		s->err = -ENOMEM;
	json_decref(value);
}

/* ---- rows ---- */

/* May a row be of any size? */
static bool is_deep(const struct table *table)
{
	bool deep = false;

	for (size_t i = 0; i < table->ncolumns && !deep; i++) {
		const struct column *c = &table->columns[i];

		deep = c->type == COLUMN_ROWS || (c->type == COLUMN_STRUCT && is_deep(c->of));
	}
	return deep;
}

static void deep_row(struct json_stream *s, const struct table *table, const void *row)
{
	json_stream_open(s, '{');
	json_stream_columns(s, table, row);
	json_stream_close(s, '}');
}

static void rows(struct json_stream *s, const struct column *c, const void *row)
{
	const char *first = column_items(c, row);
	bool deep = is_deep(c->of);

	json_stream_open(s, '[');
	for (size_t i = 0; i < column_count(c, row) && !s->err; i++) {
		next(s);
		if (deep)
			deep_row(s, c->of, first + i * c->of->size);
		else
			json_stream_value(s, json_value_row(c->of, first + i * c->of->size));
	}
	json_stream_close(s, ']');
}

void json_stream_columns(struct json_stream *s, const struct table *table, const void *row)
{
	for (size_t i = 0; i < table->ncolumns && !s->err; i++) {
		const struct column *c = &table->columns[i];

		if (!column_known(c, row))
			continue;
		json_stream_key(s, c->name);
		if (c->type == COLUMN_ROWS)
			rows(s, c, row);
		else if (c->type == COLUMN_STRUCT && is_deep(c->of))
			deep_row(s, c->of, column_at(c, row));
		else
			json_stream_value(s, json_value_column(c, row));
	}
}
