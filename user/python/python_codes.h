/* SPDX-License-Identifier: MIT */
/*
 * What CPython's code objects are called, read from the memory of the process that has them.
 * Nothing there is trusted; what has been read is kept, for when the process has ended.
 */
#ifndef USER_PYTHON_CODES_H
#define USER_PYTHON_CODES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <giltrace/wire.h>

#include "user/helper/process_memory.h"

struct python_codes;

struct python_codes *python_codes_new(struct process_memory_trouble *t); /* NULL: out of memory */

struct python_function {
	const char *name, *file; /* UTF-8; file "" when unknown */
	uint32_t line;		 /* 0: unknown */
};

/*
 * The function that `f` runs, and the line that it is on, in address space `as`, which process
 * `pid` (0: none) has. False: it cannot be told. Strings are valid until the next call.
 */
bool python_codes_find(struct python_codes *c, uint32_t as, pid_t pid,
		       const struct gt_wire_python *how, const struct gt_wire_python_frame *f,
		       struct python_function *out);

void python_codes_free(struct python_codes *c); /* NULL ok */

#endif
