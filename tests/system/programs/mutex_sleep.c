/* SPDX-License-Identifier: MIT */
/* Four threads, each holding the one mutex across its sleeps. mutex_sleep [ROUNDS] */
#include "small.h"

enum { THREADS = 4 };

pthread_mutex_t sleepers_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *nap(void *rounds)
{
	for (long i = 0; i < *(long *)rounds; i++) {
		pthread_mutex_lock(&sleepers_mutex);
		sleep_ns(8 * MS);
		pthread_mutex_unlock(&sleepers_mutex);
		burn(MS / 10); /* so that another gets the mutex */
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long rounds = number(argc, argv, 1, 25);
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		start(&thread[i], nap, &rounds);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
