/* SPDX-License-Identifier: MIT */
/* How a CPython keeps its frames: from 3.8 to 3.13, by its version and its exported variables. */
#ifndef USER_INSPECT_PYTHON_H
#define USER_INSPECT_PYTHON_H

#include "inspect.h"
#include "inspect_elf.h"
#include "inspect_symbols.h"

#define INSPECT_PYTHON_COOKIE "xdebugpy"

/*
 * Fill in img->python and img->text where img->version and the file tell it; else `minor` stays 0.
 * `s` has been asked for _PyRuntime, PyCode_Type, PyUnicode_Type and PyBytes_Type.
 */
void inspect_python(const struct inspect_elf *e, const struct inspect_symbols *s,
		    struct inspect_image *img);

/* The image was loaded `by` bytes from where its file says. */
void inspect_python_move(struct gt_wire_python *p, uint64_t by);

#endif
