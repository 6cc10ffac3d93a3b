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
	/* Of the threads' time in P, R or L the share under masks of fewer CPUs than `cpus`, and the fewest. */
	double narrow_share;
	uint32_t narrow_cpus;
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

/* What a process's program interprets with. */
struct result_interpreter {
	enum gt_interpreter kind; /* NONE: nothing known */
	char *name, *image;       /* "CPython 3.11.2"; NULL: unknown */
	uint32_t flags;           /* enum gt_interpreter_flag */
};

struct result_process {
	uint32_t id, parent;
	int32_t pid;
	char *comm, *exe; /* exe NULL: unknown */
	uint32_t threads;
	uint64_t run, start, end;
	struct result_interpreter interpreter;
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

/* One thread's part in one lock. docs/method.md defines each; RESULT_UNKNOWN where nothing tells. */
struct result_lock_thread {
	uint32_t thread;
	uint64_t waits, wait; /* wait = wait_blocked + wait_runnable + what it ran between its rounds */
	uint64_t wait_blocked;  /* asleep */
	uint64_t wait_runnable; /* woken, waiting for a CPU */
	uint64_t races_lost;    /* times it was woken, found the lock taken again, and waited on */
	uint64_t acquisitions, releases; /* with probes only */
	uint64_t held; /* = held_running + held_runnable + held_blocked */
	uint64_t held_running;  /* holding and on a CPU */
	uint64_t held_runnable; /* holding, but without a CPU: a preempted holder stops everybody */
	uint64_t held_blocked;  /* holding, but asleep for another reason */
	double hold_share;      /* of the time that anybody held it; negative: not known */
	/* A thread that waits for data and then for the lock: from the data's waking to having the lock. */
	uint64_t io_waits;
	struct result_spread io_latency;
};

/* Who kept whom waiting. */
struct result_lock_pair {
	uint32_t holder; /* thread id; 0: nobody was known to hold it, as in a hand-off */
	uint32_t waiter;
	uint64_t time; /* ns of the waiter's waits while that thread held the lock */
	uint64_t others; /* holder 0: of these, ns of holders that found no room to be told apart */
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
	uint64_t handoff_sum; /* what the switching cost: time from release to the next holder's running */
	uint64_t acquisitions, releases; /* seen by probes; RESULT_UNKNOWN without */
	struct result_spread hold;
	const char *hold_source; /* "usdt", "probes", "inferred"; NULL: hold is not known */
	uint64_t held_running, held_runnable, held_blocked; /* sums over by_thread[]; RESULT_UNKNOWN */
	double fairness; /* Jain's index over the waiting threads' held: 1 all alike, 1/n one has all; < 0 unknown */
	struct result_lock_pair *pairs; /* longest first */
	size_t npairs;
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
	uint64_t unseen_wakings;      /* that the kernel did not show: the threads' runnable time counts as blocked */
	uint64_t disordered, skipped; /* by the reader */
	uint64_t left_out;            /* facts that found no room in the analyses */
	uint64_t unknown;             /* thread-time, ns: the sum of threads[].unknown */
	double unknown_share, limit;  /* of all threads' life */
	bool exceeded;
	bool incomplete, damaged;     /* the trace itself */
};

/* Something that could not be done, in the recorder's words. */
struct result_note {
	uint32_t process; /* 0: the whole recording */
	char *text;
};

/* ---- stacks ---- */

/* --stacks: what a stack's weight counts. */
enum stack_kind {
	STACK_LOCK,     /* ns blocked on a lock */
	STACK_OFFCPU,   /* ns off the CPU, by state */
	STACK_ONCPU,    /* ns on a CPU: samples × period */
	STACK_CRITICAL, /* the same, each sample divided by the threads running then */
	STACK_WAKE,     /* wakings, counted; ns: how long the wakee had been blocked */
	STACK_KINDS
};

/* "lock", "offcpu", … for --stacks; NULL / STACK_KINDS when there is none. */
const char *stack_kind_name(enum stack_kind kind);
enum stack_kind stack_kind_parse(const char *name);
/* Did a recording with `stacks` (enum gt_stacks) take what this kind needs? */
bool stack_kind_taken(enum stack_kind kind, uint32_t stacks);

struct result_frame {
	enum gt_frame_kind kind;
	uint32_t line; /* 0: unknown */
	char *name;
	char *image, *file; /* NULL: unknown */
};

struct result_stack {
	uint32_t flags; /* enum gt_stack_flag */
	uint32_t *frames; /* index into results.frames, innermost first */
	uint32_t nframes;
};

/*
 * Time (or samples) with one and the same explanation. What a flame graph shows of it, from its root on: the
 * thread, for STACK_OFFCPU a frame for `state`, `stack` outermost first, then, for STACK_LOCK, a frame that names
 * `lock` and `other` innermost first: who made the lock available, as far as known. For STACK_WAKE
 * `thread` and `stack` are the waker's, and `other_thread` is whom it woke.
 */
struct result_weight {
	enum stack_kind kind;
	uint8_t state;   /* enum state of model.h: why it was off the CPU */
	uint32_t thread; /* id */
	uint32_t lock;   /* locks[].id, 0: none */
	uint32_t other_thread; /* id; the waker, 0: none known; for STACK_WAKE the wakee */
	uint32_t stack, other; /* index + 1 into results.stacks; 0: none was taken */
	uint64_t ns, count;
};

/* Of one kind: all time and how much of it is in stacks that reach the thread's first frame. */
struct result_stack_sum {
	uint64_t ns, complete, count;
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
	struct result_note *notes;
	size_t nnotes;
	struct result_frame *frames;
	size_t nframes;
	struct result_stack *stacks;
	size_t nstacks;
	struct result_weight *weights; /* by kind, then heaviest first */
	size_t nweights;
	struct result_stack_sum stack_sums[STACK_KINDS];
	double audit_cpu_error, audit_task_error; /* largest relative difference; negative: no sums in the trace */
};

void results_free(struct results *r); /* what it owns, not the struct */

/*
 * Analyse a trace in two passes, on up to `jobs` CPUs; the results do not depend on how many. 0 or -errno. The
 * reader must outlive the results (meta).
 */
int results_from_trace(struct gt_reader *reader, unsigned int jobs, struct results *out);

#endif
