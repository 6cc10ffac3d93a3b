/* SPDX-License-Identifier: MIT */
/*
 * Two threads that compute in alternation: in every round one of them has the work and the other only a look at
 * it, then both meet at a barrier. turns [ROUNDS]
 */
#include "small.h"

static pthread_barrier_t barrier;
static long rounds;

static void *take_turns(void *me)
{
	for (long round = 0; round < 2 * rounds; round++) {
		burn(round % 2 == (me != NULL) ? 3 * MS : MS / 5);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	rounds = number(argc, argv, 1, 100);
	pthread_barrier_init(&barrier, NULL, 2);
	start(&a, take_turns, NULL);
	start(&b, take_turns, &barrier);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
