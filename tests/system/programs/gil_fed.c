/* SPDX-License-Identifier: MIT */
/* Eight threads under a GIL, fed together through pipes every 40 ms: active for some 5 % of the time. */
#include "small.h"

enum { THREADS = 8, ROUNDS = 25 };

static struct small_gil gil = SMALL_GIL;

static void *serve(void *pipe_end)
{
	char byte;

	while (read(*(int *)pipe_end, &byte, 1) == 1) {
		gil_take(&gil);
		gil_burn(&gil, MS / 4);
		gil_drop(&gil);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];
	int ends[THREADS][2];

	for (int i = 0; i < THREADS; i++) {
		if (pipe(ends[i]))
			return 1;
		start(&thread[i], serve, &ends[i][0]);
	}
	for (int round = 0; round < ROUNDS; round++) {
		sleep_ns(40 * MS);
		for (int i = 0; i < THREADS; i++)
			if (write(ends[i][1], "x", 1) != 1)
				return 1;
	}
	for (int i = 0; i < THREADS; i++) {
		close(ends[i][1]);
		pthread_join(thread[i], NULL);
	}
	return 0;
}
