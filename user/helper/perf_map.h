/* SPDX-License-Identifier: MIT */
/*
 * Names for code that a program made at run time, from the list that it writes for perf:
 * /tmp/perf-PID.map. Anybody may put a file there, so it is read only if the process itself or root
 * wrote it, as a plain file, in the process's own view of the files.
 */
#ifndef USER_PERF_MAP_H
#define USER_PERF_MAP_H

#include <stdint.h>
#include <sys/types.h>

#define PERF_MAP_MAX_FILE (64u << 20)

struct perf_map;

/* Open the list of process `pid`. A descriptor, the caller's to close, or -errno: -EPERM when it
 * is there but not to be trusted, -EFBIG. */
int perf_map_open(pid_t pid);

/* Read the list open at `fd`. NULL: out of memory. Lines that are not as perf wants them are
 * passed over. */
struct perf_map *perf_map_read(int fd);

/* The name of the code at `addr`, or NULL. Of lists that say several things the last counts. */
const char *perf_map_find(const struct perf_map *m, uint64_t addr);

void perf_map_free(struct perf_map *m); /* NULL ok */

#endif
