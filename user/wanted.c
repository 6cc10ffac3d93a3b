/* SPDX-License-Identifier: MIT */
#include "wanted.h"

#include <stddef.h>

#include <analysis/results.h>

#define SAMPLE_HZ 99 /* not in step with what runs a hundred times a second */

/* What has to be taken for each kind to be drawn. The stacks of locks come with all of them, so
 * that a trace can always answer the first question asked of it. */
static const uint32_t taken[STACK_KINDS] = {
	[STACK_LOCK] = GT_STACKS_LOCK,
	[STACK_OFFCPU] = GT_STACKS_LOCK | GT_STACKS_OFFCPU,
	[STACK_ONCPU] = GT_STACKS_LOCK | GT_STACKS_ONCPU,
	[STACK_CRITICAL] = GT_STACKS_LOCK | GT_STACKS_ONCPU,
	[STACK_WAKE] = GT_STACKS_LOCK | GT_STACKS_WAKE,
};

const char *wanted_stacks(const struct options *o, enum gt_target target, struct wanted *out)
{
	*out = (struct wanted){ 0 };
	if (o->no_stacks && o->stacks)
		return "--stacks and --no-stacks exclude each other";
	if (o->no_stacks && o->sample_hz > 0)
		return "-F and --no-stacks exclude each other: a sample is a stack";
	if (o->no_stacks)
		return NULL;
	/* Whoever traces the whole machine has asked for nobody's stacks. */
	for (size_t kind = 0; kind < STACK_KINDS; kind++)
		out->stacks |= o->stacks & 1U << kind ? taken[kind] : 0;
	if (!o->stacks && target != GT_TARGET_ALL)
		out->stacks = GT_STACKS_LOCK;
	if (o->sample_hz > 0)
		out->stacks |= GT_STACKS_ONCPU;
	if (!(out->stacks & GT_STACKS_ONCPU))
		return NULL;
	if (o->sample_hz == OPTS_SAMPLE_OFF)
		return "--stacks oncpu and critical need samples, which -F 0 turns off";
	out->sample_hz = o->sample_hz ? (uint32_t)o->sample_hz : SAMPLE_HZ;
	return NULL;
}
