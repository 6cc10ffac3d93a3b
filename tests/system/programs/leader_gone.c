/* SPDX-License-Identifier: MIT */
/* The first thread ends at once; another computes for half of the given milliseconds and ends the process. */
#include "small.h"

static void *body(void *ms)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + (uintptr_t)ms * MS;

	while (clock_now(CLOCK_MONOTONIC) < end) {
		burn(5 * MS);
		sleep_ns(5 * MS);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	start(&thread, body, (void *)(uintptr_t)number(argc, argv, 1, 1000));
	pthread_exit(NULL);
}
