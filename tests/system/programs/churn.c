/* SPDX-License-Identifier: MIT */
/* Threads and processes come and go without a pause, for the given milliseconds. */
#include <sys/wait.h>
#include "small.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *shortly(void *unused)
{
	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&mutex);
		for (volatile int j = 0; j < 2000; j++)
			;
		pthread_mutex_unlock(&mutex);
	}
	return unused;
}

static void *threads(void *unused)
{
	pthread_t thread[4];

	for (;;) {
		for (int i = 0; i < 4; i++)
			start(&thread[i], shortly, NULL);
		for (int i = 0; i < 4; i++)
			pthread_join(thread[i], NULL);
	}
	return unused;
}

int main(int argc, char **argv)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + number(argc, argv, 1, 1000) * MS;
	pthread_t thread;

	start(&thread, threads, NULL);
	start(&thread, threads, NULL);
	while (clock_now(CLOCK_MONOTONIC) < end) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	_exit(0); /* the threads go on to the last */
}
