/* SPDX-License-Identifier: MIT */
/*
 * The mappings of address spaces, remembered: a process may end between two questions, and reading
 * its maps holds up its page faults, so they are read no oftener than needed.
 */
#ifndef USER_SPACE_H
#define USER_SPACE_H

#include <stdint.h>
#include <sys/types.h>

#include "maps.h"
#include "symbols.h"

struct space {
	uint32_t as;
	pid_t pid; /* a task that has this address space; 0: none was found yet */
	struct maps maps;
	uint64_t read_at; /* CLOCK_MONOTONIC ns of the last try */
	uint64_t cost;	  /* ns that it took */
	uint64_t used;	  /* when, counted in calls; 0: free */
};

struct space_cache;

struct space_cache *space_cache_new(void); /* NULL: out of memory */

/*
 * Address space `as`, with maps recent enough to look up `addr`; those of before when `tgid` has
 * ended or become another program, which shows where `exec` is known; empty when there never were
 * any. Valid until the next call.
 */
const struct space *space_cache_get(struct space_cache *c, uint32_t as, pid_t tgid, uint64_t addr,
				    const struct symbols_exec *exec);

/*
 * Open the program's file as exec was told its name, if it still is that file: a descriptor, the
 * caller's to close, or -ENOENT. `exec` may be NULL.
 */
int space_open_program(const struct symbols_exec *exec);

void space_cache_free(struct space_cache *c); /* NULL ok */

#endif
