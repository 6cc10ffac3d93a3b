/* SPDX-License-Identifier: MIT */
/* Between sim_births.c, sim_plan.c and sim_work.c. */
#ifndef TESTS_SIM_WORK_H
#define TESTS_SIM_WORK_H

#include "sim.h"

/* Replace the steps of a thread that has done all of them. */
void sim_plan(struct sim *s, struct sim_thread *t);
struct sim_step *sim_step_add(struct sim_thread *t, enum sim_step_kind kind, uint32_t object,
			      uint64_t ns);

/* One more thread of `parent`'s process; `known`: as planned, and main will join it. */
void sim_spawn(struct sim *s, struct sim_thread *parent, bool known);
/* A process planned before begins; `parent` NULL: the first. 0 or -errno. */
int sim_process_begins(struct sim *s, uint32_t index, struct sim_thread *parent);
void sim_tell_mask(struct sim *s, const struct sim_thread *t, uint32_t cpu);

#endif
