/* SPDX-License-Identifier: MIT */
/* many THREADS [MS [AT_ONCE]]: so many threads, each asleep for MS, AT_ONCE of them (all) at a
 * time. */
#include "small.h"

static uint64_t nap;

static void *sleeper(void *unused)
{
	if (nap)
		sleep_ns(nap);
	return unused;
}

int main(int argc, char **argv)
{
	long threads = number(argc, argv, 1, 1000), at_once = number(argc, argv, 3, threads);
	pthread_t *thread = calloc(threads, sizeof(*thread));
	pthread_attr_t attr;

	nap = number(argc, argv, 2, 0) * MS;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (long i = 0; thread && i < threads; i++) {
		if (i >= at_once)
			pthread_join(thread[i - at_once], NULL);
		if (pthread_create(&thread[i], &attr, sleeper, NULL))
			return 1;
	}
	for (long i = threads > at_once ? threads - at_once : 0; thread && i < threads; i++)
		pthread_join(thread[i], NULL);
	free(thread);
	return 0;
}
