/* SPDX-License-Identifier: MIT */
/* What machine code tells of who calls whom, without disassembling it. */
#ifndef USER_INSPECT_CALLS_H
#define USER_INSPECT_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect_elf.h"
#include "inspect_locks.h"
#include "inspect_symbols.h"

/*
 * Does a copy of function `name` call or jump to one of the exact functions that let go of the
 * lock, by itself or through those of locks->through? Only direct calls count.
 */
bool inspect_calls(const struct inspect_elf *e, const struct inspect_symbols *s, const char *name,
		   const struct inspect_locks *locks);

/* Where struct pt_regs has a function's first argument. */
uint16_t inspect_calls_argument(uint16_t machine);

#endif
