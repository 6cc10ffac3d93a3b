/* SPDX-License-Identifier: MIT */
/* A trace file opened and analysed, for the commands that report. */
#ifndef USER_LOAD_H
#define USER_LOAD_H

#include <stdbool.h>

#include <analysis/results.h>

struct loaded {
	struct gt_reader *reader;
	struct results results;
	bool analysed;
};

/*
 * `name` is for messages; `path` or, when it is NULL, `fd` (owned from now on) is read. `jobs`: CPUs
 * to use, 0: those that are allowed. 0, or -errno after saying why.
 */
int load(const char *name, const char *path, int fd, unsigned int jobs, struct loaded *out);
void load_free(struct loaded *l); /* what it owns, not the struct */

#endif
