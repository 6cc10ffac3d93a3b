/* SPDX-License-Identifier: MIT */
/*
 * The launched command: forked behind a gate, released when every probe is attached, run as the
 * user who called sudo, reaped for its exit status. It inherits stdin, stdout, stderr and the
 * terminal's process group, so Ctrl-C reaches it once, from the terminal. Ending giltrace never
 * ends it.
 */
#ifndef USER_TARGET_H
#define USER_TARGET_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct target;

/* What giltrace itself was started with, and the command is to start with. */
struct target_signals {
	sigset_t mask;
	sigset_t ignored;
};

/* Call before anything changes a signal's mask or disposition. */
void target_signals_save(struct target_signals *signals);

struct target_command {
	char **argv;	  /* NULL-terminated */
	const char *user; /* --user NAME, or NULL: who called sudo (doas, pkexec) */
	bool as_root;	  /* --as-root: do not switch */
	const struct target_signals *signals; /* NULL: as they are at target_launch() */
};

/*
 * Find the program as the workload's user would and start it up to the gate. On success `*out` must
 * be freed. On failure reports it and returns the exit status of cli.md: 127 not found, 126 cannot
 * be executed, 125 anything else; 0 is success.
 */
int target_launch(const struct target_command *command, struct target **out);

pid_t target_pid(const struct target *t);
const char *target_path(const struct target *t); /* resolved program */
int target_pidfd(const struct target *t);	 /* readable when the command has ended */

/*
 * Open the gate. Returns 0 when the program was executed; otherwise reports why not and returns
 * 125, 126 or 127 (the child has ended and is reaped).
 */
int target_release(struct target *t);

/* The status as of waitpid(), after target_pidfd() became readable. 0 or -errno. */
int target_reap(struct target *t, int *status);

/* Lets go of the command: one still behind the gate ends without having run; one released runs on.
 * NULL ok. */
void target_free(struct target *t);

#endif
