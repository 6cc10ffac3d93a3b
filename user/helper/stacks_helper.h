/* SPDX-License-Identifier: MIT */
/*
 * The process that unwinds copied stacks and names their frames, and how giltrace talks to it: one
 * packet a stack; soon one with its shape, so that the kernel side knows it again early; and later one
 * for every frame not told before and one for the stack, over a SOCK_SEQPACKET pair. A packet of one
 * byte is an enum stacks_word.
 */
#ifndef USER_STACKS_HELPER_H
#define USER_STACKS_HELPER_H

#include <limits.h>
#include <stdint.h>

#include <giltrace/trace.h>
#include <giltrace/wire.h>

#include "helper.h"

/* Behind it the kernel's addresses, the Python frames, the exec's path and its cwd, the bytes of the
 * stack. */
struct stacks_question {
	struct gt_wire_stack stack; /* first: its number is read alone */
	uint64_t ino, start_code;
	uint32_t dev;
	int32_t tgid;
	uint32_t kernel_frames;
	uint32_t python_bytes; /* of a struct gt_wire_python_stack; 0: there is none */
	uint16_t path_len, cwd_len; /* path_len 0: nothing is known of the exec */
};

enum stacks_word {
	STACKS_LAST = 1,  /* nothing more will be asked: all may be named now */
	STACKS_HASTE = 2, /* and what takes long to be named is named by less */
};

enum stacks_reply_kind { STACKS_FRAME = 1, STACKS_STACK = 2, STACKS_SHAPE = 3 };

/* Behind it name, image and file. */
struct stacks_frame {
	uint32_t reply; /* STACKS_FRAME */
	uint32_t frame, kind, line;
	uint16_t name_len, image_len, file_len, pad;
};

/* Behind it the frames' numbers. */
struct stacks_stack {
	uint32_t reply; /* STACKS_STACK */
	uint32_t stack, flags, nframes;
};

struct stacks_shape {
	uint32_t reply; /* STACKS_SHAPE */
	uint32_t pad;
	struct gt_wire_stack_key key;
	struct gt_wire_stack_shape shape;
};

#define STACKS_NAME_MAX 1024 /* longer names are cut */
#define STACKS_QUESTION_MAX                                                                        \
	(sizeof(struct stacks_question) + GT_STACK_KERNEL_MAX * 8 +                                \
	 sizeof(struct gt_wire_python_stack) + 2 * PATH_MAX + GT_STACK_BYTES_MAX)
#define STACKS_REPLY_MAX                                                                           \
	(sizeof(struct stacks_stack) + GT_STACK_FRAMES_MAX * 4 + STACKS_NAME_MAX + 2 * PATH_MAX)

extern const struct helper_job stacks_helper;

#endif
