/* SPDX-License-Identifier: MIT */
/* The table that time is summed in: a row for each distinct fact, which is what makes two pieces of
 * time one. */
#ifndef ANALYSIS_FOLD_FACTS_H
#define ANALYSIS_FOLD_FACTS_H

#include <stdint.h>

#include "lib/map.h"

enum fold_what { FOLD_INTERVAL, FOLD_SAMPLE, FOLD_WAKING };

/* Numbers of stacks are the trace's. */
struct fold_fact {
	uint32_t thread;       /* index */
	uint32_t other_thread; /* id of the waker, of a FOLD_WAKING the wakee's; 0: none */
	uint32_t lock;	       /* group's id, 0: none */
	uint32_t stack, other; /* 0: none taken */
	uint16_t what;
	uint16_t state;
};

/* What came of a fact. */
struct fold_sum {
	struct fold_fact fact;
	uint32_t next;		      /* index + 1 of the next one with the same hash */
	uint64_t ns, critical, count; /* critical: of samples, divided by the threads running */
};

/* A zeroed struct is empty. */
struct fold_facts {
	struct fold_sum *list;
	uint32_t n, cap;
	struct map first;  /* hash → index + 1 */
	uint64_t left_out; /* pieces that found no room, at least for their stacks */
	int err;	   /* -ENOMEM, once memory has run out */
};

/* One piece of time, or a moment, more of this. What finds no room is counted; see `err`, too. */
void fold_facts_add(struct fold_facts *f, const struct fold_fact *fact, uint64_t ns,
		    uint64_t critical, uint64_t count);

void fold_facts_release(struct fold_facts *f);

#endif
