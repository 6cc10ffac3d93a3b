/* SPDX-License-Identifier: MIT */
/*
 * Whose lock is it? A table of fingerprints: to teach giltrace another interpreter, add a row in
 * lock_kind.c.
 */
#ifndef ANALYSIS_LOCK_KIND_H
#define ANALYSIS_LOCK_KIND_H

#include "lock_find.h"

struct lock_fingerprint {
	enum lock_kind_id kind;
	const char *text;   /* how the report says it */
	const char *symbol; /* glob patterns; NULL: anything, also no name at all */
	const char *image;
	const char *exe; /* of the process that waited first */
	bool condvar;	 /* waits must look like a condition variable's: WAIT_BITSET */
	bool timed;	 /* and some must have a timeout */
	bool symmetric;	 /* and at least two threads must both wait and wake */
	bool proves;	 /* is a lock even with too few hand-overs to show it */
};

/* `exe` is the path of the waiting program or NULL. The first row that fits, or NULL. */
const struct lock_fingerprint *lock_kind_fingerprint(const struct lock_group *g, const char *exe);

/* Kind of a group already sorted: its fingerprint's, if any, else what its waits look like. */
enum lock_kind_id lock_kind_of(const struct lock_group *g, const struct lock_fingerprint *fp);

/* As in the JSON: "cpython-gil", … */
const char *lock_kind_name(enum lock_kind_id kind);

#endif
