/* SPDX-License-Identifier: MIT */
/* CPU bandwidth limits of a process's control groups, versions 1 and 2. */
#ifndef USER_CGROUP_H
#define USER_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

/* CPUs' worth that the tightest quota on the way to the root allows `pid` (0: self); 0 when there
 * is none. */
double cgroup_quota(pid_t pid);

/* ns that the groups with a quota on that way were throttled so far, summed over groups and CPUs;
 * 0: unknown. */
uint64_t cgroup_throttled(pid_t pid);

#endif
