/* SPDX-License-Identifier: MIT */
/* Main computes alone, then two threads at once, each for so long: phases [MS [MS]] */
#include "small.h"

static void *compute(void *ms)
{
	burn(*(long *)ms * MS);
	return NULL;
}

int main(int argc, char **argv)
{
	long alone = number(argc, argv, 1, 100), together = number(argc, argv, 2, 100);
	pthread_t a, b;

	compute(&alone);
	start(&a, compute, &together);
	start(&b, compute, &together);
	pthread_join(a, NULL);
	return pthread_join(b, NULL);
}
