/* SPDX-License-Identifier: MIT */
/*
 * Cost of the trace file: writes a synthetic storm of scheduler records, reads it back merged, and
 * prints bytes and time a record takes. Usage: trace_speed [RECORDS [CPUS [FILE]]]
 *
 * The storm is meant to be unfavourable: every task waits and is woken through a futex word of its
 * own choice among several, times are random, and there is a mark every 64 Ki records.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <giltrace/trace.h>

#include "lib/parse.h"

#define TASKS_PER_CPU 8
#define WORDS 16
#define ROUND (64 << 10)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One CPU: who runs there, and its clock. */
struct storm_cpu {
	uint64_t ts;
	uint32_t running;
	bool waking; /* the next record is a waking, else a switch */
};

static void storm_event(struct storm_cpu *cpu, uint32_t id, uint64_t *seed, struct gt_event *ev)
{
	uint64_t r = random64(seed);
	uint64_t word = 0x7f1234560000ULL + 0x1040 * (r >> 8 & (WORDS - 1));

	cpu->ts += 400 + (r >> 16 & 0x7ff);
	memset(ev, 0, sizeof(*ev));
	ev->ts = cpu->ts;
	ev->cpu = id;
	ev->u.addr = word;
	ev->syscall = 202;
	ev->flags = GT_F_FUTEX;
	if (cpu->waking) {
		ev->kind = GT_WAKING;
		ev->task = 1 + id * TASKS_PER_CPU + (uint32_t)(r >> 32 & (TASKS_PER_CPU - 1));
		ev->peer = cpu->running;
		ev->op = 0x81;
	} else {
		ev->kind = GT_SWITCH;
		ev->task = cpu->running;
		ev->peer = 1 + id * TASKS_PER_CPU + (uint32_t)(r >> 36 & (TASKS_PER_CPU - 1));
		ev->state = 1;
		ev->op = 0x80;
		ev->val = 2;
		ev->flags |= GT_F_BLOCK;
		cpu->running = ev->peer;
	}
	cpu->waking = !cpu->waking;
}

static int write_storm(struct gt_writer *w, uint64_t n, uint32_t ncpus)
{
	struct storm_cpu *cpus = calloc(ncpus, sizeof(*cpus));
	uint64_t seed = 88172645463325252ULL, mark = 0;
	struct gt_event ev;
	int err = cpus ? 0 : -ENOMEM;

	for (uint64_t i = 0; i < n && !err; i++) {
		uint32_t id = (uint32_t)(i % ncpus);

		storm_event(&cpus[id], id, &seed, &ev);
		err = gt_writer_event(w, &ev);
		if (i % ROUND == ROUND - 1 && !err) {
			mark = cpus[0].ts;
			for (uint32_t c = 0; c < ncpus; c++)
				mark = cpus[c].ts < mark ? cpus[c].ts : mark;
			err = gt_writer_mark(w, mark);
		}
	}
	free(cpus);
	return err ? err : gt_writer_finish(w);
}

static int read_storm(const char *path, uint64_t n)
{
	const struct gt_event *ev;
	struct gt_reader_stats stats;
	uint64_t sum = 0;
	double start;
	int err;
	struct gt_reader *r = gt_reader_open(path, &err);

	if (!r)
		return err;
	start = now();
	while ((err = gt_reader_next(r, &ev)) == 1)
		sum += ev->task;
	start = now() - start;
	gt_reader_stats(r, &stats);
	printf("read   %10.1f million records/s%s\n", (double)stats.records / start * 1e-6,
	       stats.records == n && !stats.disordered && sum ? "" : "  (NOT what was written)");
	gt_reader_free(r);
	return err;
}

int main(int argc, char **argv)
{
	char made[] = "/tmp/trace_speed.XXXXXX";
	const char *path = argc > 3 ? argv[3] : made;
	uint64_t n = 10000000, ncpus = 2, bytes, records;
	struct rusage usage;
	struct gt_writer *w;
	double start;
	int fd, err;

	if ((argc > 1 && parse_u64(argv[1], 1, UINT64_MAX, &n)) ||
	    (argc > 2 && parse_u64(argv[2], 1, GT_MAX_CPUS, &ncpus))) {
		fprintf(stderr, "usage: trace_speed [RECORDS [CPUS [FILE]]]\n");
		return 2;
	}
	fd = argc > 3 ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : mkstemp(made);
	w = fd < 0 ? NULL : gt_writer_new(fd);
	if (!w) {
		perror(path);
		return 1;
	}
	start = now();
	err = write_storm(w, n, (uint32_t)ncpus);
	start = now() - start;
	gt_writer_size(w, &bytes, &records);
	gt_writer_free(w);
	printf("size   %10.2f bytes/record\n", (double)bytes / (double)records);
	printf("write  %10.1f million records/s, making them included\n",
	       (double)records / start * 1e-6);
	if (!err)
		err = read_storm(path, n);
	if (argc <= 3)
		unlink(path);
	getrusage(RUSAGE_SELF, &usage);
	printf("memory %10ld KiB at most\n", usage.ru_maxrss);
	if (err)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	return err != 0;
}
