/* SPDX-License-Identifier: MIT */
/*
 * How many threads ran, were runnable and were blocked on locks at once, for the whole run and for
 * each process: P(t), R(t), L(t) and what is integrated from them. docs/method.md defines each
 * number.
 */
#ifndef ANALYSIS_PARALLELISM_H
#define ANALYSIS_PARALLELISM_H

#include "analysis.h"

struct parallelism;

/* Sums of one scope up to the last step, ns. Everything a verdict needs and results do not carry.
 */
struct parallelism_sums {
	uint64_t active;     /* P + R + L > 0 */
	uint64_t several;    /* P + R + L >= 2 */
	uint64_t alone;	     /* P = 1, R = L = 0 */
	uint64_t serialized; /* P <= 1, L >= 1 */
	uint64_t waiting;    /* L >= 1 */
	uint64_t runnable;   /* integral of R */
	uint64_t starved;    /* union of runnable intervals of 1 ms or more */
	uint64_t run;	     /* integral of P */
	uint64_t run_max;    /* the busiest thread's run time */
	uint32_t workers;    /* W: threads with at least 5 % of that */
};

/*
 * The clock "serialized time so far" (P <= 1 and L >= 1), ns: two readings bound the serialized
 * time between them. Valid inside sinks that run after parallelism's own, in whose order rows stand
 * in analysis.c. `scope` NULL is the whole run.
 */
uint64_t parallelism_serialized_so_far(const struct parallelism *p, const struct process *scope,
				       uint64_t now);

/* 0, or -ENOMEM: its clocks stand still since it got no memory. */
int parallelism_error(const struct parallelism *p);

/* P at this moment, the change that is being told included. */
uint32_t parallelism_running(const struct parallelism *p, const struct process *scope);

/* Integral of 1/P (of the whole run) over the time `t` ran, ns. */
double parallelism_critical(const struct parallelism *p, const struct thread *t);

void parallelism_sums(const struct parallelism *p, const struct process *scope,
		      struct parallelism_sums *out);

/*
 * What the numbers of `scope` would be, were its waits that are not proven to be for a lock
 * (SORT_UNPROVEN) such waits: `as_events` are its results as they are. Returns 1 with both outputs
 * filled, out->histogram then the caller's to free; 0 where nothing is unproven; or -ENOMEM.
 */
int parallelism_if_locks(const struct analysis_context *ctx, const struct process *scope,
			 const struct result_parallelism *as_events,
			 struct result_parallelism *out, struct parallelism_sums *sums);

extern const struct analysis parallelism_analysis;

#endif
