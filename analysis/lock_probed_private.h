/* SPDX-License-Identifier: MIT */
/* What lock_probed.c collects and lock_probed_join.c looks through. */
#ifndef ANALYSIS_LOCK_PROBED_PRIVATE_H
#define ANALYSIS_LOCK_PROBED_PRIVATE_H

#include "lib/map.h"
#include "lock_probed.h"

struct site {
	uint32_t interpreter, flags;
	bool gil;    /* named so by the program itself */
	uint64_t ts; /* 0: not told of */
};

/* How often a thread waited on a word while it asked for a lock. */
struct told {
	uint32_t as;
	uint64_t addr;
	uint32_t lock; /* index */
	uint64_t waits;
};

struct lock_probed {
	struct site sites[GT_LOCK_SITES_MAX + 1];
	struct map index; /* key_of() → index + 1 */
	struct lock_probed_lock *locks;
	uint32_t nlocks, room;
	enum gt_interpreter *interpreter_of; /* by lock, while it has no number */
	struct map as_index;
	struct map forked_from; /* address space → the one it is a copy of, a lower number */
	struct lock_interpreter *interpreters;
	uint32_t ninterpreters, interpreters_room;
	uint32_t *asks; /* index + 1 of the lock it asks for, by struct thread.index; 0: none */
	size_t nasks;
	struct map told_index;
	struct told *told;
	uint32_t ntold, told_room;
	uint32_t ngroups, total;
	uint32_t *by_number; /* index + 1, by lock number */
	uint64_t left_out;
	int err;
};

/* Of the maps; several may have one, and then the next free one. */
static inline uint64_t lock_probed_key(uint32_t as, uint64_t addr)
{
	return hash_pair(addr, as);
}

#endif
