/* SPDX-License-Identifier: MIT */
/*
 * Numbers for frames, for formats that list each function once: 0, 1, 2 … in order of first use,
 * by name, source file and image. A line is kept where it is the same each time.
 */
#ifndef ANALYSIS_RENDER_FRAME_TABLE_H
#define ANALYSIS_RENDER_FRAME_TABLE_H

#include "stack_paths.h"

/* Zero it, then frame_table_init(). */
struct frame_table {
	struct stack_frame *list; /* by number */
	uint32_t n, cap;
	uint32_t *numbers; /* by index into results.frames: number + 1; 0: not used yet */
	void *tree;
};

int frame_table_init(struct frame_table *t, const struct results *r); /* 0 or -ENOMEM */

/* Its number, or -ENOMEM. The names must outlive the table. */
int64_t frame_table_number(struct frame_table *t, const struct stack_frame *f);

void frame_table_free(struct frame_table *t);

#endif
