/* SPDX-License-Identifier: MIT */
/* To describe a table in a row for each column; for the files that do so. */
#ifndef ANALYSIS_RENDER_COLUMNS_TABLES_H
#define ANALYSIS_RENDER_COLUMNS_TABLES_H

#include "columns.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(name, type, columns) \
	const struct table name = { sizeof(type), columns, COUNT(columns) }
#define AT(field) offsetof(ROW, field)
#define MANY(field) offsetof(ROW, field), offsetof(ROW, n##field)

extern const struct table columns_locks, columns_events;

#endif
