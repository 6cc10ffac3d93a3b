/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <string.h>

static const char *const names[STACK_KINDS] = {
	[STACK_LOCK] = "lock",	       [STACK_OFFCPU] = "offcpu", [STACK_ONCPU] = "oncpu",
	[STACK_CRITICAL] = "critical", [STACK_WAKE] = "wake",
};

const char *stack_kind_name(enum stack_kind kind)
{
	return kind < STACK_KINDS ? names[kind] : NULL;
}

enum stack_kind stack_kind_parse(const char *name)
{
	enum stack_kind kind = 0;

	while (kind < STACK_KINDS && strcmp(names[kind], name) != 0)
		kind++;
	return kind;
}

bool stack_kind_taken(enum stack_kind kind, uint32_t stacks)
{
	static const uint32_t any_of[STACK_KINDS] = {
		[STACK_LOCK] = GT_STACKS_LOCK | GT_STACKS_OFFCPU,
		[STACK_OFFCPU] = GT_STACKS_OFFCPU,
		[STACK_ONCPU] = GT_STACKS_ONCPU,
		[STACK_CRITICAL] = GT_STACKS_ONCPU,
		[STACK_WAKE] = GT_STACKS_WAKE,
	};

	return kind < STACK_KINDS && stacks & any_of[kind];
}
