/* SPDX-License-Identifier: MIT */
/* The table of commands: which one the words ask for, and help about it from the same rows. */
#ifndef USER_CLI_H
#define USER_CLI_H

struct target_signals;

/* Everything giltrace does. `argv` as main got it; its order may change. Returns the exit status.
 */
int cli(char **argv, const struct target_signals *signals);

#endif
