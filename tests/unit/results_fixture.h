/* SPDX-License-Identifier: MIT */
/* Invented but possible results, for tests of what is made of results. Nothing here is allocated.
 */
#ifndef TESTS_UNIT_RESULTS_FIXTURE_H
#define TESTS_UNIT_RESULTS_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <analysis/results.h>

#define MS 1000000ULL
#define FIXTURE_THREADS 80
#define FIXTURE_CPUS 64
#define FIXTURE_PROCESSES 20
#define FIXTURE_LOCKS 20

struct fixture {
	struct results r;
	struct gt_meta meta;
	char *command[8];
	struct result_cpu cpus[FIXTURE_CPUS];
	struct result_occupancy occupancy[FIXTURE_THREADS];
	struct result_process processes[FIXTURE_PROCESSES];
	struct result_thread threads[FIXTURE_THREADS];
	struct result_lock locks[FIXTURE_LOCKS];
	struct result_lock_thread by_thread[FIXTURE_THREADS];
	struct result_lock_pair pairs[2];
	struct result_event events[8];
	struct result_futex_call calls[4];
	struct result_wakeup wakeups[4];
	struct result_frame frames[8];
	struct result_stack stacks[4];
	struct result_weight weights[8];
	uint32_t stack_frames[16];
	uint64_t histogram[FIXTURE_CPUS + 1];
	struct lock_word words[6];
	uint32_t ids[2];
	char *evidence[2];
	char names[FIXTURE_THREADS][24];
};

static const struct result_threshold fixture_thresholds[] = {
	{ "serialized_share", 0.5 },
	{ "gain_bound", 1.2 },
	{ "loss", 0.01 },
};

static char *fixture_reasons[] = { (char *)"symmetry 2/2", (char *)"exclusive after hand-over" };

static inline void fixture_window(struct fixture *f, uint64_t wall)
{
	memset(f, 0, sizeof(*f));
	f->command[0] = (char *)"./gil_threads";
	f->command[1] = (char *)"-t";
	f->command[2] = (char *)"2";
	f->meta = (struct gt_meta){
		.giltrace = (char *)"0.1.0",
		.command = f->command,
		.exe = (char *)"/usr/bin/gil_threads",
		.exited = true,
		.start = 1000 * MS,
		.end = 1000 * MS + wall,
		.kernel = (char *)"6.1.0-28-amd64",
		.arch = (char *)"x86_64",
		.clock = (char *)"CLOCK_MONOTONIC",
		.cpus_online = 2,
		.cpus_allowed = 2,
		.overhead = { 11 * MS, 52304, 0, 7 * MS, 61 * MS, 318211, 51022 },
		.futex_calls = true,
	};
	f->ids[0] = 1;
	f->ids[1] = 2;
	f->r = (struct results){
		.meta = &f->meta,
		.start = f->meta.start,
		.end = f->meta.end,
		.active = wall,
		.thresholds = fixture_thresholds,
		.nthresholds = 3,
		.parallelism = { .cpus = 2,
				 .active = wall,
				 .window = wall,
				 .histogram = f->histogram },
		.cpus = f->cpus,
		.occupancy = f->occupancy,
		.processes = f->processes,
		.threads = f->threads,
		.locks = f->locks,
		.events = f->events,
		.futex_calls = f->calls,
		.wakeups = f->wakeups,
		.losses = { .limit = 0.01 },
		.audit_cpu_error = 0.00002,
		.audit_task_error = 0.0001,
	};
}

static inline void fixture_cpu(struct fixture *f, uint64_t workload, uint64_t other)
{
	uint64_t wall = f->r.end - f->r.start;

	f->cpus[f->r.ncpus] =
		(struct result_cpu){ f->r.ncpus, workload, other, wall - workload - other, 17 };
	f->r.ncpus++;
}

static inline struct result_thread *fixture_thread(struct fixture *f, uint32_t process,
						   const char *comm, uint64_t run, uint64_t lock,
						   uint64_t runnable)
{
	uint32_t n = f->r.nthreads++;
	uint64_t wall = f->r.end - f->r.start;

	f->threads[n] = (struct result_thread){
		.id = n + 10,
		.process = process,
		.tid = 4321 + n,
		.comm = (char *)comm,
		.start = f->r.start,
		.end = f->r.end,
		.run = run,
		.runnable = runnable,
		.lock = lock,
		.event = wall - run - lock - runnable,
		.switches_voluntary = 812,
		.switches_involuntary = 31,
		.wakeups = 806,
		.migrations = 40,
		.critical = run,
	};
	f->occupancy[f->r.noccupancy++] = (struct result_occupancy){ 0, n + 10, run };
	return &f->threads[n];
}

static inline struct result_process *fixture_process(struct fixture *f, const char *comm,
						     uint32_t threads)
{
	uint32_t n = f->r.nprocesses++;

	f->processes[n] = (struct result_process){
		.id = n + 1,
		.parent = n ? 1 : 0,
		.pid = 4321 + n,
		.comm = (char *)comm,
		.exe = (char *)"/usr/bin/gil_threads",
		.threads = threads,
		.run = 1900 * MS,
		.start = f->r.start,
		.end = f->r.end,
		.verdict = { VERDICT_PARALLEL, (char *)"1.90 threads ran at once on average" },
		.parallelism = { .average = 1.9,
				 .attainable = 2,
				 .efficiency = 0.95,
				 .gain_bound = 2,
				 .histogram = f->histogram },
	};
	return &f->processes[n];
}

static inline struct result_lock *fixture_lock(struct fixture *f, const char *name,
					       enum lock_kind_id kind, uint64_t wait)
{
	uint32_t n = f->r.nlocks++;

	f->words[0] = (struct lock_word){ .as = 3, .addr = 0x55d0c0ffee40, .waits = 800 };
	f->words[1] = (struct lock_word){ .as = 3, .addr = 0x55d0c0ffee68, .waits = 12 };
	f->by_thread[0] = (struct result_lock_thread){
		.thread = 10, .waits = 400, .wait = wait / 2, .held = 900 * MS,
		.wait_blocked = wait / 2 - 9 * MS, .wait_runnable = 8 * MS, .races_lost = 7,
		.acquisitions = RESULT_UNKNOWN, .releases = RESULT_UNKNOWN,
		.held_running = 880 * MS, .held_runnable = 15 * MS, .held_blocked = 5 * MS,
		.hold_share = 0.6, .io_waits = 120,
		.io_latency = { 640 * MS, 5 * MS, 9 * MS, 11 * MS },
	};
	f->by_thread[1] = (struct result_lock_thread){
		.thread = 11, .waits = 412, .wait = wait / 2, .held = RESULT_UNKNOWN,
		.wait_blocked = wait / 2, .acquisitions = RESULT_UNKNOWN, .releases = RESULT_UNKNOWN,
		.held_running = RESULT_UNKNOWN, .held_runnable = RESULT_UNKNOWN,
		.held_blocked = RESULT_UNKNOWN, .hold_share = -1,
	};
	f->pairs[0] = (struct result_lock_pair){ 10, 11, wait / 2 - MS };
	f->pairs[1] = (struct result_lock_pair){ 0, 11, MS };
	f->locks[n] = (struct result_lock){
		.id = n + 1,
		.processes = f->ids,
		.nprocesses = 1,
		.kind = kind,
		.name = (char *)name,
		.image = (char *)"/usr/bin/gil_threads",
		.words = f->words,
		.nwords = 2,
		.recognised_by = fixture_reasons,
		.nrecognised_by = 2,
		.inferred = true,
		.waits = 812,
		.waiters = 2,
		.timeouts = 390,
		.handoffs = 401,
		.wait = { wait, 5034000, 9120000, 21 * MS },
		.handoff_p50 = 11200,
		.handoff_p99 = 61000,
		.hold = { 3900 * MS, 5 * MS, 6 * MS, 9 * MS },
		.hold_source = "inferred",
		.handoff_sum = 4812000,
		.acquisitions = RESULT_UNKNOWN,
		.releases = RESULT_UNKNOWN,
		.held_running = 3850 * MS,
		.held_runnable = 40 * MS,
		.held_blocked = 10 * MS,
		.fairness = 0.97,
		.pairs = f->pairs,
		.npairs = 2,
		.share_of_lock_time = 0.998,
		.explains_serialized = 0.994,
		.by_thread = f->by_thread,
		.nby_thread = 2,
	};
	return &f->locks[n];
}

static inline void fixture_event(struct fixture *f, enum lock_sort sort, const char *name,
				 uint64_t wait)
{
	f->events[f->r.nevents++] = (struct result_event){
		.sort = sort,
		.processes = f->ids,
		.nprocesses = 1,
		.name = (char *)name,
		.words = f->words,
		.nwords = 1,
		.waits = 2,
		.wait = { wait, wait / 2, wait / 2, wait / 2 },
	};
}

/* Of the first two workers, which wait for the lock in turns; the second stack is cut off. */
static inline void fixture_stacks(struct fixture *f)
{
	static const struct result_frame frames[] = {
		{ GT_FRAME_KERNEL, 0, (char *)"futex_wait", (char *)"[kernel]", NULL },
		{ GT_FRAME_NATIVE, 88, (char *)"take_gil", (char *)"/usr/bin/gil_threads",
		  (char *)"gil.c" },
		{ GT_FRAME_NATIVE, 20, (char *)"worker", (char *)"/usr/bin/gil_threads",
		  (char *)"gil_threads.c" },
		{ GT_FRAME_NATIVE, 0, (char *)"start_thread", (char *)"/lib/libc.so.6", NULL },
		{ GT_FRAME_PYTHON, 3, (char *)"count", NULL, (char *)"/tmp/count.py" },
		{ GT_FRAME_NATIVE, 97, (char *)"drop_gil", (char *)"/usr/bin/gil_threads",
		  (char *)"gil.c" },
	};
	static const uint32_t lists[] = { 0, 1, 4, 2, 3, 5, 4, 2, 3, 0, 1 };
	static const struct result_weight weights[] = {
		{ STACK_LOCK, STATE_LOCK, 11, 1, 12, 1, 2, 1500 * MS, 290 },
		{ STACK_LOCK, STATE_LOCK, 12, 1, 11, 1, 2, 1455 * MS, 300 },
		{ STACK_LOCK, STATE_LOCK, 12, 1, 0, 3, 0, 500 * MS, 100 },
		{ STACK_LOCK, STATE_LOCK, 11, 1, 0, 0, 0, 460 * MS, 122 },
	};

	memcpy(f->frames, frames, sizeof(frames));
	memcpy(f->stack_frames, lists, sizeof(lists));
	memcpy(f->weights, weights, sizeof(weights));
	f->stacks[0] = (struct result_stack){ GT_STACK_COMPLETE, f->stack_frames, 5 };
	f->stacks[1] = (struct result_stack){ GT_STACK_COMPLETE, f->stack_frames + 5, 4 };
	f->stacks[2] = (struct result_stack){ GT_STACK_TRUNCATED, f->stack_frames + 9, 2 };
	f->r.frames = f->frames;
	f->r.nframes = sizeof(frames) / sizeof(frames[0]);
	f->r.stacks = f->stacks;
	f->r.nstacks = 3;
	f->r.weights = f->weights;
	f->r.nweights = sizeof(weights) / sizeof(weights[0]);
	f->r.stack_sums[STACK_LOCK] = (struct result_stack_sum){ 3915 * MS, 2955 * MS, 812 };
	f->meta.stacks = GT_STACKS_LOCK;
	f->meta.stack_counts.copied = 40;
	f->meta.stack_counts.known = 1500;
	f->meta.stack_counts.skipped = 2;
}

static inline void fixture_rest(struct fixture *f)
{
	f->calls[f->r.nfutex_calls++] =
		(struct result_futex_call){ 1, 0x55d0c0ffee40, 0x89, -110, 390 };
	f->calls[f->r.nfutex_calls++] =
		(struct result_futex_call){ 1, 0x55d0c0ffee40, 0x81, 1, 401 };
	f->wakeups[f->r.nwakeups++] = (struct result_wakeup){ 10, 11, 1, 401 };
	f->wakeups[f->r.nwakeups++] = (struct result_wakeup){ 0, 11, 0, 390 };
}

/* Two threads that take turns under one lock while main waits for them. */
static inline void fixture_serialized(struct fixture *f)
{
	fixture_window(f, 4030 * MS);
	f->r.active = 4021 * MS;
	f->evidence[0] = (char *)"serialized 97.1 % of active time (limit 50 %)";
	f->evidence[1] = (char *)"gain bound 2.00 (limit 1.20)";
	f->r.verdict = (struct result_verdict){
		VERDICT_SERIALIZED,
		(char *)"serialized by the_gil (gil): for 97.1 % of active time at most one thread ran while "
			"others waited for a lock; average parallelism 1.02 of 1.99 attainable; gain bound 2.00: "
			"without waiting this work could use at most 2.00 CPUs",
		1,
		0,
		f->evidence,
		2,
	};
	f->r.parallelism = (struct result_parallelism){
		.average = 1.02,
		.attainable = 1.99,
		.efficiency = 0.512,
		.max = 2,
		.cpus = 2,
		.serialized_share = 0.971,
		.starved_share = 0.002,
		.active = 4021 * MS,
		.window = 4030 * MS,
		.serialized = 3904 * MS,
		.lock_loss = 3850 * MS,
		.gain_bound = 2,
		.histogram = f->histogram,
		.nhistogram = 3,
	};
	f->histogram[0] = 12 * MS;
	f->histogram[1] = 3920 * MS;
	f->histogram[2] = 98 * MS;
	fixture_cpu(f, 2120 * MS, 14 * MS);
	fixture_cpu(f, 1990 * MS, 3 * MS);
	fixture_process(f, "gil_threads", 3)->verdict = f->r.verdict;
	fixture_thread(f, 1, "gil_threads", 2 * MS, 0, 0);
	fixture_thread(f, 1, "worker-0", 2050 * MS, 1960 * MS, 11 * MS);
	fixture_thread(f, 1, "worker-1", 2060 * MS, 1955 * MS, 9 * MS);
	fixture_lock(f, "the_gil", LOCK_KIND_GIL, 3930 * MS);
	fixture_event(f, SORT_JOIN, NULL, 4020 * MS);
	fixture_rest(f);
	fixture_stacks(f);
}

/* The same work in two processes, under a parent that waits. */
static inline void fixture_parallel(struct fixture *f)
{
	fixture_window(f, 2045 * MS);
	f->command[0] = (char *)"./gil_procs";
	f->r.verdict = (struct result_verdict){
		VERDICT_PARALLEL,
		(char *)"parallel: average parallelism 1.97 on 2.00 CPUs with 2 busy threads"
	};
	f->r.parallelism = (struct result_parallelism){
		.average = 1.97,
		.attainable = 1.98,
		.efficiency = 0.99,
		.max = 2,
		.cpus = 2,
		.active = 2040 * MS,
		.window = 2045 * MS,
		.gain_bound = 2,
		.histogram = f->histogram,
		.nhistogram = 3,
	};
	f->histogram[0] = 5 * MS;
	f->histogram[1] = 50 * MS;
	f->histogram[2] = 1990 * MS;
	fixture_cpu(f, 2020 * MS, 14 * MS);
	fixture_cpu(f, 2010 * MS, 3 * MS);
	for (int i = 0; i < 3; i++) {
		fixture_process(f, "gil_procs", 1)->pid = 5000 + i;
		fixture_thread(f, i + 1, "gil_procs", i ? 2014 * MS : 2 * MS, 0, i);
	}
}

/* More threads, cores, processes and locks than a screen has lines. */
static inline void fixture_large(struct fixture *f)
{
	fixture_window(f, 90000 * MS);
	f->meta.cpus_online = f->meta.cpus_allowed = 64;
	f->meta.cpu_quota = 48.5;
	f->r.verdict = (struct result_verdict){
		VERDICT_CONTENDED,
		(char *)"process 4322 (server), which of 20 processes loses most to locks: contended: waiting for db_mutex (mutex)",
		1, 2
	};
	f->r.parallelism = (struct result_parallelism){
		.average = 31,
		.attainable = 60,
		.efficiency = 0.517,
		.max = 64,
		.cpus = 64,
		.serialized_share = 0.01,
		.starved_share = 0.1,
		.active = 90000 * MS,
		.window = 90000 * MS,
		.lock_loss = 2000000 * MS,
		.gain_bound = 61,
		.histogram = f->histogram,
		.nhistogram = 65,
	};
	for (int i = 0; i <= 64; i++)
		f->histogram[i] = 90000 * MS / 65;
	for (int i = 0; i < 64; i++)
		fixture_cpu(f, (90000 - i * 1000) * MS, i * 400 * MS);
	for (int i = 0; i < FIXTURE_PROCESSES; i++) {
		fixture_process(f, "server", 4)->run = (90000 - i * 100) * MS;
		f->processes[i].verdict.lock = 1;
	}
	for (int i = 0; i < FIXTURE_THREADS; i++) {
		snprintf(f->names[i], sizeof(f->names[i]), "pool-%d", i);
		fixture_thread(f, i / 4 + 1, f->names[i], (50000 - i * 300) * MS, 20000 * MS,
			       5000 * MS);
		f->threads[i].io = 1000 * MS;
		f->threads[i].event -= 1000 * MS;
	}
	for (int i = 0; i < FIXTURE_LOCKS; i++)
		fixture_lock(f, i ? NULL : "db_mutex", LOCK_KIND_MUTEX, (900 - i) * 1000 * MS);
	for (int i = 0; i < 8; i++)
		fixture_event(f, i % 6 ? SORT_QUEUE : SORT_TURN_TAKING, "queue_not_empty",
			      100 * MS);
	fixture_rest(f);
}

/* Nothing ran at all: no window, no threads, nothing known of the machine. */
static inline void fixture_empty(struct fixture *f)
{
	fixture_window(f, 0);
	f->meta = (struct gt_meta){ 0 };
	f->r.start = f->r.end = 0;
	f->r.parallelism = (struct result_parallelism){
		.average = -1,
		.attainable = -1,
		.efficiency = -1,
		.serialized_share = -1,
		.starved_share = -1,
		.gain_bound = -1,
	};
	f->r.verdict = (struct result_verdict){ VERDICT_INCONCLUSIVE,
						(char *)"less than 10 ms of active time" };
	f->r.audit_cpu_error = f->r.audit_task_error = -1;
}

/* The recorder was killed, and half of what happened had been lost before. */
static inline void fixture_lossy(struct fixture *f)
{
	fixture_serialized(f);
	f->meta.exited = false;
	f->meta.overhead.bpf_ns = f->meta.overhead.bpf_runs = 0;
	f->r.verdict =
		(struct result_verdict){ VERDICT_INCONCLUSIVE,
					 (char *)"inconclusive: 23.0 % of thread time is unknown" };
	f->r.losses = (struct result_losses){
		.reasons = { [GT_LOSS_RING_FULL] = 48213, [GT_LOSS_TASK_STORAGE] = 2 },
		.disordered = 3,
		.skipped = 1,
		.left_out = 7,
		.unknown = 2780 * MS,
		.unknown_share = 0.23,
		.limit = 0.01,
		.exceeded = true,
		.incomplete = true,
	};
	f->threads[1].unknown = 2780 * MS;
	f->r.audit_cpu_error = f->r.audit_task_error = -1;
}

/* Whatever a traced program may call itself, and numbers that are none. */
static inline void fixture_hostile(struct fixture *f)
{
	fixture_serialized(f);
	f->command[1] = (char *)"\xff\xfe\n\"quoted\",\t\x1b]0;title\a";
	f->processes[0].comm = f->threads[0].comm = (char *)"=cmd|' /C x'!A0";
	f->processes[0].exe = (char *)"/tmp/\xc3\x28\r\n\x7f";
	f->threads[1].comm = (char *)"\x1b[2J\x1b[1;1H";
	f->threads[2].comm = (char *)"@\"a,b\"\n";
	f->locks[0].name = (char *)"+SUM(A1:A9)\xe2\x80\xae\xed\xa0\x80";
	f->locks[0].image = (char *)"-1+\xf0\x9f\x90\x8d";
	f->frames[2].name = (char *)"</text><script>alert(1);\n\"&amp;\xff";
	f->frames[4].name = (char *)"a;b 7\ncount 9";
	f->frames[4].file = (char *)"\x1b]0;x\a</title>";
	f->locks[0].explains_serialized = NAN;
	f->locks[0].wait.p99 = RESULT_UNKNOWN;
	f->r.verdict.sentence = (char *)"\x1b[31mserialized\x9b by \xf4\x90\x80\x80";
	f->r.parallelism.average = INFINITY;
	f->r.parallelism.efficiency = NAN;
	f->r.parallelism.gain_bound = 1e300;
	f->r.audit_cpu_error = NAN;
	f->histogram[1] = RESULT_UNKNOWN;
	f->threads[1].run = UINT64_MAX - 1;
}

static const struct fixture_case {
	const char *name;
	void (*make)(struct fixture *f);
} fixture_cases[] = {
	{ "serialized", fixture_serialized }, { "parallel", fixture_parallel },
	{ "large", fixture_large },	      { "empty", fixture_empty },
	{ "lossy", fixture_lossy },	      { "hostile", fixture_hostile },
};

#define FIXTURE_CASES (sizeof(fixture_cases) / sizeof(fixture_cases[0]))

#endif
