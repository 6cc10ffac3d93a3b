/* SPDX-License-Identifier: MIT */
/*
 * crowd KIND [THREADS [TIMES]]: threads that are hard on those who keep accounts of them.
 * sleepers: each sleeps 100 µs, TIMES over. short: THREADS in all, four at a time, that live some
 * 20 µs. movers: each moves itself to another CPU before every millisecond of work.
 */
#include <sched.h>
#include "small.h"

static long times;

static void *sleeper(void *unused)
{
	for (long i = 0; i < times; i++)
		sleep_ns(MS / 10);
	return unused;
}

static void *brief(void *unused)
{
	burn(MS / 50);
	return unused;
}

static void *mover(void *unused)
{
	cpu_set_t all, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return unused;
	for (long i = 0; i < times; i++) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &all));
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			perror("sched_setaffinity");
		burn(MS);
	}
	return unused;
}

/* `count` threads, no more than `beside` at a time. */
static void run(void *(*body)(void *), long count, long beside)
{
	pthread_t threads[64];

	for (long done = 0; done < count; done += beside) {
		long n = count - done < beside ? count - done : beside;

		for (long i = 0; i < n; i++)
			start(&threads[i], body, NULL);
		for (long i = 0; i < n; i++)
			pthread_join(threads[i], NULL);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	long count = number(argc, argv, 2, 4);

	times = number(argc, argv, 3, 100);
	if (strcmp(kind, "sleepers") == 0)
		run(sleeper, count, 64);
	else if (strcmp(kind, "short") == 0)
		run(brief, count, 4);
	else if (strcmp(kind, "movers") == 0)
		run(mover, count, 64);
	else
		return 2;
	return 0;
}
