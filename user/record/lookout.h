/* SPDX-License-Identifier: MIT */
/*
 * Which address spaces the traced tasks have, whose they are, and when to look into each again for
 * what it has mapped meanwhile: often while it is young, once a second later on.
 */
#ifndef USER_LOOKOUT_H
#define USER_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <giltrace/wire.h>

#include "user/helper/symbols.h"

struct lookout;

struct lookout_space {
	uint32_t as;
	pid_t tgid;		  /* the process that it was made for */
	struct symbols_exec exec; /* path NULL: not known */
	/* When to look next: lookout.c's own. */
	uint64_t due;
	uint32_t step; /* how often it was looked into, up to the longest pause */
	bool queued, left;
	struct lookout_space *next, *prev;
};

/* `cwd` is what paths of execve are relative to, as far as known; may be NULL. NULL: out of memory.
 */
struct lookout *lookout_new(const char *cwd);

/*
 * Task `task` of process `tgid` lives in address space `as` from now on (`now`, ns), by `exec`
 * where that is not NULL: the program that it ran before is then no longer looked into.
 */
void lookout_task(struct lookout *l, uint32_t task, uint32_t as, pid_t tgid,
		  const struct gt_wire_exec *exec, uint64_t now);

/* Is there one so young that looking soon again is worth it? */
bool lookout_young(const struct lookout *l);

/* Has its process gone on to another program? What is mapped there now is that one's. */
bool lookout_left(const struct lookout *l, uint32_t as);

/* The address space of `task`, or NULL. */
const struct lookout_space *lookout_of_task(const struct lookout *l, uint32_t task);

/* Look into `s`. 0: done; -EAGAIN: not now, nor any other; otherwise never again. */
typedef int (*lookout_look)(void *ctx, const struct lookout_space *s);

/* Look into those whose time has come, the youngest first, but not too many at once. */
void lookout_round(struct lookout *l, uint64_t now, lookout_look look, void *ctx);

void lookout_free(struct lookout *l); /* NULL ok */

#endif
