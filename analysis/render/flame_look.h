/* SPDX-License-Identifier: MIT */
/* What a frame looks like: a class of flame.css by what it stands for, or by how much it grew. */
#ifndef ANALYSIS_RENDER_FLAME_LOOK_H
#define ANALYSIS_RENDER_FLAME_LOOK_H

#include "stack_tree.h"

struct flame_look {
	const char *class; /* in flame.css */
	const char *words; /* in the legend and in a frame's details; NULL: its name says it */
};

/* Looks are numbered so that a set of them is a bit mask, in the order of the legend. */
unsigned int flame_look_of(const struct stack_frame *f);

/* By share of each run's total, 0…1. */
unsigned int flame_look_of_change(double before, double after);

/* NULL after the last. */
const struct flame_look *flame_look_at(unsigned int look);

#endif
