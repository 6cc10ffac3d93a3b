/* SPDX-License-Identifier: MIT */
/* Interpreters with a global lock: how they are known, and of which version they are. */
#ifndef USER_INSPECT_INTERPRETER_H
#define USER_INSPECT_INTERPRETER_H

#include <stdbool.h>

#include "inspect.h"
#include "inspect_elf.h"

/* Fill in what the image interprets with, if anything, and with INSPECT_LOCKS the places of its
 * lock. */
void inspect_interpreter(const struct inspect_elf *e, unsigned int want, struct inspect_image *img);

/* Would a file of this name be an interpreter's? */
bool inspect_interpreter_named(const char *name);

#endif
