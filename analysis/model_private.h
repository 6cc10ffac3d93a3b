/* SPDX-License-Identifier: MIT */
/* The model's insides, shared by its own files only. */
#ifndef ANALYSIS_MODEL_PRIVATE_H
#define ANALYSIS_MODEL_PRIVATE_H

#include "classify.h"
#include "idmap.h"
#include "lock_find.h"
#include "lib/map.h"
#include "model.h"
#include "model_losses.h"

#define MODEL_SINKS 16
/* Every CPU alone, the whole machine and some sets between; a thread with one more has an unknown
 * mask. */
#define MODEL_MASKS (GT_MAX_CPUS + 64)
#define MODEL_TASKS (1U << 24)

/* A waking as it was recorded: who did it is judged when it is known what it ended. */
struct waking {
	uint64_t ts; /* 0: none */
	uint32_t peer;
	uint8_t flags;
	bool exiting; /* the peer was, then */
	int32_t syscall;
	uint64_t addr;
	uint32_t op;
	uint32_t stack; /* the peer's */
};

/* The last GT_STACK_OF of a CPU: it belongs to the record of the same time that comes next. */
struct stack_taken {
	uint64_t ts;
	uint32_t task, stack;
};

struct model_process {
	struct process pub; /* must be first */
	bool requeues;	    /* it has moved futex waiters to other words */
};

struct model_thread {
	struct thread pub; /* must be first */
	/* Neighbours among the threads that are off the CPUs in a known state: what a loss may
	 * concern. */
	struct model_thread *prev, *next;
	enum state before; /* what it blocked on last, for restart_syscall; STATE_FUTEX is unsorted
			      here */
	struct waking waking; /* seen while it was not blocked */
	bool exiting;
	bool kernel;	      /* its saved registers mean nothing */
	uint32_t vfork_child; /* task id it may wait for in vfork(); 0: none */
	uint32_t vfork_parent;
	struct futex_wait last; /* the word last looked up in the lock table, and its group */
};

struct mask {
	uint64_t words[GT_MASK_WORDS];
};

struct listener {
	const struct model_sink *sink;
	void *ctx;
};

struct listeners {
	struct listener at[MODEL_SINKS];
	uint32_t n;
};

struct model {
	const struct gt_meta *meta;
	struct lock_table *locks;
	struct classifier classifier;

	uint64_t start, end, now; /* end 0: not known */
	bool started;		  /* `start` is known */
	bool open;		  /* inside the window: sinks are told */
	bool closed;
	/* While it is open: up to this time nothing happens but what records say, no loss begins and the
	 * window does not end. */
	uint64_t calm;

	/* First pass: where losses go that are told of. Second: those that were, and how many have begun. */
	struct model_losses *collect;
	struct model_losses losses;
	bool expects;
	uint32_t losses_begun;
	uint64_t next_loss; /* when the next one begins; UINT64_MAX: none */
	/* By CPU, and the latest of all: before this time records may be missing. 0: none */
	uint64_t lost_until[GT_MAX_CPUS], any_lost_until;
	uint64_t last_lost_until; /* the same of losses that are over, too */

	struct idmap thread_ids, process_ids;
	struct model_thread **threads;
	struct model_process **processes;
	uint32_t nthreads, nprocesses, threads_cap, processes_cap;
	struct model_thread off; /* head of the list of threads off the CPUs */

	struct cpu cpus[GT_MAX_CPUS];
	bool seen[GT_MAX_CPUS]; /* there was a record about it, ever */
	uint32_t ncpus;
	uint64_t idle[GT_MASK_WORDS]; /* CPUs known to be idle */
	struct stack_taken stacks[GT_MAX_CPUS];

	struct mask *masks; /* 0 stands for "unknown" */
	uint32_t nmasks, masks_cap;
	struct map mask_ids; /* hash of the words → index; the next key holds the next mask of that
				hash */

	/* Each slot's listeners by themselves: a record costs no look at sinks that do not care. */
	struct listeners sinks, transition, wake, cpu_span, record;
	struct model_counts counts;
};

/* Call `slot` of everyone who listens to it; nothing outside the window. */
#define MODEL_TELL(m, slot, ...)                                                                   \
	do {                                                                                       \
		const struct listener *tell = (m)->slot.at;                                        \
		const struct listener *tell_end = tell + ((m)->open ? (m)->slot.n : 0);            \
                                                                                                   \
		for (; tell < tell_end; tell++)                                                    \
			tell->sink->slot(tell->ctx, (m), __VA_ARGS__);                             \
	} while (0)

static inline struct model_thread *model_of(struct thread *t)
{
	return (struct model_thread *)t;
}

/* ---- model.c ---- */

/* The clock, which never goes back, and the window, which may open with it. */
void model_advance(struct model *m, uint64_t ts);
void model_see_cpu(struct model *m, uint32_t cpu);

/* What `calm` depends on has changed. */
void model_set_calm(struct model *m);

/* ---- model_losses.c ---- */

/* All losses that began up to `until` and are not begun yet. */
void model_losses_begin(struct model *m, uint64_t until);
int model_lost(struct model *m, const struct gt_event *ev);
/* May a record be missing of what a thread does now that is on no CPU? */
static inline bool model_in_loss(const struct model *m)
{
	return m->now < m->any_lost_until;
}

/* ---- model_tasks.c: threads, processes, CPU masks ---- */

int model_tasks_init(struct model *m);
void model_tasks_free(struct model *m);
/* The live thread of a record; NULL for 0, for one that ended and, counted, for one never heard of.
 */
static inline struct model_thread *model_live(struct model *m, uint32_t id)
{
	struct model_thread *t = id ? idmap_get(&m->thread_ids, id) : NULL;

	if (t && t->pub.state != STATE_NONE)
		return t;
	m->counts.unknown_tasks += id && !t;
	return NULL;
}
/* Tell the sinks and change the state. A change to the same state is none. */
void model_set_state(struct model *m, struct model_thread *t, enum state next);
void model_end_thread(struct model *m, struct model_thread *t);
int model_task(struct model *m, const struct gt_event *ev);
int model_exec(struct model *m, const struct gt_event *ev);
int model_rename(struct model *m, const struct gt_event *ev);
int model_exit(struct model *m, const struct gt_event *ev);
int model_affinity(struct model *m, const struct gt_event *ev);

/* ---- model_cpus.c: who holds each CPU ---- */

/* Tell of the time since the CPU's last change, `idle` ns of it idle where no traced thread had it.
 */
void model_cpu_close(struct model *m, struct cpu *c, uint64_t idle);
/* Its occupant from now on: a thread, or NULL and whether it is idle. */
void model_cpu_take(struct model *m, struct cpu *c, struct model_thread *t, bool idle);
/* The records contradict the model: what this thread does is unknown, and so is the CPU it was
 * thought on. */
void model_forget(struct model *m, struct model_thread *t);
void model_cpu_forget(struct model *m, struct cpu *c);
int model_cpu_record(struct model *m, const struct gt_event *ev); /* GT_CPU */
int model_on_cpu(struct model *m, const struct gt_event *ev);

/* ---- model_switch.c: switches, wakings, what blocks whom ---- */

int model_switch(struct model *m, const struct gt_event *ev);
int model_waking(struct model *m, const struct gt_event *ev);
int model_found_state(struct model *m, const struct gt_event *ev); /* GT_STATE */
int model_stack_of(struct model *m, const struct gt_event *ev);
/* The thread takes CPU `c`, whose time up to now has been told. */
void model_switch_in(struct model *m, struct cpu *c, struct model_thread *t);

#endif
