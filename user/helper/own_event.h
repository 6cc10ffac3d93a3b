/* SPDX-License-Identifier: MIT */
/* Records that no CPU makes: what giltrace tells by itself, of names, stacks and places. */
#ifndef USER_OWN_EVENT_H
#define USER_OWN_EVENT_H

#include <giltrace/trace.h>

#include "lib/clock.h"

/* A record of the collector's own stream, dated now: readers want that stream in the order of time,
 * too. */
static inline struct gt_event own_event(enum gt_kind kind)
{
	return (struct gt_event){
		.ts = clock_monotonic(), .kind = kind, .cpu = GT_CPU_COLLECTOR, .syscall = -1
	};
}

#endif
