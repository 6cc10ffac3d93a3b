/* SPDX-License-Identifier: MIT */
/* CPU bandwidth limits of a process's control groups, versions 1 and 2. */
#ifndef USER_CGROUP_H
#define USER_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

/*
 * The groups with a quota on the way from a process's own to the root, and what they had been
 * throttled by now: the process may be gone when that is asked for again.
 */
struct cgroup_limits;

/* Of `pid` (0: self). NULL when out of memory; with nothing in it where there is no quota, or none
 * can be read. */
struct cgroup_limits *cgroup_limits_new(pid_t pid);
void cgroup_limits_free(struct cgroup_limits *l);

/* CPUs' worth that the tightest quota allows; 0 when there is none. */
double cgroup_limits_cpus(const struct cgroup_limits *l);

/* ns that the group that was throttled most was throttled since, summed over CPUs as the kernel
 * does. */
uint64_t cgroup_limits_throttled(const struct cgroup_limits *l);

#endif
