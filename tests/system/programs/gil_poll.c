/* SPDX-License-Identifier: MIT */
/* A GIL's worker computes while main looks every millisecond whether it is done: a look takes the GIL. */
#include "small.h"

static struct small_gil gil = SMALL_GIL;
static bool done; /* under the GIL */

static void *compute(void *unused)
{
	gil_take(&gil);
	gil_burn(&gil, 800 * MS);
	done = true;
	gil_drop(&gil);
	return unused;
}

int main(void)
{
	pthread_t thread;
	bool seen = false;

	start(&thread, compute, NULL);
	while (!seen) {
		sleep_ns(MS);
		gil_take(&gil);
		burn(MS / 50); /* what an interpreter does for one look */
		seen = done;
		gil_drop(&gil);
	}
	return pthread_join(thread, NULL);
}
