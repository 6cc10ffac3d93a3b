/* SPDX-License-Identifier: MIT */
/* One thread computes while main joins it. busy_join [MS] */
#include "small.h"

static void *compute(void *ms)
{
	burn(*(long *)ms * MS);
	return NULL;
}

int main(int argc, char **argv)
{
	long ms = number(argc, argv, 1, 400);
	pthread_t thread;

	start(&thread, compute, &ms);
	return pthread_join(thread, NULL);
}
