/* SPDX-License-Identifier: MIT */
/*
 * When records were lost, and on which CPU. A loss is told by the next record that found room, when
 * other CPUs may long have shown the threads concerned: so the first pass collects the losses, and
 * the second begins each where it began.
 */
#ifndef ANALYSIS_MODEL_LOSSES_H
#define ANALYSIS_MODEL_LOSSES_H

#include <stdint.h>

#include <giltrace/trace.h>

struct model_loss {
	uint64_t first, last; /* times of the first and the last record that was lost */
	uint32_t cpu;
	bool own; /* the kernel did not show a switch: this concerns only who had the CPU */
};

struct model_losses {
	struct model_loss *at; /* in order of `first`, once sorted */
	uint32_t n, cap;
	uint32_t last_of[GT_MAX_CPUS]; /* index + 1 of a CPU's newest */
};

/* A GT_LOST. Times that cannot be are put right; what lost no record is left out. 0 or -ENOMEM. */
int model_losses_add(struct model_losses *l, const struct gt_event *ev);
/* A copy of `from` in order. 0 or -ENOMEM. */
int model_losses_sorted(struct model_losses *to, const struct model_losses *from);
void model_losses_free(struct model_losses *l); /* frees what it owns, not the struct */

#endif
