/* SPDX-License-Identifier: MIT */
/*
 * A lock that is always free, taken some hundred thousand times a second, each time past three
 * USDT probes (provider "gil"), with a fixed piece of work in between. Usage: lock_rate TIMES
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "lib/parse.h"

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBE(name, lock) STAP_PROBE1(gil, name, lock)
#else
#define PROBE(name, lock) ((void)(lock))
#endif

#define STEPS 8000 /* of four or five cycles each: 10 us at 3 to 4 GHz */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile uint64_t result; /* so that no compiler leaves the work out */

static void work(void)
{
	uint64_t value = result;

	for (int i = 0; i < STEPS; i++)
		value = value * 6364136223846793005 + 1442695040888963407;
	result = value;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	uint64_t times;
	double begin, wall;

	if (argc != 2 || parse_u64(argv[1], 1, UINT32_MAX, &times)) {
		fputs("usage: lock_rate TIMES\n", stderr);
		return 2;
	}
	begin = seconds();
	for (uint64_t i = 0; i < times; i++) {
		PROBE(request, &lock);
		pthread_mutex_lock(&lock);
		PROBE(acquired, &lock);
		work();
		pthread_mutex_unlock(&lock);
		PROBE(released, &lock);
	}
	wall = seconds() - begin;
	printf("taken %.0f times a second, wall %.4f s\n", times / wall, wall);
	return 0;
}
