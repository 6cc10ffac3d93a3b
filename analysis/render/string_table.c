/* SPDX-License-Identifier: MIT */
#include "string_table.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"

struct string {
	const char *text;
	int64_t index;
};

static int string_cmp(const void *a, const void *b)
{
	return strcmp(((const struct string *)a)->text, ((const struct string *)b)->text);
}

static int append(struct string_table *t, const char *text)
{
	size_t cap = t->cap ? t->cap * 2 : 256;
	char **bigger;

	if (t->n == t->cap) {
		bigger = realloc(t->list, cap * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		t->list = bigger;
		t->cap = cap;
	}
	t->list[t->n] = columns_printable(text);
	if (!t->list[t->n])
		return -ENOMEM;
	t->n++;
	return 0;
}

int64_t string_table_index(struct string_table *t, const char *text)
{
	struct string key = { text ? text : "", (int64_t)t->n };
	struct string *fresh, **found = tfind(&key, &t->tree, string_cmp);

	if (found)
		return (*found)->index;
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	*fresh = key;
	if (!tsearch(fresh, &t->tree, string_cmp)) {
		free(fresh);
		return -ENOMEM;
	}
	return append(t, key.text) ? -ENOMEM : fresh->index;
}

void string_table_free(struct string_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i]);
	free(t->list);
	tdestroy(t->tree, free);
	*t = (struct string_table){ 0 };
}
