/* SPDX-License-Identifier: MIT */
/*
 * Who asked for this: giltrace needs root, but the person behind sudo (doas, pkexec) is who runs
 * the workload and owns what is written.
 */
#ifndef USER_INVOKER_H
#define USER_INVOKER_H

#include <stdbool.h>
#include <sys/types.h>

struct invoker {
	uid_t uid;
	gid_t gid;
	char *name; /* NULL: unknown to the user database */
	char *home; /* NULL: likewise */
	gid_t *groups;
	int ngroups;
};

/*
 * Who called sudo, doas or pkexec, as their environment variables say. Returns 1 and fills `*out`;
 * 0 when giltrace is not root, nobody is named or root itself is; -EINVAL when what they say makes
 * no sense (which must not end in running as root), or -ENOMEM.
 */
int invoker_find(struct invoker *out);

/* The user called `name`, or numbered so. 0, -ENOENT or -ENOMEM. */
int invoker_named(const char *name, struct invoker *out);

struct invoker_return {
	gid_t gid;
	gid_t *groups;
	int ngroups;
};

/*
 * Take on that user's file permissions until invoker_leave(), which makes giltrace root again. 0 or
 * -errno, in which case nothing has changed. Not for use beside other threads.
 */
int invoker_enter(const struct invoker *who, struct invoker_return *back);
void invoker_leave(struct invoker_return *back);

void invoker_free(struct invoker *who); /* what it owns, not the struct */

#endif
