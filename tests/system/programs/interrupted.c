/* SPDX-License-Identifier: MIT */
/*
 * Say "ready", count the SIGINTs that come within half a second of the first one (or five seconds), print the
 * count and exit with it. interrupted ignore [MS]: take no notice and exit with 9 after so long, two seconds.
 */
#include <signal.h>
#include "small.h"

static volatile sig_atomic_t count;

static void counted(int signal)
{
	count++;
}

int main(int argc, char **argv)
{
	bool ignore = argc > 1 && !strcmp(argv[1], "ignore");
	struct sigaction action = { .sa_handler = ignore ? SIG_IGN : counted };

	sigaction(SIGINT, &action, NULL);
	puts("ready");
	fflush(stdout);
	for (int i = 0; !ignore && !count && i < 500; i++)
		usleep(10000);
	sleep_ns((ignore ? number(argc, argv, 2, 2000) : 500) * MS);
	printf("counted %d\n", (int)count);
	return ignore ? 9 : count;
}
