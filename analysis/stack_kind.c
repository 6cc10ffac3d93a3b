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
