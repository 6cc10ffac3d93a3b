/* SPDX-License-Identifier: MIT */
/* Keeps giltrace out of its workload's way. */
#ifndef USER_ASIDE_H
#define USER_ASIDE_H

#include <sched.h>
#include <sys/types.h>

/*
 * Run where process `pid` may not, if there is such a CPU; where there is none the scheduler finds
 * the idlest. `kept_off` remembers that process's CPUs: zeroed before the first call, so that a
 * call costs little while they stay the same. Failing costs nothing but the courtesy. 0: no
 * process.
 */
void aside_keep(pid_t pid, cpu_set_t *kept_off);

#endif
