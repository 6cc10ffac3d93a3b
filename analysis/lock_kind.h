/* SPDX-License-Identifier: MIT */
/*
 * Whose lock is it? A table of fingerprints: to teach giltrace another interpreter, add a row in
 * lock_kind.c.
 */
#ifndef ANALYSIS_LOCK_KIND_H
#define ANALYSIS_LOCK_KIND_H

#include "lock_find.h"
#include "lock_spaces.h"

enum lock_place_id {
	LOCK_PLACE_ANY,
	LOCK_PLACE_IMAGE, /* in the data of the interpreter's own file */
	LOCK_PLACE_HEAP,
};

struct lock_fingerprint {
	enum lock_kind_id kind;
	enum gt_interpreter interpreter; /* that the address space must have; NONE: any program */
	uint32_t major;			 /* and its major version; 0: any */
	const char *text;		 /* how the report says it */
	const char *name;		 /* of a lock that has no symbol and lies in no file */
	bool several; /* there may be more than one in a process: its address is told too */
	const char *symbol, *image; /* glob patterns; NULL: anything, also no name at all */
	enum lock_place_id place;
	bool condvar;	/* waits must look like a condition variable's: WAIT_BITSET */
	bool timed;	/* and some must have a timeout */
	bool untimed;	/* or none may */
	bool symmetric; /* and at least two threads must both wait and wake */
	bool ticks;	/* and hand over after OCaml's tick */
	bool baton;	/* each thread waits on words of its own: lock_baton.h */
	bool proves;	/* is a lock even with too few hand-overs to show it */
};

/* The first row that fits a group in that address space, or NULL. */
const struct lock_fingerprint *lock_kind_fingerprint(const struct lock_group *g,
						     const struct lock_spaces *spaces, uint32_t as);

/* Kind of a group already sorted: its fingerprint's, if any, else what its waits look like. */
enum lock_kind_id lock_kind_of(const struct lock_group *g, const struct lock_fingerprint *fp);

/* Of the global lock of an interpreter, which is not NONE: its kind, and what people call it. */
enum lock_kind_id lock_kind_global(enum gt_interpreter interpreter);
const char *lock_kind_global_name(enum gt_interpreter interpreter);

/* As in the JSON: "cpython-gil", … */
const char *lock_kind_name(enum lock_kind_id kind);

#endif
