/* SPDX-License-Identifier: MIT */
/*
 * First pass: what the recorder's probes speak of. A lock of probes is an address in an address
 * space, or, where a probe cannot tell the address, the address space's one lock of the
 * interpreter's kind. Joined with the lock table, each is a group of futex words or, when nobody
 * ever waited for it, a lock of its own.
 */
#ifndef ANALYSIS_LOCK_PROBED_H
#define ANALYSIS_LOCK_PROBED_H

#include "model.h"
#include "lock_find.h"

struct lock_probed;

/* What an address space's program interprets with; strings are owned by the struct lock_probed. */
struct lock_interpreter {
	uint32_t as;
	enum gt_interpreter kind;
	uint32_t flags;	    /* enum gt_interpreter_flag */
	char *name, *image; /* NULL: unknown */
	/* Its lock was probed, and yet its holds are inferred. Why: text, or NULL. */
	const char *inferred;
};

/* A lock that is known by probes. */
struct lock_probed_lock {
	uint32_t as, process; /* of whom the first record was */
	uint64_t addr;	      /* 0: not told */
	uint32_t lock;	      /* number, behind the table's groups when nobody waited for it */
	enum lock_kind_id kind;
	uint64_t began; /* when its first probe was set */
	bool usdt;
	char *name, *image; /* of its address; NULL: unknown */
};

struct lock_probed *lock_probed_new(void);
void lock_probed_free(struct lock_probed *p);

/* Any record of a trace, in order; `m` tells tasks. */
void lock_probed_record(struct lock_probed *p, const struct model *m, const struct gt_event *ev);

/* A thread blocks on a futex, which its `wait` names. */
void lock_probed_wait(struct lock_probed *p, const struct thread *t);

/* All records were seen: find each lock's number. 0 or -ENOMEM. */
int lock_probed_join(struct lock_probed *p, const struct lock_table *table);

/* Second pass: the lock a GT_LOCK record is about, or NULL: left to be inferred. */
const struct lock_probed_lock *lock_probed_find(const struct lock_probed *p, uint32_t as,
						const struct gt_event *ev);

/* How many locks there are: the table's groups, and those behind them. */
uint32_t lock_probed_nlocks(const struct lock_probed *p);

/* By number; NULL when it is not known by probes. */
const struct lock_probed_lock *lock_probed_at(const struct lock_probed *p, uint32_t lock);

/* The interpreter of an address space, or NULL. */
const struct lock_interpreter *lock_probed_interpreter(const struct lock_probed *p, uint32_t as);

/* The same, or that of the address space it was forked from: a child may end before it is looked at.
 */
const struct lock_interpreter *lock_probed_inherited(const struct lock_probed *p, uint32_t as);

/* Records that were left out because there was no room, or because they name no known task or role.
 */
uint64_t lock_probed_left_out(const struct lock_probed *p);

#endif
