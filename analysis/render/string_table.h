/* SPDX-License-Identifier: MIT */
/* Numbers for strings, for formats that list each once: 0, 1, 2 … in order of first use. */
#ifndef ANALYSIS_RENDER_STRING_TABLE_H
#define ANALYSIS_RENDER_STRING_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is an empty table. */
struct string_table {
	char **list; /* printable copies, by number */
	size_t n, cap;
	void *tree;
};

/* Its number, or -ENOMEM. NULL counts as "". The text itself must outlive the table. */
int64_t string_table_index(struct string_table *t, const char *text);

void string_table_free(struct string_table *t);

#endif
