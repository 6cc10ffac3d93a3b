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

struct python_codes;

/*
 * Whose memory is being read, in memory that outlives the worker: an address space that one was
 * lost over is not read again.
 */
struct python_trouble {
	volatile uint32_t reading; /* an address space, 0: none */
	volatile uint32_t nbad;	   /* ever noted */
	uint32_t bad[64];
};

/* The worker was lost: if it was reading, note whom. */
void python_trouble_note(struct python_trouble *t);

struct python_codes *python_codes_new(struct python_trouble *t); /* NULL: out of memory */

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
