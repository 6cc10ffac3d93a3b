/* SPDX-License-Identifier: MIT */
/* What a seed stands for, and parameters as text. */
#ifndef TESTS_SIM_PARAMS_H
#define TESTS_SIM_PARAMS_H

#include "sim.h"

/* What options say; what is 0, or not set, the seed draws. */
struct sim_fixed {
	struct sim_params p;
	bool features_set, damage_set;
};

struct sim_params sim_params_of(const struct sim_fixed *o, uint64_t seed);
/* As the command that makes this world again. */
void sim_params_print(FILE *out, const struct sim_params *p);
/* 0 or -EINVAL. */
int sim_params_features(const char *text, uint32_t *out);
int sim_params_damage(const char *text, enum sim_damage *out);

#endif
