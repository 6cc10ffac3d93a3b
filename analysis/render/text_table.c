/* SPDX-License-Identifier: MIT */
#include "text_table.h"

#include <math.h>
#include <string.h>

#include "units.h"

#define NAME_SIZE 256

static const void *at(const struct text_column *column, const void *row)
{
	return (const char *)row + column->offset;
}

static bool is_left(const struct text_column *column)
{
	return column->type == TEXT_NAME || column->type == TEXT_OWN;
}

/* Something else than 0 or unknown? */
static bool says_something(const struct text_column *column, const void *row)
{
	const void *value = at(column, row);

	switch (column->type) {
	case TEXT_NAME:
	case TEXT_OWN:
		return true;
	case TEXT_NUMBER:
	case TEXT_U32:
		return *(const uint32_t *)value != 0;
	case TEXT_TIME:
	case TEXT_POINT:
	case TEXT_COUNT:
		return *(const uint64_t *)value != 0 && *(const uint64_t *)value != RESULT_UNKNOWN;
	case TEXT_SHARE:
	case TEXT_FACTOR:
		return *(const double *)value > 0;
	}
	return false;
}

static const char *cell_text(const struct canvas *c, const struct text_column *column,
			     const void *row, char *text, size_t size)
{
	const void *value = at(column, row);
	struct units u = { "" };

	switch (column->type) {
	case TEXT_NAME:
		return canvas_name(c, *(const char *const *)value, text, size);
	case TEXT_OWN:
		return *(const char *const *)value;
	case TEXT_NUMBER:
		if (*(const int32_t *)value)
			snprintf(u.text, sizeof(u.text), "%d", *(const int32_t *)value);
		break;
	case TEXT_U32:
		u = units_count(*(const uint32_t *)value);
		break;
	case TEXT_TIME:
	case TEXT_POINT:
		u = units_time(*(const uint64_t *)value, c->unicode);
		break;
	case TEXT_COUNT:
		u = units_count(*(const uint64_t *)value);
		break;
	case TEXT_SHARE:
		u = units_share(*(const double *)value);
		break;
	case TEXT_FACTOR:
		u = units_factor(*(const double *)value);
		break;
	}
	snprintf(text, size, "%s", u.text);
	return text;
}

static void cell(struct canvas *c, const struct text_column *column, const char *text)
{
	canvas_pad(c, c->column + 2);
	canvas_field(c, text, is_left(column) ? (int)column->width : -(int)column->width);
}

/* Unknown and anything make unknown. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == RESULT_UNKNOWN || b == RESULT_UNKNOWN ? RESULT_UNKNOWN : a + b;
}

static void add(const struct text_column *column, char *into, const char *row)
{
	void *to = into + column->offset;

	switch (column->type) {
	case TEXT_NAME:
	case TEXT_OWN:
		*(const char **)to = "";
		break;
	case TEXT_NUMBER:
		*(int32_t *)to = 0;
		break;
	case TEXT_U32:
		*(uint32_t *)to += *(const uint32_t *)at(column, row);
		break;
	case TEXT_TIME:
	case TEXT_COUNT:
		*(uint64_t *)to = sum(*(uint64_t *)to, *(const uint64_t *)at(column, row));
		break;
	case TEXT_POINT:
		*(uint64_t *)to = RESULT_UNKNOWN;
		break;
	case TEXT_SHARE:
	case TEXT_FACTOR:
		*(double *)to = -1;
		break;
	}
}

size_t text_table_shorten(const struct text_table *table, void *rows, size_t n, size_t max,
			  const char *label)
{
	char *into = (char *)rows + max * table->size;

	if (n <= max + 1)
		return n;
	for (size_t i = max + 1; i < n; i++)
		for (size_t k = 0; k < table->ncolumns; k++)
			add(&table->columns[k], into, (char *)rows + i * table->size);
	*(const char **)(into + table->columns[0].offset) = label;
	return max + 1;
}

/* Columns to show, as bits by index: those that say something, as long as they fit. */
static uint32_t choose(const struct canvas *c, const struct text_table *table, const void *rows,
		       size_t n)
{
	unsigned int taken = 0;
	uint32_t chosen = 0;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < table->ncolumns; i++) {
		const struct text_column *column = &table->columns[i];
		bool wanted = column->always;

		for (size_t k = 0; k < n && !wanted; k++)
			wanted = says_something(column, (const char *)rows + k * table->size);
		if (!wanted)
			continue;
		taken += 2 + column->width;
		if (taken > c->width)
			break;
		chosen |= 1u << i;
	}
	return chosen;
}

static void titles(struct canvas *c, const struct text_table *table, const char *title,
		   uint32_t chosen)
{
	canvas_style(c, CANVAS_TITLE);
	canvas_field(c, title, 2 + table->columns[0].width);
	canvas_style(c, CANVAS_FAINT);
	for (size_t i = 1; i < table->ncolumns; i++)
		if (chosen & 1u << i)
			cell(c, &table->columns[i], table->columns[i].title);
	canvas_end(c);
}

void text_table(struct canvas *c, const struct text_table *table, const char *title,
		const void *rows, size_t n)
{
	uint32_t chosen = choose(c, table, rows, n);
	char text[NAME_SIZE];

	titles(c, table, title, chosen);
	for (size_t k = 0; k < n; k++) {
		const char *row = (const char *)rows + k * table->size;

		for (size_t i = 0; i < table->ncolumns; i++)
			if (chosen & 1u << i)
				cell(c, &table->columns[i],
				     cell_text(c, &table->columns[i], row, text, sizeof(text)));
		canvas_end(c);
	}
}
