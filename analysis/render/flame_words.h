/* SPDX-License-Identifier: MIT */
/* What a flame graph says in words: above it, and of each frame. */
#ifndef ANALYSIS_RENDER_FLAME_WORDS_H
#define ANALYSIS_RENDER_FLAME_WORDS_H

#include <stdio.h>

#include "flame_layout.h"

struct flame {
	const struct results *a, *b; /* b NULL: one run */
	struct stack_tree tree;
	struct flame_layout layout;
};

/* All of it is escaped for XML. */
void flame_words_title(const struct flame *g, FILE *out);

/* A line below the title. */
struct flame_line {
	bool (*wanted)(const struct flame *g);
	void (*put)(const struct flame *g, FILE *out);
};

extern const struct flame_line flame_words_lines[]; /* up to one whose `put` is NULL */

/* A frame's details, several lines: name; time and shares; how often; where it is. */
void flame_words_frame(const struct flame *g, const struct stack_node *node, FILE *out);

#endif
