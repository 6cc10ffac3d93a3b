/* SPDX-License-Identifier: MIT */
/* One class and one sentence for the whole run and for each process. docs/method.md has the ladder.
 */
#ifndef ANALYSIS_VERDICT_H
#define ANALYSIS_VERDICT_H

#include "analysis.h"
#include "parallelism.h"

enum verdict_threshold {
	THRESHOLD_UNKNOWN,
	THRESHOLD_ACTIVE_NS,
	THRESHOLD_ACTIVE_SHARE,
	THRESHOLD_SEVERAL_SHARE,
	THRESHOLD_ONE_CPU_SHARE,
	THRESHOLD_SERIALIZED,
	THRESHOLD_GAIN,
	THRESHOLD_STARVED,
	THRESHOLD_STARVED_PART,
	THRESHOLD_SHORT_OF_CPUS,
	THRESHOLD_EFFICIENCY,
	THRESHOLD_LOCK_PART,
	THRESHOLD_ALONE,
	THRESHOLD_PARALLEL,
	THRESHOLD_UNPROVEN,
	THRESHOLD_COUNT
};

/* What the ladder looks at, for one scope. */
struct verdict_facts {
	const struct result_parallelism *parallelism;
	struct parallelism_sums sums;
	double unknown_share;
	bool ends_early; /* the trace does, and no loss was counted: that is why time is unknown */
	double others; /* CPUs that anyone else used on average; 0 for a process, whose share is not
			  known */
	double own;    /* of them giltrace itself, as it measured */
	double idle;   /* CPUs that nobody used, likewise */
	enum gt_interpreter interpreter; /* that it ran, NONE: none with a global lock */
	uint32_t cpus_online;
	bool quota; /* that, not their masks, is what bounds the CPUs it may use */
	/*
	 * CPUs that the run's processes could use at once as they are: one for each that a lock or
	 * its having one thread keeps to one, its busy threads for any other. 0: not asked (of a
	 * process).
	 */
	double demand;
	const struct result_lock
		*lock;	      /* the one that explains most; NULL: no lock was waited for */
	double lock_explains; /* share of the scope's serialized time with a waiter on it */
	/* The wait that may be for a lock, and the facts if it is; NULL: there is none. */
	const struct result_event *unproven;
	const struct verdict_facts *if_lock;
};

double verdict_limit(enum verdict_threshold id);
const struct result_threshold *verdict_thresholds(void);
/* Fewer than two CPUs for threads of which two or more could use one. */
bool verdict_one_cpu(const struct verdict_facts *f);
/* The first class of the ladder that holds, unproven waits taken for events. */
enum verdict_class verdict_climb(const struct verdict_facts *f);
/* The same, but inconclusive where so much hangs on what was not proven that it may be wrong. */
enum verdict_class verdict_decide(const struct verdict_facts *f);
/*
 * Share of active time (the unproven waits' counted in) with at most one thread running, a thread
 * in an unproven wait and none waiting for a lock: 0…1.
 */
double verdict_unproven_share(const struct verdict_facts *f);
/* Class, sentence and evidence. 0 or -ENOMEM; the caller frees what `out` then owns in either case.
 */
int verdict_write(const struct verdict_facts *f, struct result_verdict *out);

extern const struct analysis verdict_analysis; /* reads all other results: its row stands last */

#endif
