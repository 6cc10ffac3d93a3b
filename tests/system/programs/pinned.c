/* SPDX-License-Identifier: MIT */
/* Two threads compute, both pinned to the first CPU the program may use. */
#include <sched.h>
#include "small.h"

static void *compute(void *unused)
{
	burn(400 * MS);
	return unused;
}

int main(void)
{
	cpu_set_t all, one;
	pthread_t a, b;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return 1;
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return 1;
	start(&a, compute, NULL);
	start(&b, compute, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
