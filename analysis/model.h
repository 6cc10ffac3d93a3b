/* SPDX-License-Identifier: MIT */
/*
 * Records in, thread states out. The model replays a trace's records in order of time, keeps what every
 * CPU and every traced thread is doing, and tells its sinks about each change. It runs twice over a trace:
 * the first pass has no lock table and calls every futex wait STATE_LOCK's unsorted sibling, STATE_FUTEX;
 * the second is given the table that lock_find made of the first and names each wait lock or event.
 *
 * Memory follows threads and processes, never records. docs/method.md defines the states.
 */
#ifndef ANALYSIS_MODEL_H
#define ANALYSIS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <giltrace/trace.h>

enum state {
	STATE_NONE, /* not born, or ended */
	STATE_RUNNING,
	STATE_RUNNABLE,
	STATE_LOCK,
	STATE_EVENT,
	STATE_IO,
	STATE_KERNEL_LOCK,
	STATE_SLEEP,
	STATE_OTHER,
	STATE_UNKNOWN, /* records were lost */
	STATE_FUTEX,   /* a futex wait not yet sorted: first pass only */
	STATE_COUNT
};

struct lock_table; /* lock_find.h */
struct lock_group;

/* The futex wait a thread is in, or was in when it last blocked on one. */
struct futex_wait {
	uint32_t as;
	uint64_t addr;
	uint32_t op, val;
	bool timed;
	struct lock_group *group; /* second pass: what the word belongs to; NULL if the table has no such word */
};

struct process {
	uint32_t id;      /* GT_TASK's process number */
	uint32_t index;   /* 0, 1, 2 … in order of appearance: for tables kept by analyses */
	int32_t tgid;
	uint32_t parent;  /* process id, 0 unknown */
	uint32_t as;      /* current address space */
	char comm[GT_COMM_LEN];
	char *exe;        /* path of the last exec, NULL when none was seen */
	uint64_t start, end; /* end 0: alive at the window's end */
	uint32_t live;    /* threads not yet ended */
	uint32_t nthreads; /* ever */
};

struct thread {
	uint32_t id;    /* GT_TASK's number */
	uint32_t index; /* 0, 1, 2 … in order of appearance */
	int32_t tid;
	uint32_t flags; /* enum gt_task_flag */
	struct process *process;
	char comm[GT_COMM_LEN];
	uint64_t start, end; /* clipped to the window's start; end 0: alive */
	uint64_t clear_child_tid;

	enum state state;
	uint64_t since;     /* when `state` began */
	uint32_t cpu;       /* where it runs, or last ran; UINT32_MAX before it ever ran */
	bool preempted;     /* STATE_RUNNABLE: put there by preemption, not by a waking */
	/*
	 * From the switch-out on a futex wait to the switch-in that ends it, `blocked_on_futex` is set and
	 * `wait` says what for; both already, and both still, while sinks are told of those two transitions.
	 */
	struct futex_wait wait;
	bool blocked_on_futex;
	uint32_t waker;     /* thread id that woke it last from its current or last block; 0: timer or interrupt */
	uint64_t woken;     /* time of that waking; 0: none since it blocked */
	/* Numbers of GT_STACK, 0: none was taken. Where it was when it last left a CPU; where `waker` woke it. */
	uint32_t stack, waker_stack;
	uint32_t mask;      /* index into the model's table of distinct CPU masks; 0: not known */
	uint64_t run_total; /* ns on a CPU since the first record, the time before the window included */
};

/* One thread made another runnable. waker is NULL for a timer, an interrupt, or a task not traced. */
struct wake {
	/* When. Told at once, but for a thread that was woken on its way to sleep: at its switch-in. */
	uint64_t ts;
	struct thread *waker, *wakee;
	bool futex;           /* the waker's own futex call woke it; addr is its word, in waker's address space */
	uint64_t addr;
	uint32_t op;
	bool timeout;         /* a timed wait ended by nobody's wake */
	uint32_t stack;       /* where the waker was, a number of GT_STACK; 0: none was taken */
};

struct cpu {
	uint32_t id;
	struct thread *running; /* the traced thread on it, or NULL */
	bool idle;              /* with running NULL: nobody else is on it either */
	bool known;             /* false until the first record about it */
	uint64_t since;         /* when this occupation began */
	uint64_t cut;           /* ns of it before the window opened at `since`, not in the totals yet */
	/* ns up to `since` from the first record about this CPU, the time before the window included */
	uint64_t traced_total, other_total, idle_total;
};

struct model;

/*
 * What an analysis may listen to. Any slot may be NULL. Called before the model changes its own state, so
 * the thread still shows what ends: (t->state, t->since, now).
 */
struct model_sink {
	void (*start)(void *ctx, const struct model *m, uint64_t now);
	void (*transition)(void *ctx, const struct model *m, struct thread *t, enum state next, uint64_t now);
	void (*wake)(void *ctx, const struct model *m, const struct wake *wake);
	/* A stretch of one CPU's time ended: thread, or NULL with idle ns of (end - start) idle, the rest other. */
	void (*cpu_span)(void *ctx, const struct model *m, const struct cpu *cpu, const struct thread *t,
			 uint64_t start, uint64_t end, uint64_t idle);
	/* Records that are not about states (GT_SYMBOL, GT_FUTEX_COUNT, GT_TASK_SUM, GT_LOST, …), as they pass. */
	void (*record)(void *ctx, const struct model *m, const struct gt_event *ev);
	/* The window closed at `now`; every open state has been closed by a transition to STATE_NONE. */
	void (*finish)(void *ctx, const struct model *m, uint64_t now);
};

/* `locks` may be NULL (first pass). `meta` gives the window. Returns NULL when out of memory. */
struct model *model_new(const struct gt_meta *meta, struct lock_table *locks);
void model_free(struct model *m);

/* Sinks are called in the order they were added. 0 or -ENOMEM. */
int model_add_sink(struct model *m, const struct model_sink *sink, void *ctx);

/* Feed one record. Hostile values (task ids from nowhere, absurd CPUs) are counted, never trusted. */
int model_event(struct model *m, const struct gt_event *ev);

/* Close the window at meta->end, or at the last time seen when that is unknown. */
int model_finish(struct model *m);

/*
 * A loss is told by the next record that found room, on its own CPU. The first pass collects what losses
 * there were; the second, which expects them, takes what they concern for unknown from the loss itself
 * on. A model that does not, from when it was told. It keeps a copy of those it expects: 0 or -ENOMEM.
 */
struct model_losses;
void model_collect_losses(struct model *m, struct model_losses *losses);
int model_expect_losses(struct model *m, const struct model_losses *losses);

uint64_t model_window_start(const struct model *m);
uint64_t model_now(const struct model *m);
uint32_t model_nthreads(const struct model *m);
struct thread *model_thread_at(const struct model *m, uint32_t index);
struct thread *model_thread(const struct model *m, uint32_t id); /* NULL when unknown */
uint32_t model_nprocesses(const struct model *m);
struct process *model_process_at(const struct model *m, uint32_t index);
uint32_t model_ncpus(const struct model *m); /* highest CPU seen + 1 */
const struct cpu *model_cpu(const struct model *m, uint32_t cpu);
/* Is a CPU that thread `t` may use idle right now, as far as records tell? */
bool model_idle_cpu_for(const struct model *m, const struct thread *t);
/* CPU mask table: number of CPUs in the union of masks flagged in `wanted` (indexed by mask index). */
uint32_t model_mask_cpus(const struct model *m, uint32_t mask); /* of one of them; 0: not known */
uint32_t model_nmasks(const struct model *m);
uint32_t model_mask_union(const struct model *m, const bool *wanted);

struct model_counts {
	uint64_t records, unmatched_switch_in, unknown_tasks, bad_records;
	uint64_t repeated;	 /* switches told twice */
	uint64_t unseen_wakings; /* blocked, then running, and of no waking is told */
};
void model_counts(const struct model *m, struct model_counts *out);

#endif
