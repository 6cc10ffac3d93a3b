/* SPDX-License-Identifier: MIT */
/*
 * Worlds with a name: programs of one kind each, whose verdict follows from how they are made. The
 * same program is simulated on few CPUs and many, alone, beside busy programs, and held to one CPU.
 */
#ifndef TESTS_SIM_SCENARIOS_H
#define TESTS_SIM_SCENARIOS_H

#include "sim_check.h"

/* Its number, from 1; 0: there is no such scenario. */
uint32_t sim_scenario_find(const char *name);
/* NULL behind the last one. */
const char *sim_scenario_name(uint32_t scenario);

/* Complete what follows from p->scenario, p->cpus, p->load and p->one_cpu. */
void sim_scenario_params(struct sim_params *p);
/* The locks of a process. */
void sim_scenario_begin(struct sim *s, struct sim_process *p);
/* Rounds that a thread has to do. */
uint32_t sim_scenario_rounds(const struct sim *s);
/* What a thread that is not main does next. */
void sim_scenario_plan(struct sim *s, struct sim_thread *t, struct sim_process *p);
/* Class, sentence and main figures against what must be. */
void sim_scenario_check(struct check *k);

#endif
