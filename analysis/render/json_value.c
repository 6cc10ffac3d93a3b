/* SPDX-License-Identifier: MIT */
#include "json_value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <analysis/results.h>

json_t *json_value_text(const char *text)
{
	char *printable = columns_printable(text);
	json_t *value = printable ? json_string(printable) : NULL;

	free(printable);
	return value;
}

json_t *json_value_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* Values of a list have their place, unknown or not. */
json_t *json_value_integer(uint64_t value)
{
	return value <= INT64_MAX ? json_integer((json_int_t)value) : json_null();
}

int json_value_set(json_t *object, const char *key, json_t *value)
{
	return value && json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

/* ---- lists ---- */

static json_t *item_id(const void *items, size_t i)
{
	return json_integer(((const uint32_t *)items)[i]);
}

static json_t *item_time(const void *items, size_t i)
{
	return json_value_integer(((const uint64_t *)items)[i]);
}

static json_t *item_text(const void *items, size_t i)
{
	return json_value_text(((const char *const *)items)[i]);
}

static json_t *list(const struct column *c, const void *row,
		    json_t *(*item)(const void *items, size_t i))
{
	const void *items = column_items(c, row);
	json_t *array = json_array();

	for (size_t i = 0; array && i < column_count(c, row); i++) {
		if (json_array_append_new(array, item(items, i)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *rows(const struct column *c, const void *row)
{
	const char *first = column_items(c, row);
	json_t *array = json_array();

	for (size_t i = 0; array && i < column_count(c, row); i++) {
		if (json_array_append_new(array, json_value_row(c->of, first + i * c->of->size)) !=
		    0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* ---- columns ---- */

json_t *json_value_column(const struct column *c, const void *row)
{
	const void *at = column_at(c, row);
	uint32_t id;

	switch (c->type) {
	case COLUMN_U32:
	case COLUMN_ID:
		return json_integer(*(const uint32_t *)at);
	case COLUMN_I32:
		return json_integer(*(const int32_t *)at);
	case COLUMN_U64:
	case COLUMN_SUM:
		return json_value_integer(*(const uint64_t *)at);
	case COLUMN_REAL:
		return json_value_real(*(const double *)at);
	case COLUMN_QUOTA:
		return *(const double *)at > 0 ? json_value_real(*(const double *)at) : json_null();
	case COLUMN_GIL:
		return json_boolean(columns_gil(at));
	case COLUMN_BOOL:
		return json_boolean(*(const bool *)at);
	case COLUMN_HEX:
		return hex(*(const uint64_t *)at);
	case COLUMN_TEXT:
		return json_value_text(*(const char *const *)at);
	case COLUMN_CLASS:
	case COLUMN_KIND:
	case COLUMN_SORT:
	case COLUMN_INTERPRETER:
		return json_string(column_name(c, row));
	case COLUMN_LOCK:
		id = *(const uint32_t *)at;
		return id ? json_integer(id) : json_null();
	case COLUMN_WAKER:
		id = *(const uint32_t *)at;
		return id ? json_integer(id) : json_string("timer");
	case COLUMN_IDS:
		return list(c, row, item_id);
	case COLUMN_TIMES:
		return list(c, row, item_time);
	case COLUMN_TEXTS:
		return list(c, row, item_text);
	case COLUMN_STRUCT:
		return json_value_row(c->of, at);
	case COLUMN_WORDS:
	case COLUMN_ROWS:
		return rows(c, row);
	}
	return NULL;
}

int json_value_columns(json_t *object, const struct table *table, const void *row)
{
	for (size_t i = 0; i < table->ncolumns; i++) {
		const struct column *c = &table->columns[i];
		int err = column_known(c, row) ? json_value_set(object, c->name, json_value_column(c, row)) : 0;

		if (err)
			return err;
	}
	return 0;
}

json_t *json_value_row(const struct table *table, const void *row)
{
	json_t *object = json_object();

	if (object && json_value_columns(object, table, row) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

int json_value_print(const json_t *value, FILE *out)
{
	if (json_dumpf(value, out, JSON_VALUE_FLAGS) != 0)
		return -ENOMEM;
	return fputc('\n', out) == EOF ? -ENOMEM : 0;
}
