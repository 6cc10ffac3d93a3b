/* SPDX-License-Identifier: MIT */
/* A GIL's worker computes while main looks every millisecond whether it is done: a look takes the GIL. gil_poll [MS] */
#include "small.h"

static struct small_gil gil = SMALL_GIL;
static bool done; /* under the GIL */

static void *compute(void *ms)
{
	gil_take(&gil);
	gil_burn(&gil, *(long *)ms * MS);
	done = true;
	gil_drop(&gil);
	return NULL;
}

int main(int argc, char **argv)
{
	long ms = number(argc, argv, 1, 800);
	pthread_t thread;
	bool seen = false;

	start(&thread, compute, &ms);
	while (!seen) {
		sleep_ns(MS);
		gil_take(&gil);
		burn(MS / 50); /* what an interpreter does for one look */
		seen = done;
		gil_drop(&gil);
	}
	return pthread_join(thread, NULL);
}
