/* SPDX-License-Identifier: MIT */
/*
 * Two threads that compute in alternation: in every round one of them has the work and the other only a look at
 * it, then both meet at a barrier.
 */
#include "small.h"

enum { ROUNDS = 100 };

static pthread_barrier_t barrier;

static void *take_turns(void *me)
{
	for (int round = 0; round < 2 * ROUNDS; round++) {
		burn(round % 2 == (me != NULL) ? 3 * MS : MS / 5);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

int main(void)
{
	pthread_t a, b;

	pthread_barrier_init(&barrier, NULL, 2);
	start(&a, take_turns, NULL);
	start(&b, take_turns, &barrier);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
