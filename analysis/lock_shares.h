/* SPDX-License-Identifier: MIT */
/*
 * How much of the serialized time each lock explains: the time with a waiter on it, of the whole
 * run and of each process. A lock may be waited for by several processes, which are serialized at
 * different times.
 */
#ifndef ANALYSIS_LOCK_SHARES_H
#define ANALYSIS_LOCK_SHARES_H

#include "pairs.h"
#include "parallelism.h"

struct lock_share {
	uint32_t waiters;    /* now */
	uint64_t serialized; /* ns */
	uint64_t since;	     /* on the serialized clock, while waiters > 0 */
};

struct lock_shares {
	const struct parallelism *parallelism; /* NULL: all times stay 0 */
	struct lock_share *whole;	       /* of the whole run, by group */
	struct lock_share *own;		       /* of processes */
	struct pairs ids;		       /* group, process.index → index of own */
	uint32_t ngroups, n, room;
};

/* For so many groups. 0 or -ENOMEM. */
int lock_shares_init(struct lock_shares *s, uint32_t ngroups, const struct parallelism *p);

/* One more waiter, or one less. -ENOMEM, or -ENOSPC beyond a fixed number of pairs. */
int lock_shares_enter(struct lock_shares *s, uint32_t group, const struct process *process,
		      uint64_t now);
void lock_shares_leave(struct lock_shares *s, uint32_t group, const struct process *process,
		       uint64_t now);

/* Serialized time of the scope (NULL: the whole run) with a waiter of it on the group, ns. */
uint64_t lock_shares_get(const struct lock_shares *s, uint32_t group,
			 const struct process *process);

/* What it owns, not the struct. */
void lock_shares_release(struct lock_shares *s);

#endif
