/* SPDX-License-Identifier: MIT */
/*
 * Batons: each thread waits on a word of its own, and whoever runs wakes the next one and goes to
 * wait itself, so that never two run. Ruby's GVL is one; so are request and response. What is seen
 * here is added to the words; lock_merge joins words that a baton went over.
 */
#ifndef ANALYSIS_LOCK_BATON_H
#define ANALYSIS_LOCK_BATON_H

#include "lock_words.h"

struct lock_batons;

/* `words` must outlive it. NULL when out of memory. */
struct lock_batons *lock_batons_new(struct lock_words *words);
void lock_batons_free(struct lock_batons *b);

/* `t` leaves its CPU to wait on `word`, which may be LOCK_WORDS_NONE. */
void lock_batons_block(struct lock_batons *b, const struct thread *t, uint32_t word, uint64_t now);

/* A futex call of wake->waker ended a wait on `word`. */
void lock_batons_wake(struct lock_batons *b, const struct wake *wake, uint32_t word);

/* Tell of every change of state, before it happens and before lock_batons_block. */
void lock_batons_transition(struct lock_batons *b, const struct thread *t, enum state next,
			    uint64_t now);

#endif
