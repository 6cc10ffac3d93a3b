/* SPDX-License-Identifier: MIT */
/*
 * Names for the frames of stacks. Each different frame gets a number when it is first met and is
 * then told once.
 */
#ifndef USER_FRAMES_H
#define USER_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <giltrace/trace.h>

#include "code_space.h"
#include "user/unwind/unwind.h"

struct frames;

struct frames_frame {
	uint32_t kind;			 /* enum gt_frame_kind */
	uint32_t line;			 /* 0: unknown */
	const char *name, *image, *file; /* file: "" when unknown */
};

/* Numbers come from `*next`, which others may have drawn from before; `tell` is called once for
 * each.
 */
typedef void (*frames_tell)(void *ctx, uint32_t number, const struct frames_frame *f);
struct frames *frames_new(volatile uint32_t *next, frames_tell tell, void *ctx);

/* Whether to do without what takes long: lines, and functions that were compiled into others. */
void frames_hurry(struct frames *f, bool hurry);

/*
 * For the next list: what asks whether something more urgent waits, or NULL. Between two frames that
 * take long the list is then left as it is and put off: to be begun again, without what it has named.
 */
void frames_yield(struct frames *f, bool (*urgent)(void));

/* A list of frames, innermost first. */
struct frames_list {
	uint32_t n;
	uint32_t numbers[GT_STACK_FRAMES_MAX];
	bool full; /* some found no room */
	bool put_off; /* see frames_yield() */
};

/* Add any frame; what is too long is cut. */
void frames_add(struct frames *f, const struct frames_frame *frame, struct frames_list *to);

/* How many of a kernel's frames, innermost first, are there only because the stack was taken. */
size_t frames_kernel_own(struct frames *f, const uint64_t *ips, size_t n);

/* Add a frame of the kernel. `exact`: as in struct unwind_frame. */
void frames_add_kernel(struct frames *f, uint64_t ip, bool exact, struct frames_list *to);

/* Add the frame of `u`, and those that were compiled into it, before it. */
void frames_add_user(struct frames *f, struct code_space *space, const struct unwind_frame *u,
		     struct frames_list *to);

#endif
