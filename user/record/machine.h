/* SPDX-License-Identifier: MIT */
/* What the machine is and may give: goes into the trace's metadata. */
#ifndef USER_MACHINE_H
#define USER_MACHINE_H

#include <sys/types.h>

#include <giltrace/trace.h>

/* Fill kernel, arch, clock, cpus_online, cpus_allowed and cpu_quota (of the cgroup of `pid`, 0 = self; the
 * tightest along its ancestors, cgroup v1 and v2). Unknown stays 0/NULL. 0 or -ENOMEM. */
int machine_describe(struct gt_meta *meta, pid_t pid);

#endif
