/* SPDX-License-Identifier: MIT */
/* The books of the second run: sim_truth.c fills them, sim_check.c compares the report with them.
 */
#ifndef TESTS_SIM_TRUTH_H
#define TESTS_SIM_TRUTH_H

#include "lib/map.h"
#include "sim.h"

/* States as reported: futex waits are sorted as the report sorted their words. */
enum truth_state {
	TRUTH_NONE,
	TRUTH_RUN,
	TRUTH_RUNNABLE,
	TRUTH_LOCK,
	TRUTH_EVENT,
	TRUTH_IO,
	TRUTH_KERNEL_LOCK,
	TRUTH_SLEEP,
	TRUTH_OTHER,
	TRUTH_STATES
};

struct truth_list {
	uint64_t *at;
	size_t n, room;
};

struct truth_span {
	uint64_t from, to;
};

/* Numbers of a set of threads: all, or a process. */
struct truth_scope {
	double cpus; /* N, as reported */
	uint32_t running, runnable, lock;
	uint64_t last, active, several, serialized, run, run_most; /* several: two or more could run */
	uint64_t alone, waited; /* one ran and none could besides; thread-time without a CPU */
	uint64_t *masks;	/* thread-time that was active, by pin: CPU + 1, 0: all */
	double narrow;		/* share of it under masks of fewer CPUs than N: so few */
	uint32_t narrow_cpus, workers;
	double attainable, loss;
	uint64_t *histogram;
	uint32_t most;
	struct truth_span *starved; /* of 1 ms or more */
	size_t nstarved, starved_room;
	struct truth_span *stopped; /* by the quota, for however long; of the whole */
	size_t nstopped, stopped_room;
};

/* One thread's part in one of the report's groups of words. */
struct truth_part {
	uint32_t group, thread;
	uint64_t waits, wait, blocked, runnable, races_lost;
	uint64_t let_go_at,
		blocks_then; /* when it last let go, and how often it had blocked by then */
	uint64_t got, let_go, held, held_run, held_runnable;
	uint64_t gaps;		 /* between two holds, its thread not having blocked meanwhile */
	uint64_t since, longest; /* of holds that only such gaps part */
	struct truth_list data; /* each time from data to having the lock */
};

/* A group of words as the report formed it: a lock or an event. */
struct truth_group {
	bool lock, probed;
	uint32_t id;	  /* the report's, for locks */
	uint32_t waiting; /* asleep now */
	uint64_t waits, timeouts, handoffs, handoff_sum, blocked, serialized;
	struct truth_list wait, hold, handoff;
	/* Who held it when, for probed locks: times, and thread index + 1 from then on. */
	struct truth_list holder_at, holder;
	struct truth_list wait_from, wait_to, waiter;
};

struct truth_thread {
	bool seen;
	enum truth_state state;
	uint64_t since, start, end, time[TRUTH_STATES];
	uint64_t voluntary, involuntary, wakeups, migrations;
	double critical, inverse_at;
	uint32_t last_cpu; /* + 1 */
	/* Its present or last wait. */
	uint32_t group; /* + 1; 0: none open */
	uint64_t episode, wait_start, resumed, woken;
	uint64_t blocked_at, runnable_at, blocked_resumed, runnable_resumed, run_resumed;
	bool round, by_nobody, by_futex;
	/* Since when it has data, 0: it has none; and what was seen of that: sim_truth_data.c */
	uint64_t data, data_wakes, data_longest, arrived;
	bool comes, for_data;
	/* Where records are lost: is its state known, and how long at most not? */
	bool known, unsure;
	uint64_t unknown, way_off;
};

/* A hold that goes on. */
struct truth_hold {
	uint32_t thread;	       /* index + 1 */
	uint64_t since, run, runnable; /* and the holder's clocks then */
};

struct sim_truth {
	struct sim *s;
	struct truth_scope whole, *processes; /* by process index */
	struct truth_thread *threads;
	struct truth_group *groups;
	uint32_t ngroups;
	/* What the report says: index of a group, by truth_word_key() of a word, or of a process
	 * and a lock. */
	struct map group_of_word, group_of_object;
	struct map part_index; /* group << 32 | thread */
	struct truth_part *parts;
	size_t nparts, parts_room;
	struct map wakeups; /* by truth_wake_key() */
	struct map places;  /* cpu << 32 | thread → ns */
	struct map moves;   /* threads that came from another CPU, by CPU */
	double inverse;
	struct truth_hold *holds; /* by object */
	const struct sim_loss *losses;
	uint32_t nlosses;
	uint64_t missing;	  /* waits on words that the report does not have */
};

struct sim_truth *truth_new(struct sim *s, uint32_t ngroups);
void truth_free(struct sim_truth *t);
struct truth_part *truth_part(struct sim_truth *t, uint32_t group, uint32_t thread);
/* The state that `x` had ends with a record of now; that of the next one may be lost, too. */
void truth_loss_passes(struct sim_truth *t, const struct sim_thread *thread,
		       struct truth_thread *x);
void truth_loss_looks(struct sim_truth *t, struct truth_thread *x);
void truth_add(struct truth_list *l, uint64_t value);
/* Data wakes a thread; it does something else than to take a lock; `ran`: its run clock. */
void truth_data_comes(struct sim_truth *t, struct truth_thread *x);
void truth_data_used(struct sim_truth *t, struct truth_thread *x);
void truth_data_arrives(struct truth_thread *x, uint64_t ran);
/* It begins to wait; has waited, if it had; has a probed lock. Threads by index, groups + 1. */
void truth_data_asks(struct truth_thread *x, uint64_t ran);
void truth_data_waited(struct sim_truth *t, uint32_t thread);
void truth_data_got(struct sim_truth *t, uint32_t group, uint32_t thread);
/* Of the process's word: index + 1; 0: not in the report. */
uint32_t truth_group_of(struct sim_truth *t, uint32_t word, const struct sim_process *p);
void truth_hold_ends(struct sim_truth *t, const struct sim_object *o);
uint64_t truth_word_key(uint32_t as, uint64_t addr);
uint64_t truth_wake_key(uint32_t from, uint32_t to, uint32_t lock);

#endif
