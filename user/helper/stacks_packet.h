/* SPDX-License-Identifier: MIT */
/* The helper's side of what giltrace and it tell each other: questions are cut, answers sent. */
#ifndef USER_STACKS_PACKET_H
#define USER_STACKS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "stacks_helper.h"
#include "symbols.h"
#include "user/unwind/unwind.h"

/* A question's parts, in its packet. */
struct stacks_packet {
	const struct stacks_question *q;
	const char *kernel, *python, *path, *cwd;
	const uint8_t *bytes;
};

/* What is made of some parts. */
struct stacks_packet_parts {
	struct gt_wire_python_stack python; /* frames 0: none */
	struct symbols_exec exec;
	char path[PATH_MAX], cwd[PATH_MAX];
};

/* False: it is none. */
bool stacks_packet_cut(const char *packet, size_t len, struct stacks_packet *out);

/* The exec of a question, in `to`, or NULL. */
const struct symbols_exec *stacks_packet_exec(const struct stacks_packet *p,
					      struct stacks_packet_parts *to);

void stacks_packet_python(const struct stacks_packet *p, struct stacks_packet_parts *to);

/* Answers. False: nobody listens any more. */
bool stacks_packet_tell_stack(struct stacks_stack *s, const uint32_t *frames);

/* By what the kernel side will know the stack `s` again, if it is complete. */
bool stacks_packet_tell_shape(const struct gt_wire_stack *s, const struct unwind_result *r);

/* A frame that cannot be told is missed by its stacks only: the other end copes. */
void stacks_packet_tell_frame(void *ctx, uint32_t number, const struct frames_frame *f);

#endif
