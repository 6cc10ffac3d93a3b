/* SPDX-License-Identifier: MIT */
/*
 * Run a command with its output thrown away and print what it used: "wall S cpu S rss KiB". A
 * program of its own because the peak memory of a child counts from its fork on: whoever starts it
 * must be small.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	double begin = seconds();
	struct rusage used;
	pid_t pid = argc > 1 ? fork() : -1;
	int status;

	if (!pid) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		execvp(argv[1], argv + 1);
		fprintf(stderr, "usage: %s: %s\n", argv[1], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 2;
	printf("wall %.3f cpu %.3f rss %ld\n", seconds() - begin,
	       used.ru_utime.tv_sec + used.ru_stime.tv_sec +
		       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6,
	       used.ru_maxrss);
	return status ? 1 : 0;
}
