/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cgroup.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* What CLOCK_MONOTONIC is read from; NULL when the kernel does not tell. */
static char *clock_name(void)
{
	char name[64] = "";
	FILE *file = fopen(CLOCKSOURCE, "re");

	if (!file)
		return NULL;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return name[0] ? strdup(name) : NULL;
}

/* More CPUs than a cpu_set_t holds make sched_getaffinity() fail with EINVAL: ask with a larger
 * one. */
static uint32_t allowed_cpus(pid_t pid)
{
	for (size_t ncpus = CPU_SETSIZE; ncpus <= 1 << 20; ncpus *= 2) {
		cpu_set_t *set = CPU_ALLOC(ncpus);
		size_t size = CPU_ALLOC_SIZE(ncpus);
		int failed, count;

		if (!set)
			return 0;
		failed = sched_getaffinity(pid, size, set) ? errno : 0;
		count = failed ? 0 : CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (failed != EINVAL)
			return count;
	}
	return 0;
}

int machine_describe(struct gt_meta *meta, pid_t pid)
{
	struct utsname name;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	struct cgroup_limits *limits = cgroup_limits_new(pid);

	meta->clock = clock_name();
	meta->cpus_online = online > 0 ? online : 0;
	meta->cpus_allowed = allowed_cpus(pid);
	if (!limits)
		return -ENOMEM;
	meta->cpu_quota = cgroup_limits_cpus(limits);
	cgroup_limits_free(limits);
	if (uname(&name) != 0)
		return 0;
	meta->kernel = strdup(name.release);
	meta->arch = strdup(name.machine);
	return meta->kernel && meta->arch ? 0 : -ENOMEM;
}
