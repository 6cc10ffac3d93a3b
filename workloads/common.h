/* SPDX-License-Identifier: MIT */
/*
 * What every workload shares: options, a crew of threads or processes that run one body each, work
 * of a fixed size, and the books each worker keeps of itself with the program's own clock
 * (--truth). All times are nanoseconds; points in time are CLOCK_MONOTONIC.
 */
#ifndef WORKLOADS_COMMON_H
#define WORKLOADS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	COMMON_MAX_THREADS = 4096,
	/* Steps in one unit of -w: some 3 µs each at 3 to 4 GHz, so that a unit takes about a
	   second. */
	COMMON_STEPS = 320000,
};

/* What a workload says of itself to the option parser. */
struct common_about {
	const char *name, *summary;
	const char *lock; /* symbol of the lock all workers share; NULL when there is none */
	unsigned int threads_per_cpu; /* of the default of -t; 0 means 1 */
	bool has_style;		      /* takes --style */
};

struct common_options {
	unsigned int threads, interval_us, style;
	double work;
	const char *truth; /* path, or NULL */
};

/* One thread, or one process' only thread, and its books. Aligned so that no two share a cache
 * line. */
struct common_worker {
	struct common_crew *crew;
	unsigned int index;
	pid_t pid, tid;
	uint64_t start_ns, end_ns, cpu_ns;
	uint64_t acquisitions, held_since, hold_ns;
	uint64_t read_ns, stalled_ns; /* the clock beside a probe; what went by between the two */
	uint64_t waits, wait_ns;      /* only where the lock was not free at once */
	uint64_t forced_switches, forced_ns; /* waiting for another to take over: part of wait_ns */
	uint64_t came_ns, io_waits, io_room; /* came_ns: when the last read came back */
	uint64_t *latency, *lock_latency;
	uint64_t value; /* what the arithmetic has come to, so that no compiler leaves it out */
} __attribute__((aligned(128)));

struct common_crew {
	struct common_about about;
	struct common_options options;
	void (*body)(struct common_worker *me);
	uint64_t start_ns, end_ns;
	int truth_fd;
	char extra[512]; /* more members of the truth's object, as JSON, each after a comma */
	struct common_worker worker[];
};

/* Read the options; on a mistake say it in one line and exit with 2. Lives as long as the program.
 */
struct common_crew *common_crew(int argc, char **argv, const struct common_about *about);

/* Run body once in each of options.threads threads (or processes) and wait for all of them. */
void common_run_threads(struct common_crew *crew, void (*body)(struct common_worker *me));
void common_run_processes(struct common_crew *crew, void (*body)(struct common_worker *me));

/* Print one line, write the truth; returns the exit status. */
int common_finish(struct common_crew *crew);

/* The steps that `share` of this run's work is made of, and one such step: always the same
 * arithmetic. */
uint64_t common_steps(const struct common_crew *crew, double share);
void common_step(struct common_worker *me);

uint64_t common_now(void);

/* Keep the books of a lock: requested_ns is 0 where it was free at once. */
void common_acquired(struct common_worker *me, uint64_t requested_ns);
void common_released(struct common_worker *me);

/*
 * Behind the probe that follows either: who loses the CPU between the clock and the probe holds the
 * lock for another time by the one than by the other. Only with --truth.
 */
void common_probed(struct common_worker *me);

/*
 * A source of data that never is the bottleneck: a timer of the kernel. common_io_read() asks for
 * data and blocks in read(2) until it is there; returns when it was due. common_io_served() notes
 * the latency from then, and from when the read came back, to having the lock.
 */
int common_io_open(void);
uint64_t common_io_read(struct common_worker *me, int fd, uint64_t after_ns);
void common_io_served(struct common_worker *me, uint64_t due_ns);

/* The q-th quantile (0…1) of the latencies noted, from when the data was due; 0 when there are
 * none. */
uint64_t common_io_latency(struct common_worker *me, double q);

/* For calls that cannot sensibly fail: when error (an errno) is not 0, say what failed and exit
 * with 1. */
void common_must(int error, const char *what);

#endif
