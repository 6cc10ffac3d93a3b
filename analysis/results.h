/* SPDX-License-Identifier: MIT */
/*
 * What the analyses found, as data. Renderers read only this; nothing here knows how it will be printed.
 * Times are nanoseconds, shares 0…1. Names follow the JSON report (schema giltrace.report/1).
 * A negative share or UINT64_MAX means unknown and is left out by renderers.
 */
#ifndef ANALYSIS_RESULTS_H
#define ANALYSIS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#include "lock_find.h"

#define RESULT_UNKNOWN UINT64_MAX

enum verdict_class {
	VERDICT_INCONCLUSIVE, VERDICT_IO_BOUND, VERDICT_SINGLE_THREADED, VERDICT_CPU_STARVED, VERDICT_SERIALIZED,
	VERDICT_CONTENDED, VERDICT_IMBALANCED, VERDICT_PARALLEL, VERDICT_MIXED,
	VERDICT_COUNT
};

/* "inconclusive", "io-bound", … as in the JSON and for --fail-if; NULL / VERDICT_COUNT when there is none. */
const char *verdict_class_name(enum verdict_class class);
enum verdict_class verdict_class_parse(const char *name);

struct result_spread {
	uint64_t sum, p50, p99, max;
};

struct result_verdict {
	enum verdict_class class;
	char *sentence;   /* one line, with the numbers it rests on */
	uint32_t lock;    /* locks[].id, 0: none */
	uint32_t process; /* the process it is about, 0: the whole run (with -a or several pids it is one process) */
	char **evidence;  /* one line each */
	size_t nevidence;
};

struct result_threshold {
	const char *name; /* JSON key */
	double value;
};

struct result_parallelism {
	double average, attainable, efficiency;
	uint32_t max;
	double cpus; /* N: CPUs that could be used at once */
	double serialized_share, starved_share;
	uint64_t active, window, serialized, lock_loss;
	double gain_bound;
	uint64_t *histogram; /* index: threads running; value: ns */
	size_t nhistogram;
};

struct result_cpu {
	uint32_t cpu;
	uint64_t workload, other, idle; /* add up to the window */
	uint64_t migrations_in;
};

struct result_occupancy {
	uint32_t cpu, thread;
	uint64_t run;
};

struct result_process {
	uint32_t id, parent;
	int32_t pid;
	char *comm, *exe; /* exe NULL: unknown */
	uint32_t threads;
	uint64_t run, start, end;
	struct result_verdict verdict;
	struct result_parallelism parallelism;
};

struct result_thread {
	uint32_t id, process;
	int32_t tid;
	char *comm;
	uint64_t start, end;
	uint64_t run, runnable, lock, event, io, kernel_lock, sleep, other, unknown; /* add up to end - start */
	uint64_t switches_voluntary, switches_involuntary, wakeups, migrations;
	uint64_t critical;
	bool kernel; /* kernel thread or io worker */
};

struct result_lock_thread {
	uint32_t thread;
	uint64_t waits, wait, held; /* held RESULT_UNKNOWN: not known */
};

struct result_lock {
	uint32_t id;
	uint32_t *processes;
	size_t nprocesses;
	enum lock_kind_id kind;
	char *name, *image; /* NULL: unknown */
	struct lock_word *words;
	size_t nwords;
	char **recognised_by; /* rungs and rules, one line each */
	size_t nrecognised_by;
	bool inferred;
	uint64_t waits, waiters, timeouts, handoffs;
	struct result_spread wait;
	uint64_t handoff_p50, handoff_p99;
	struct result_spread hold;
	const char *hold_source; /* "inferred", "usdt", …; NULL: hold is not known */
	double share_of_lock_time, explains_serialized;
	double *explains_of_process; /* by processes[]: the same of that process's serialized time */
	struct result_lock_thread *by_thread;
	size_t nby_thread;
};

/* A futex wait that is no lock. */
struct result_event {
	enum lock_sort sort; /* not SORT_LOCK */
	uint32_t *processes;
	size_t nprocesses;
	char *name;
	struct lock_word *words;
	size_t nwords;
	uint64_t waits;
	struct result_spread wait;
};

struct result_futex_call {
	uint32_t process;
	uint64_t address;
	uint32_t op;
	int32_t result;
	uint64_t count;
};

struct result_wakeup {
	uint32_t from; /* thread id; 0: timer or interrupt */
	uint32_t to;
	uint32_t lock; /* locks[].id or 0 */
	uint64_t count;
};

struct result_losses {
	uint64_t reasons[GT_LOSS_COUNT];
	uint64_t repaired;            /* switches put back, no loss: see struct gt_meta */
	uint64_t disordered, skipped; /* by the reader */
	uint64_t left_out;            /* facts that found no room in the analyses */
	uint64_t unknown;             /* thread-time, ns: the sum of threads[].unknown */
	double unknown_share, limit;  /* of all threads' life */
	bool exceeded;
	bool incomplete, damaged;     /* the trace itself */
};

struct results {
	const struct gt_meta *meta; /* the reader's: keep it open as long as the results */
	uint64_t start, end, active;
	struct result_verdict verdict;
	const struct result_threshold *thresholds;
	size_t nthresholds;
	struct result_parallelism parallelism;
	struct result_cpu *cpus;
	size_t ncpus;
	struct result_occupancy *occupancy;
	size_t noccupancy;
	struct result_process *processes;
	size_t nprocesses;
	struct result_thread *threads;
	size_t nthreads;
	struct result_lock *locks; /* longest waiting time first */
	size_t nlocks;
	struct result_event *events;
	size_t nevents;
	struct result_futex_call *futex_calls;
	size_t nfutex_calls;
	struct result_wakeup *wakeups;
	size_t nwakeups;
	struct result_losses losses;
	double audit_cpu_error, audit_task_error; /* largest relative difference; negative: no sums in the trace */
};

void results_free(struct results *r); /* what it owns, not the struct */

/*
 * Analyse a trace in two passes. 0 or -errno. The reader must outlive the results (meta).
 */
int results_from_trace(struct gt_reader *reader, struct results *out);

#endif
