/* SPDX-License-Identifier: MIT */
/* What a seed stands for, and parameters as text. */
#include "sim_params.h"
#include "sim_scenarios.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *const feature_names[SIM_FEATURES] = {
	"mutex",  "gil",     "semaphore", "baton",   "master",	"rwlock", "queue",  "barrier",
	"io",	  "sleep",   "kernel",	  "preempt", "foreign", "pin",	  "exec",   "probes",
	"nested", "respawn", "pi",	  "early",   "requeue", "vfork",  "shared", "quota", "kill",
};

static const char *const damage_names[SIM_DAMAGES] = { "whole", "disorder", "duplicate", "loss",
						       "cut" };

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}

/* Every seed a different world; one in eight is large in some direction. */
struct sim_params sim_params_of(const struct sim_fixed *o, uint64_t seed)
{
	static const uint32_t cpus[] = { 1, 2, 2, 3, 4, 8, 16, 64 };
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 12345;
	struct sim_params p = { .seed = seed };
	bool large = draw(&state, 8) == 0;

	p.cpus = large && draw(&state, 4) == 0 ? 1024 : cpus[draw(&state, 8)];
	p.threads = 1 + draw(&state, large ? 60 : 10);
	p.processes = draw(&state, 2) ? 1 : 1 + draw(&state, 4);
	p.length = (5 + draw(&state, large ? 120 : 40)) * MS;
	p.features = (draw(&state, 1u << SIM_FEATURES) | draw(&state, 1u << SIM_FEATURES));
	p.damage = draw(&state, 3) ? SIM_WHOLE : draw(&state, SIM_DAMAGES);
	if (o->p.cpus)
		p.cpus = o->p.cpus;
	if (o->p.threads)
		p.threads = o->p.threads;
	if (o->p.processes)
		p.processes = o->p.processes;
	if (o->p.length)
		p.length = o->p.length;
	if (o->features_set)
		p.features = o->p.features;
	if (o->damage_set)
		p.damage = o->p.damage;
	p.records = o->p.records;
	return p;
}

void sim_params_print(FILE *out, const struct sim_params *p)
{
	const char *comma = "";

	if (p->scenario) {
		fprintf(out,
			"sim --scenario %s --seed %" PRIu64 " --cpus %" PRIu32 " --load %" PRIu32
			"%s\n",
			sim_scenario_name(p->scenario), p->seed, p->cpus, p->load,
			p->one_cpu ? " --one-cpu" : "");
		return;
	}

	fprintf(out,
		"sim --seed %" PRIu64 " --cpus %" PRIu32 " --threads %" PRIu32
		" --processes %" PRIu32 " --length %" PRIu64 " --damage %s --features ",
		p->seed, p->cpus, p->threads, p->processes, p->length, damage_names[p->damage]);
	for (int i = 0; i < SIM_FEATURES; i++)
		if (p->features & 1u << i) {
			fprintf(out, "%s%s", comma, feature_names[i]);
			comma = ",";
		}
	fputs(*comma ? "\n" : "none\n", out);
}

int sim_params_features(const char *text, uint32_t *out)
{
	char list[512], *rest = list, *name;

	snprintf(list, sizeof(list), "%s", text);
	*out = 0;
	while ((name = strsep(&rest, ","))) {
		int i = 0;

		while (i < SIM_FEATURES && strcmp(name, feature_names[i]))
			i++;
		if (!strcmp(name, "all"))
			*out = (1u << SIM_FEATURES) - 1;
		else if (i < SIM_FEATURES)
			*out |= 1u << i;
		else if (strcmp(name, "none"))
			return -EINVAL;
	}
	return 0;
}

int sim_params_damage(const char *text, enum sim_damage *out)
{
	for (int i = 0; i < SIM_DAMAGES; i++)
		if (!strcmp(text, damage_names[i])) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}
