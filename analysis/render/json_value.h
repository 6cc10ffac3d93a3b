/* SPDX-License-Identifier: MIT */
/*
 * Typed columns as JSON values, and the little that reports add to them by hand. What is unknown is
 * left out, which is no error; memory that ran out is.
 */
#ifndef ANALYSIS_RENDER_JSON_VALUE_H
#define ANALYSIS_RENDER_JSON_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "columns.h"

/* How everything is printed. Shares and factors: more digits than any measurement here has, few
 * enough to read. */
#define JSON_VALUE_FLAGS (JSON_INDENT(1) | JSON_REAL_PRECISION(9))

/* The value of a column that is known. NULL when out of memory. */
json_t *json_value_column(const struct column *c, const void *row);

/* The known columns of one row, in the table's order. NULL when out of memory. */
json_t *json_value_row(const struct table *table, const void *row);

/* Add them to an object. 0 or -ENOMEM. */
int json_value_columns(json_t *object, const struct table *table, const void *row);

/* Escaped text; NULL for NULL. */
json_t *json_value_text(const char *text);

/* Set and take `value`. 0, or -ENOMEM, also when `value` is NULL. */
int json_value_set(json_t *object, const char *key, json_t *value);

/* null beyond what JSON's readers take for an integer. */
json_t *json_value_integer(uint64_t value);

/* null when not finite. */
json_t *json_value_real(double value);

/* Print with a newline. 0 or -ENOMEM. */
int json_value_print(const json_t *value, FILE *out);

#endif
