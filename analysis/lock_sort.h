/* SPDX-License-Identifier: MIT */
/*
 * What a set of words is, by evidence. The rules are one table in lock_sort.c, in the order in
 * which they are asked; docs/method.md gives what each was measured on.
 */
#ifndef ANALYSIS_LOCK_SORT_H
#define ANALYSIS_LOCK_SORT_H

#include "lock_merge.h"
#include "lock_find.h"

/* Evidence of every set, at the index of its root word; other entries stay zero. 0 or -ENOMEM. */
int lock_sort_evidence(struct lock_evidence *by_root, const struct lock_words *w,
		       const struct lock_merge *m);

/* Do at least two threads both wait and wake, with most hand-overs among such? */
bool lock_sort_symmetric(const struct lock_evidence *e);

/* Fill g->sort and g->rule from g->evidence and g->fingerprint. */
void lock_sort_group(struct lock_group *g);

/* "lock", "join", "queue", "barrier", "turn-taking", "unproven": events[].kind in the JSON. */
const char *lock_sort_name(enum lock_sort sort);

/*
 * Up to `max` lines that say how a group was recognised, for the caller to free. How many, or
 * -ENOMEM.
 */
int lock_sort_explain(const struct lock_group *g, char **lines, int max);

#endif
