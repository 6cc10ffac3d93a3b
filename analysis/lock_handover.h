/* SPDX-License-Identifier: MIT */
/*
 * After a hand-over, do waker and wakee go on side by side? A bounded number of hand-overs is
 * watched for 5 ms each, and what was seen is added to the word the wakee had waited on. Only
 * hand-overs made while a CPU that the wakee may use was idle are given here: with no CPU to spare
 * nobody runs side by side, and that would prove nothing.
 */
#ifndef ANALYSIS_LOCK_HANDOVER_H
#define ANALYSIS_LOCK_HANDOVER_H

#include "lock_words.h"

struct lock_handovers;

/* `words` must outlive it. NULL when out of memory. */
struct lock_handovers *lock_handovers_new(struct lock_words *words);
void lock_handovers_free(struct lock_handovers *h);

/* `waker`, running, woke `wakee` that waited on `word`. Skipped where enough are being watched. */
void lock_handovers_open(struct lock_handovers *h, uint32_t word, const struct thread *waker,
			 const struct thread *wakee, uint64_t now);

/*
 * Tell of a thread's change of state, before it happens. Returns at once while nothing is watched.
 */
void lock_handovers_transition(struct lock_handovers *h, const struct thread *t, enum state next,
			       uint64_t now);

/* Close what is still open, at its own end or at `now`. */
void lock_handovers_finish(struct lock_handovers *h, uint64_t now);

#endif
