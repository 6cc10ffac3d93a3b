/* SPDX-License-Identifier: MIT */
#ifndef LIB_NEAREST_H
#define LIB_NEAREST_H

#include <stddef.h>

/*
 * Of the names that `name_at` gives for 0, 1, 2 … up to the first NULL, the one that a mistyped
 * `word` was meant to be, or NULL when none is near enough to suggest.
 */
const char *nearest(const char *word, const char *(*name_at)(size_t index));

#endif
