/* SPDX-License-Identifier: MIT */
/* Four threads, each holding the one mutex across its sleeps. */
#include "small.h"

enum { THREADS = 4, ROUNDS = 25 };

pthread_mutex_t sleepers_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *nap(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&sleepers_mutex);
		sleep_ns(8 * MS);
		pthread_mutex_unlock(&sleepers_mutex);
		burn(MS / 10); /* so that another gets the mutex */
	}
	return unused;
}

int main(void)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		start(&thread[i], nap, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
