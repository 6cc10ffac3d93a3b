/* SPDX-License-Identifier: MIT */
/*
 * Which words belong together. Words of one set are one thing beyond doubt (both halves of a
 * condition variable, two mappings of one shared word) or by the company they keep (a GIL's
 * condition variable and the one it forces switches with). A mutex keeps a set of its own and is
 * only attached to the condition variable it is used with: whether the two are one lock depends on
 * what the condition variable turns out to be.
 */
#ifndef ANALYSIS_LOCK_MERGE_H
#define ANALYSIS_LOCK_MERGE_H

#include "lock_words.h"

struct lock_merge {
	uint32_t *parent; /* by word: union-find, roots point to themselves */
	/* Entries may be LOCK_WORDS_NONE. */
	uint32_t *attached; /* by a mutex set's root: a word of the set it is used with */
	uint32_t *paired;   /* by word: the other half of its condition variable */
	/* What a set is taken for as a whole, by its root: */
	bool *baton; /* words that a baton goes over */
	bool *stack; /* words on waiters' stacks */
	size_t n;
};

/* 0 or -ENOMEM; release it in either case. */
int lock_merge_init(struct lock_merge *m, const struct lock_words *w);
void lock_merge_release(struct lock_merge *m);

/*
 * A thread made to let go of a GIL waits on a second condition variable until another has taken
 * over. Where no thread ever waits on both, this joins them: `competed`, by root word, says which
 * sets have threads that both wait and wake; it is kept up to date. The two condition variables of
 * a bounded queue, full and empty, have none and stay apart.
 */
void lock_merge_let_go(struct lock_merge *m, const struct lock_words *w, bool *competed);

/*
 * Join the words that a baton goes over (lock_baton.h): three threads or more that wait on words of
 * their own, or any in a Ruby, whose GVL is such a baton. 0 or -ENOMEM.
 */
int lock_merge_batons(struct lock_merge *m, const struct lock_words *w);

/* Make one set of those that `a` and `b` are in. */
void lock_merge_unite(struct lock_merge *m, uint32_t a, uint32_t b);

/* The word that stands for the set `word` is in. */
uint32_t lock_merge_root(const struct lock_merge *m, uint32_t word);

#endif
