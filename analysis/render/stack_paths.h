/* SPDX-License-Identifier: MIT */
/*
 * What a weight says, frame by frame, from the root of a flame graph on:
 *
 *	thread, [state], its stack outermost first                       offcpu
 *	thread, its stack, [lock …], [woken by …], that one's stack innermost first   lock
 *	thread, its stack                                                oncpu, critical
 *	thread, its stack, [wakes …]                                     wake
 *
 * Names in brackets are ours, all others come from the traced programs: escape them.
 */
#ifndef ANALYSIS_RENDER_STACK_PATHS_H
#define ANALYSIS_RENDER_STACK_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <analysis/results.h>

/* What a frame of a path stands for. */
enum stack_part {
	STACK_PART_ALL,	       /* a tree's root */
	STACK_PART_THREAD,     /* a thread by its name; in a comparison a program */
	STACK_PART_STATE,      /* why it was off the CPU */
	STACK_PART_CODE,       /* a function of its stack */
	STACK_PART_LOCK,       /* what it waited for: above it, the waiter; below it, its waker */
	STACK_PART_OTHER,      /* the thread that woke it; for wake: that it woke */
	STACK_PART_OTHER_CODE, /* a function of that one's stack */
	STACK_PART_NOTE,       /* no stack, or the place where one breaks off */
};

struct stack_frame {
	uint8_t part;		  /* enum stack_part */
	uint8_t kind;		  /* enum gt_frame_kind; of CODE and OTHER_CODE */
	uint8_t state;		  /* enum state of model.h; of STATE */
	uint32_t line;		  /* 0: unknown */
	uint32_t source;	  /* index + 1 into results.frames; 0: ours */
	const char *name;	  /* never NULL or empty */
	const char *image, *file; /* NULL: unknown */
};

/* One row of results.weights. */
struct stack_path {
	const struct stack_frame *frames; /* root first; valid until the next call */
	size_t n;
	const struct result_weight *weight;
	bool complete; /* its stack reaches the thread's first frame */
};

struct stack_paths;

/*
 * The weights of one kind. With `programs` paths of different runs can be held against each other:
 * a thread goes by its process's name, a waker likewise, and frames that only start a thread or a
 * program are left out, since a process starts otherwise than a thread. NULL when out of memory.
 */
struct stack_paths *stack_paths_new(const struct results *r, enum stack_kind kind, bool programs);

/* With `programs`: show the program `from` as `to`; both must outlive the paths. */
void stack_paths_rename(struct stack_paths *p, const char *from, const char *to);

/* The path of one weight of the results, of this kind. 0 or -ENOMEM. */
int stack_paths_of(struct stack_paths *p, const struct result_weight *w, struct stack_path *out);

/* The next path, in the order of results.weights. 1, 0 at the end, or -ENOMEM. */
int stack_paths_next(struct stack_paths *p, struct stack_path *out);

void stack_paths_free(struct stack_paths *p); /* NULL ok. Names of its own frames go with it. */

/* Why there is nothing of this kind to draw, for people; NULL when the trace has it. */
const char *stack_paths_missing(const struct results *r, enum stack_kind kind);

#endif
