/* SPDX-License-Identifier: MIT */
/*
 * What interprets in each address space: told by GT_INTERPRETER records, or, in traces without
 * such, derived from what the program and the files its words lie in are called.
 */
#ifndef ANALYSIS_LOCK_SPACES_H
#define ANALYSIS_LOCK_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#include "../lib/map.h"

struct lock_space {
	uint32_t as;
	enum gt_interpreter kind;
	uint32_t version; /* as in the record; 0: unknown */
	uint32_t flags;	  /* enum gt_interpreter_flag */
	char *image;	  /* path of the file it lies in; NULL: unknown */
	bool told;	  /* by a record */
};

/* A zeroed struct holds nothing. */
struct lock_spaces {
	struct lock_space *spaces;
	size_t n, room;
	struct map index; /* by address space and kind */
};

void lock_spaces_release(struct lock_spaces *s);

/* A GT_INTERPRETER record; the last one about an interpreter in an address space counts. */
void lock_spaces_told(struct lock_spaces *s, const struct gt_event *ev);

/*
 * In `as` runs the program `path`, or a word lies in that file: note the interpreter that is called
 * so, unless a record told of it. NULL and unknown names are ignored.
 */
void lock_spaces_seen(struct lock_spaces *s, uint32_t as, const char *path);

/* The interpreter of that kind in that address space, or NULL. */
const struct lock_space *lock_spaces_find(const struct lock_spaces *s, uint32_t as,
					  enum gt_interpreter kind);

/* Is `path` the interpreter's own file: the one a record told of, or one that is called so? */
bool lock_spaces_is_image(const struct lock_space *space, const char *path);

#endif
