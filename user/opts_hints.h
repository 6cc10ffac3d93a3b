/* SPDX-License-Identifier: MIT */
/* The way out of a wrong option, for the end of the message about it. */
#ifndef USER_OPTS_HINTS_H
#define USER_OPTS_HINTS_H

#include <stddef.h>

#include "opts.h"

#define OPTS_HINT_MAX 128

/* "; did you mean --…?" for a long option (without its dashes) that none of `commands` has, or "".
 */
void opts_hint_unknown(unsigned int commands, const char *name, size_t len,
		       char hint[OPTS_HINT_MAX]);

/* "; it is one of run, record": the commands that have it. */
void opts_hint_elsewhere(const struct opt_row *row, char hint[OPTS_HINT_MAX]);

#endif
