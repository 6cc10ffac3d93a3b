/* SPDX-License-Identifier: MIT */
/* A parent that vforks: it waits, uninterruptibly, until the child executes; the child takes 200 ms. */
#include <sys/wait.h>
#include "small.h"

int main(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		usleep(200000);
		execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WEXITSTATUS(status);
}
