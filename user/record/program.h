/* SPDX-License-Identifier: MIT */
/* Finding and executing a program the way execvp() does, but in two steps with the gate between
 * them. */
#ifndef USER_PROGRAM_H
#define USER_PROGRAM_H

#include <limits.h>

/*
 * Look for `name` (in PATH unless it has a slash) with this process's permissions; `path` becomes
 * its absolute path. 0 or a positive errno: ENOENT not there, EISDIR, EACCES not executable.
 */
int program_find(const char *name, char path[PATH_MAX]);

/* Execute it; a file without a format the kernel knows is given to /bin/sh. Returns only on
 * failure: errno. */
int program_exec(const char *path, char **argv);

#endif
