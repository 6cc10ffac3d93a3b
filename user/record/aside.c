/* SPDX-License-Identifier: MIT */
#include "aside.h"

#include <unistd.h>

void aside_keep(pid_t pid, cpu_set_t *kept_off)
{
	cpu_set_t used, left;
	long ncpus = sysconf(_SC_NPROCESSORS_CONF);

	if (!pid || sched_getaffinity(pid, sizeof(used), &used) || CPU_EQUAL(&used, kept_off))
		return;
	*kept_off = used;
	CPU_ZERO(&left);
	for (long cpu = 0; cpu < ncpus && cpu < CPU_SETSIZE; cpu++)
		if (!CPU_ISSET(cpu, &used))
			CPU_SET(cpu, &left);
	if (!CPU_COUNT(&left))
		for (long cpu = 0; cpu < ncpus && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, &left);
	sched_setaffinity(0, sizeof(left), &left);
}
