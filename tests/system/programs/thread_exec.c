/* SPDX-License-Identifier: MIT */
/* A thread that is not the first one executes another program: thread_exec PROGRAM ARG... */
#include "small.h"

static void *execute(void *argv)
{
	char **words = argv;

	sleep_ns(20 * MS);
	execv(words[0], words);
	perror(words[0]);
	exit(1);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2)
		return 2;
	start(&thread, execute, argv + 1);
	for (;;)
		burn(MS);
}
