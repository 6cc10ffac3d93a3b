/* SPDX-License-Identifier: MIT */
/* From collected words to named, sorted groups, and from a word back to its group. */
#ifndef ANALYSIS_LOCK_TABLE_H
#define ANALYSIS_LOCK_TABLE_H

#include "lock_find.h"
#include "lock_words.h"

/* NULL when out of memory. */
struct lock_table *lock_table_new(const struct lock_words *words);

#endif
