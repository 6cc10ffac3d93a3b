/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "cli.h"
#include "status.h"
#include "user/record/target.h"

/*
 * A missing standard descriptor is taken by a file that can be neither read nor written, so that no
 * trace gets its number. It closes on exec: the command finds what giltrace was given.
 */
static int fill_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/", O_PATH | O_CLOEXEC) != fd) /* the lowest free number */
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct target_signals signals;

	target_signals_save(&signals);
	if (fill_standard() != 0)
		return STATUS_FAILED;
	/* A reader that goes away ends a report, not a recording. */
	signal(SIGPIPE, SIG_IGN);
	/* So does a file that may not grow (ulimit -f): the write says so. */
	signal(SIGXFSZ, SIG_IGN);
	/* Ignored, as some supervisors hand it down, it would take the command's exit status away.
	 */
	signal(SIGCHLD, SIG_DFL);
	setlocale(LC_CTYPE, "");
	return cli(argv, &signals);
}
