/* SPDX-License-Identifier: MIT */
/* Many short children, eight at a time. fork_storm [CHILDREN] */
#include <sys/wait.h>
#include "small.h"

int main(int argc, char **argv)
{
	long children = number(argc, argv, 1, 1000), alive = 0;

	for (long i = 0; i < children; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			_exit(0);
		if (++alive == 8) {
			wait(NULL);
			alive--;
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
