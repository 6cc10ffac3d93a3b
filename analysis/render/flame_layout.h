/* SPDX-License-Identifier: MIT */
/*
 * Where the frames of a flame graph stand: whole numbers, so that what is inside stays inside. The
 * left edge of a frame and of the one after it are rounded alike, so no two overlap and no child
 * reaches past its parent.
 */
#ifndef ANALYSIS_RENDER_FLAME_LAYOUT_H
#define ANALYSIS_RENDER_FLAME_LAYOUT_H

#include "stack_tree.h"

#define FLAME_WIDTH 100000000U /* of the root: millionths of a percent */
/* 0.1 pixel of a graph 1200 pixels wide: what is narrower is not drawn. */
#define FLAME_NARROWEST (FLAME_WIDTH / 12000)
/* Frames drawn at most, which keeps the file at a few megabytes: the narrowest go first. */
#define FLAME_FRAMES_MAX 12000

struct flame_box {
	uint32_t node; /* index into the tree's nodes */
	uint32_t x, width;
};

struct flame_layout {
	int run;		 /* whose weights the widths are: 0 is A or the only one, 1 is B */
	uint64_t total;		 /* ns: of the root */
	uint32_t narrowest;	 /* in units of FLAME_WIDTH: narrower frames were left out */
	struct flame_box *boxes; /* parents before their children, siblings from left to right */
	uint32_t n, depth;	 /* depth: of the deepest that is drawn */
	/* Frames left out, and the time of those among them whose parent is drawn. */
	uint64_t pruned, pruned_ns;
	uint64_t gone_ns; /* ns of the other run in paths that `run` does not have */
};

/* 0 or -ENOMEM. Free it in either case. */
int flame_layout_make(const struct stack_tree *t, int run, struct flame_layout *out);

void flame_layout_free(struct flame_layout *l); /* what it owns, not the struct */

#endif
