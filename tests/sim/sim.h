/* SPDX-License-Identifier: MIT */
/*
 * A world of CPUs, threads and locks, simulated event by event and wholly determined by its
 * parameters. It is run twice. The first run writes a trace, as the recorder would, and giltrace
 * reports on it. The second run, the same to the nanosecond, keeps books instead: what every thread
 * did is known here, not inferred. Only which futex words the report took for locks is asked of the
 * report, since that is inferred by design; everything that follows from it must come out equal.
 *
 *   sim_run.c     what happens next; the world's beginning and end
 *   sim_cpus.c    who has each CPU, and who waits for one
 *   sim_wake.c    blocking and waking
 *   sim_quota.c   how much of the CPUs they may use in a while
 *   sim_births.c  processes, threads, locks and words, and how they come to be
 *   sim_plan.c    what a thread does next, by its role
 *   sim_work.c    what each step does
 *   sim_kill.c    a thread that ends all others of its process
 *   sim_locks.c   how each kind of lock, queue and barrier waits and wakes
 *   sim_calls.c   futex calls by result
 *   sim_shared.c  locks that several processes share
 *   sim_trace.c   the first run's records, and what is done to them on the way
 *   sim_truth.c   the second run's books; sim_truth_holds.c: who holds which lock;
 *                 sim_truth_data.c: from data to a lock;
 *                 sim_truth_losses.c: what a loss leaves unknown
 *   sim_check.c   the report against the books; sim_check_locks.c: locks and events;
 *                 sim_check_calls.c: futex calls; sim_check_data.c: from data to a lock;
 *                 sim_check_holds.c: inferred holds; sim_check_parallel.c: parallelism;
 *                 sim_check_verdict.c: N and verdicts; sim_check_numbers.c: what is left
 *   sim_params.c  what a seed stands for
 *   sim_scenarios.c  worlds with a name, whose verdict is known
 *   sim_main.c    options, many seeds, shrinking
 *
 * Nothing here uses code of analysis/. Times are nanoseconds.
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <giltrace/trace.h>

#include "lib/map.h"

#define US 1000ULL
#define MS 1000000ULL
#define NR_VFORK 58
#define NR_EXECVE 59
#define NR_EXIT_GROUP 231
#define SIM_START 1000000000ULL

/* What a world may have. Shrinking takes away one after the other. */
enum sim_feature {
	SIM_MUTEX = 1 << 0,
	SIM_GIL = 1 << 1,	/* CPython 3's: six words, timed waits, forced switches */
	SIM_SEMAPHORE = 1 << 2, /* CPython 2's: let go of and taken again every moment */
	SIM_BATON = 1 << 3,	/* Ruby's: each thread waits on a word of its own */
	SIM_MASTER = 1 << 4,	/* OCaml's: let go of at a tick */
	SIM_RWLOCK = 1 << 5,
	SIM_QUEUE = 1 << 6,
	SIM_BARRIER = 1 << 7,
	SIM_IO = 1 << 8,
	SIM_SLEEP = 1 << 9,
	SIM_KERNEL = 1 << 10, /* locks of the kernel, waiting for children */
	SIM_PREEMPT = 1 << 11,
	SIM_FOREIGN = 1 << 12, /* other programs take CPUs */
	SIM_PIN = 1 << 13,     /* some threads may use one CPU only */
	SIM_EXEC = 1 << 14,
	SIM_PROBES = 1 << 15,  /* lock probes tell of every lock but rwlocks */
	SIM_NESTED = 1 << 16,  /* locks are taken while another is held, and held asleep */
	SIM_RESPAWN = 1 << 17, /* threads end and others begin, with their thread ids */
	SIM_PI = 1 << 18,      /* some mutexes inherit priority: the kernel hands them over */
	SIM_EARLY = 1 << 19,   /* some are woken on their way off the CPU, into a futex wait */
	SIM_REQUEUE = 1 << 20, /* some barriers move who waits to a mutex, and wake one */
	SIM_VFORK = 1 << 21,   /* some processes have their parent wait until they exec */
	SIM_SHARED = 1 << 22,  /* some locks are all processes' */
	SIM_QUOTA = 1 << 23,   /* all may use so much of the CPUs in every period */
	SIM_KILL = 1 << 24,    /* some exec or exit while their process has other threads */
	SIM_FEATURES = 25
};

/* What is done to the records on their way into the file. */
enum sim_damage {
	SIM_WHOLE,
	SIM_DISORDER,  /* neighbours in one CPU's stream change places: must be mended */
	SIM_DUPLICATE, /* wakings and switches are told twice: must change nothing */
	SIM_LOSS,      /* some are lost, as from a full ring, and told to be */
	SIM_CUT,       /* the file ends anywhere, as when the recorder is killed */
	SIM_DAMAGES
};

struct sim_params {
	uint64_t seed;
	uint32_t cpus, threads, processes; /* threads: in all */
	uint64_t length;  /* when threads begin to end; a quarter later the window closes */
	uint64_t records; /* at least so many, then it ends; 0: as `length` says */
	uint32_t features;
	enum sim_damage damage;
	uint64_t end;	   /* of the window, where it is known from the first run; else 0 */
	uint32_t scenario; /* sim_scenarios.h; 0: a world as the seed draws it */
	uint32_t load;	   /* so many CPUs have a busy program of someone else's */
	bool one_cpu;	   /* all may use the first CPU only */
};

enum sim_state {
	SIM_NONE,
	SIM_RUNNING,
	SIM_RUNNABLE,
	SIM_FUTEX,
	SIM_BLOCKED_IO,
	SIM_KERNEL_LOCK,
	SIM_ASLEEP,
	SIM_OTHER,
	SIM_STATES
};

/* A futex word and who waits on it, first come first. */
struct sim_word {
	uint32_t as;   /* 0: in a file that processes share; */
	uint64_t addr; /* then sim_shared_place() */
	uint32_t first, last; /* thread index + 1 */
	const char *name;     /* for GT_SYMBOL, with `offset`; NULL: none */
	uint32_t number, offset;
	uint32_t op; /* of its last wait */
	uint64_t rounds;
	uint32_t val; /* of its first wait */
	bool varies;  /* a later one had another */
};

enum sim_object_kind {
	OBJECT_MUTEX,
	OBJECT_GIL,
	OBJECT_SEMAPHORE,
	OBJECT_BATON,
	OBJECT_MASTER,
	OBJECT_RWLOCK,
	OBJECT_QUEUE,
	OBJECT_BARRIER,
	OBJECT_KINDS
};

struct sim_object {
	enum sim_object_kind kind;
	uint32_t process; /* index */
	uint32_t word;	  /* index of its first */
	uint64_t base;
	uint32_t owner; /* thread index + 1; 0: free */
	uint32_t readers;
	bool pi;
	bool requeues;
	bool shared;
	uint32_t switches;	       /* GIL: how often it changed hands */
	bool asked;		       /* GIL: the holder is to let go */
	bool unknown;		       /* its interpreter is not told */
	uint32_t first, last;	       /* baton: who waits for a turn */
	uint32_t items, poison;	       /* queue */
	uint32_t members, here, round; /* barrier */
};

enum sim_step_kind {
	STEP_RUN,
	STEP_HOLD,
	STEP_LOCK,
	STEP_READ_LOCK,
	STEP_UNLOCK,
	STEP_READ_UNLOCK,
	STEP_IO,
	STEP_DISK,
	STEP_SLEEP,
	STEP_KERNEL,
	STEP_PUT,
	STEP_POISON,
	STEP_TAKE,
	STEP_BARRIER,
	STEP_SPAWN,
	STEP_FORK,
	STEP_EXEC,
	STEP_STOP,
	STEP_JOIN,
	STEP_PIN,
	STEP_RENAME,
	STEP_WRITE,
	STEP_USURP,
	STEP_EXIT_GROUP,
	STEP_EXIT
};

struct sim_step {
	enum sim_step_kind kind;
	uint32_t object; /* or thread, or process */
	uint64_t ns;
};

#define SIM_STEPS 16
#define SIM_OBJECTS 12 /* of a process */

/* A futex call that returned, and how often. */
struct sim_call {
	uint32_t process, as; /* ids */
	uint64_t addr;
	uint32_t op;
	int32_t result;
	uint64_t count;
};

struct sim_calls {
	struct sim_call *at;
	uint32_t n, room;
	struct map index; /* by what a call is */
	uint64_t no_room; /* calls */
};

enum sim_role { ROLE_MAIN, ROLE_WORKER, ROLE_MEMBER, ROLE_PRODUCER, ROLE_CONSUMER, ROLE_ALONE };

struct sim_thread {
	uint32_t id, index, process;
	int32_t tid;
	enum sim_role role;
	enum sim_state state;
	uint32_t cpu;	    /* where it runs or ran last; UINT32_MAX: nowhere yet */
	uint32_t pin;	    /* CPU + 1 */
	uint32_t next;	    /* thread index + 1, in a run queue */
	uint32_t next_wait; /* likewise on a word */
	uint32_t next_turn; /* likewise for a baton */
	uint32_t word;	    /* that it asked to wait on; on which it is now, having been moved; */
	uint32_t queued_on; /* and its own that its end is told on */
	uint32_t own_word;
	uint32_t turn_word; /* its first of two for a baton */
	uint64_t left;	    /* to run until the next step */
	uint64_t ran_since;
	uint32_t run_number, block_number; /* what older timers are told by */
	uint64_t deadline;		   /* it begins nothing new after that */
	uint32_t rounds;		   /* of a barrier; items of a producer */
	struct sim_step steps[SIM_STEPS];
	uint32_t at, n; /* steps done, steps there */
	/* The step it is in the middle of. */
	uint32_t stage, lock_stage;
	uint32_t seen; /* a count it waits to change */
	uint64_t hold_left;
	uint64_t episode; /* one number for all rounds of a wait */
	bool timed_out;
	/* On its way off the CPU, into a futex wait; and who woke it before it was there. */
	bool leaving;
	uint64_t leaving_ns, early; /* how long to wait; when it was woken, 0: not yet */
	uint32_t leaving_op, leaving_val;
	uint32_t early_from; /* thread index + 1 */
	bool early_by_futex, unseen;
	struct sim_call call; /* a futex wait that it is in */
	bool in_call;
	uint32_t spawned; /* main: how many so far */
	bool killed;	  /* it ends as soon as it goes on */
};

struct sim_process {
	uint32_t id, as, index, parent; /* parent: index + 1 */
	int32_t pid;
	uint32_t main, live;
	uint32_t objects[SIM_OBJECTS], nobjects;
	uint32_t global;	     /* object index + 1 */
	uint32_t queue, barrier;     /* likewise */
	uint32_t *threads, nthreads; /* spawned so far: indices; room for `planned` */
	uint32_t planned, members, consumers;
	bool exec;
	uint32_t vfork; /* thread index + 1 of who made it by vfork(), until it execs */
	bool vforked;	/* it was made so */
	enum sim_step_kind last; /* how all its threads end, from `last_at` on; STEP_EXIT: each by itself */
	uint64_t last_at;
	uint32_t usurper; /* thread index + 1 of who is to be the only one */
	uint64_t mapping; /* where it has what is shared */
	bool unnamed;	  /* what it has mapped there was not looked up */
};

struct sim_cpu {
	uint32_t running; /* thread index + 1 */
	bool foreign, kicked;
	uint32_t slice;	      /* number of the present stretch */
	uint32_t turn;	      /* of a busy program and the others; 0: there is none */
	uint32_t first, last; /* threads that may run nowhere else */
	uint64_t span_start, span_idle, traced, other, idle, since;
	uint32_t idle_at;    /* place in the list of idle CPUs + 1 */
	uint64_t stopped_at; /* when the quota stopped a thread here; 0: it did not, this period */
};

enum sim_event_kind {
	EVENT_RUN,
	EVENT_WAKE,
	EVENT_KICK,
	EVENT_SLICE,
	EVENT_FOREIGN,
	EVENT_FOREIGN_ENDS,
	EVENT_MARK,
	EVENT_QUOTA_USED,
	EVENT_QUOTA_STOP,
	EVENT_QUOTA_PERIOD
};

struct sim_event {
	uint64_t ts, order;
	uint32_t kind, who, number;
};

/* Records of one CPU that were lost, from the first to the last. */
struct sim_loss {
	uint32_t cpu;
	uint64_t first, last;
};

struct sim_trace;
struct sim_truth;

struct sim_quota {
	uint64_t left, since; /* until the period's is used up, as of then */
	uint32_t running;     /* CPUs that use it */
	uint32_t number, periods;
	bool stopped;
	uint64_t stopped_at; /* the first thread of this period */
	uint64_t throttled;  /* as the kernel counts: summed over CPUs, periods that are over */
};

struct sim {
	struct sim_params p;
	uint64_t random, now, order, end;
	uint32_t last_id;
	bool over;
	int err;
	struct sim_event *events;
	size_t nevents, events_room;
	struct sim_thread *threads;
	uint32_t nthreads, threads_room;
	struct sim_process *processes;
	uint32_t nprocesses;
	struct sim_object *objects;
	uint32_t nobjects, objects_room;
	struct sim_word *words;
	uint32_t nwords, words_room;
	struct sim_cpu *cpus;
	uint32_t *idle, nidle;
	struct sim_quota quota;
	uint32_t first, last; /* run queue of threads that may run anywhere */
	int32_t *tids;	      /* free for use again */
	uint32_t ntids;
	int32_t last_tid;
	uint32_t live;
	uint32_t told_cpu;	 /* of the record of what happens now */
	uint32_t pending;	 /* thread index + 1: just switched in */
	struct sim_calls calls;
	struct sim_trace *trace; /* first run; else NULL */
	struct sim_truth *truth; /* second run; else NULL */
};

/* ---- sim_run.c, sim_cpus.c, sim_wake.c, sim_births.c ---- */

struct sim *sim_new(const struct sim_params *p);
void sim_free(struct sim *s);
/* To the end. 0 or -errno. */
int sim_run(struct sim *s);

uint64_t sim_random(struct sim *s, uint64_t below); /* 0 … below - 1 */
uint64_t sim_between(struct sim *s, uint64_t from, uint64_t to);
bool sim_chance(struct sim *s, uint32_t percent);
static inline bool sim_has(const struct sim *s, uint32_t feature)
{
	return s->p.features & feature;
}

double sim_quota_cpus(const struct sim_params *p); /* 0: there is none */

struct sim_thread *sim_thread_new(struct sim *s, uint32_t process);
uint32_t sim_word_new(struct sim *s, uint32_t as, uint64_t addr);
uint32_t sim_object_new(struct sim *s, enum sim_object_kind kind, uint32_t process);
uint32_t sim_object_shared(struct sim *s, enum sim_object_kind kind, uint64_t place);
void sim_thread_starts(struct sim *s, struct sim_thread *t); /* born: waits for its first CPU */

/* The running thread `t` leaves its CPU; `ns` 0: until woken. Its next step is looked at when it is
 * back. */
void sim_block(struct sim *s, struct sim_thread *t, enum sim_state state, int syscall, bool disk,
	       uint64_t ns);
void sim_futex_wait(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t op, uint32_t val,
		    uint64_t ns);
/* It has arrived at its switch-out. */
void sim_futex_leaves(struct sim *s, struct sim_thread *t);
/* The first waiter is woken by running thread `t`. Was there any? */
bool sim_futex_wake(struct sim *s, struct sim_thread *t, uint32_t word);
/* The first waiter is woken, the others are moved to the next word. */
void sim_futex_requeue(struct sim *s, struct sim_thread *t, uint32_t word);
/* By a call of `t` that is no futex's, or by an interrupt: `t` NULL. */
void sim_wake(struct sim *s, struct sim_thread *t, struct sim_thread *to, int syscall);
void sim_ends(struct sim *s, struct sim_thread *t);
/* A thread that runs, or will: its present stretch of running is over at once. */
void sim_interrupt(struct sim *s, struct sim_thread *t, uint64_t within);

/* ---- sim_locks.c: each is called until it says that it is done; false: it blocked, or runs a
 * moment first ---- */

bool sim_lock(struct sim *s, struct sim_thread *t, struct sim_object *o);
void sim_unlock(struct sim *s, struct sim_thread *t, struct sim_object *o);
bool sim_hold(struct sim *s, struct sim_thread *t, struct sim_object *o, uint64_t ns);
bool sim_read_lock(struct sim *s, struct sim_thread *t, struct sim_object *o);
void sim_read_unlock(struct sim *s, struct sim_thread *t, struct sim_object *o);
void sim_put(struct sim *s, struct sim_thread *t, struct sim_object *o, bool poison);
bool sim_take(struct sim *s, struct sim_thread *t, struct sim_object *o, bool *poison);
bool sim_barrier(struct sim *s, struct sim_thread *t, struct sim_object *o);

/* ---- sim_calls.c ---- */

/* A call that wakes has returned; one that waits begins; and returns, if there is one. */
void sim_call_wakes(struct sim *s, const struct sim_thread *t, uint32_t word, uint32_t op,
		    int32_t result);
void sim_call_waits(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t op);
void sim_call_returns(struct sim *s, struct sim_thread *t);
void sim_calls_tell(struct sim_trace *trace, const struct sim *s);

/* ---- sim_shared.c ---- */

void sim_shared_init(struct sim *s);
void sim_shared_map(struct sim *s, struct sim_process *p); /* a new memory has it somewhere */
uint64_t sim_shared_place(uint64_t inode, uint64_t offset);
/* Where the process has the word. */
uint64_t sim_word_addr(const struct sim *s, const struct sim_word *w, const struct sim_process *p);
void sim_shared_tell(struct sim_trace *trace, const struct sim *s, const struct sim_word *w);

/* ---- sim_kill.c ---- */

/* In steps, as those of sim_locks.c: done when the thread is the only one, with a new program. */
bool sim_usurp(struct sim *s, struct sim_thread *t);
void sim_exit_group(struct sim *s, struct sim_thread *t);
void sim_kill_ended(struct sim *s, struct sim_thread *t);

/* ---- sim_work.c ---- */

int sim_work_init(struct sim *s);
/* Do steps until one takes time (t->left), blocks or ends the thread. */
void sim_work(struct sim *s, struct sim_thread *t);

/* ---- sim_trace.c ---- */

struct sim_trace *sim_trace_new(const struct sim_params *p, const char *path);
void sim_trace_event(struct sim_trace *t, const struct gt_event *ev);
/* What the collector finds out by itself: nothing is done to that. */
void sim_trace_collected(struct sim_trace *t, const struct gt_event *ev);
void sim_trace_mark(struct sim_trace *t, uint64_t ts);
/* Names, totals and meta; closes the file. 0 or -errno. */
int sim_trace_finish(struct sim_trace *t, const struct sim *s);
void sim_trace_free(struct sim_trace *t);
uint64_t sim_trace_records(const struct sim_trace *t);
uint64_t sim_trace_lost(const struct sim_trace *t);
/* The caller's to free. */
struct sim_loss *sim_trace_losses(struct sim_trace *t, uint32_t *n);

/* ---- sim_truth.c ---- */

void sim_truth_start(struct sim *s, const struct sim_thread *t);
void sim_truth_state(struct sim *s, const struct sim_thread *t, enum sim_state next);
void sim_truth_round(struct sim *s, const struct sim_thread *t,
		     uint32_t word); /* before its state changes */
/*
 * A thread comes to its switch-out into a futex wait, which may tell that it is being woken; and it
 * is off. Where records were lost its waking may be among them, and what it does next is not known.
 * One that is unknown and is woken on its way counts as runnable from there on.
 */
void sim_truth_way_off(struct sim *s, const struct sim_thread *t, bool woken);
void sim_truth_off(struct sim *s, const struct sim_thread *t);
void sim_truth_resume(struct sim *s, const struct sim_thread *t);
void sim_truth_wake(struct sim *s, const struct sim_thread *from, const struct sim_thread *to,
		    bool futex);
void sim_truth_got(struct sim *s, const struct sim_thread *t, const struct sim_object *o);
void sim_truth_let_go(struct sim *s, const struct sim_thread *t, const struct sim_object *o);
/* From then until now a quota stopped threads. */
void sim_truth_stopped(struct sim *s, uint64_t from);
void sim_truth_dies(struct sim *s, const struct sim_thread *t); /* with what it holds */
void sim_truth_finish(struct sim *s);

/* ---- sim_check.c ---- */

/* What the first run left behind that the check has to know. */
struct sim_case {
	struct sim_params p;
	const char *trace, *report; /* files */
	uint64_t lost, end;	    /* records; of the window */
	struct sim_loss *losses;
	uint32_t nlosses;
	FILE *out; /* differences are told here; NULL: nowhere */
};

/* Number of differences, or -errno. */
int sim_check(const struct sim_case *c);

#endif
