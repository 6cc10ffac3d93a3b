/* SPDX-License-Identifier: MIT */
/* A user stack with Python frames in it: from what was unwound and what the kernel side found to
 * one list. */
#ifndef USER_PYTHON_STACK_H
#define USER_PYTHON_STACK_H

#include "user/helper/code_space.h"
#include "user/helper/frames.h"
#include "python_codes.h"
#include "user/unwind/unwind.h"

/* Read what python_stack_add() will want to know of `python`, while its process is there. */
void python_stack_read(struct python_codes *codes, struct code_space *space,
		       const struct gt_wire_python_stack *python);

/* Add the frames of `native` in `space` and those of `python` to `to`. */
void python_stack_add(struct python_codes *codes, struct frames *frames, struct code_space *space,
		      const struct unwind_result *native, const struct gt_wire_python_stack *python,
		      struct frames_list *to);

#endif
