/* SPDX-License-Identifier: MIT */
/* From collected words to named, sorted groups, and from a word back to its group. */
#ifndef ANALYSIS_LOCK_TABLE_H
#define ANALYSIS_LOCK_TABLE_H

#include "lock_find.h"
#include "lock_words.h"

/* NULL when out of memory. */
struct lock_table *lock_table_new(const struct lock_words *words);

/* Join with what probes told, which the table owns from now on, even on failure. 0 or -ENOMEM. */
int lock_table_probe(struct lock_table *t, struct lock_probed *probed);

#endif
