/* SPDX-License-Identifier: MIT */
#include "lib/nearest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 32

/* Edits (insert, delete, replace) that turn `a` into `b`; longer words are far from all. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX], la = strlen(a), lb = strlen(b);

	if (la >= WORD_MAX || lb >= WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

const char *nearest(const char *word, const char *(*name_at)(size_t index))
{
	const char *name, *best = NULL;
	size_t least = strlen(word) / 3 + 1; /* "jsno" is json, "x" is nothing */

	for (size_t i = 0; (name = name_at(i)); i++) {
		size_t d = distance(word, name);

		if (d <= least && (!best || d < distance(word, best)))
			best = name;
	}
	return best;
}
