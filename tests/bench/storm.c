/* SPDX-License-Identifier: MIT */
/*
 * Writes a long trace for measuring "giltrace report". Usage: storm RECORDS CPUS FILE [STACKS [MUTEXES]]
 *
 * One process has eight threads on each CPU. The running one wakes another of its CPU from the
 * mutex that one waits for, and blocks on a mutex itself: two records, about a microsecond apart.
 * Every record concerns a thread and a lock that the analyses follow, so none is cheaper to analyse
 * than a real one. With STACKS, each record has one of that many stacks, some of which have their
 * outer frames in common, as calls in a program do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <giltrace/trace.h>

#include "lib/parse.h"

#define THREADS_PER_CPU 8
#define MUTEXES 8 /* unless said otherwise */
#define ROUND (64 << 10) /* records between two marks */
#define FUTEX_CALL 202
#define FUTEX_WAIT_PRIVATE 0x80
#define FUTEX_WAKE_PRIVATE 0x81
#define INTERRUPTIBLE 1
#define FUNCTIONS 20000
#define OUTER 16 /* frames that a hundredth of the stacks have in common */
#define INNER 8

struct storm {
	struct gt_writer *writer;
	uint64_t seed, records;
	uint32_t ncpus, stacks, mutexes;
	struct storm_cpu {
		uint64_t now;
		uint32_t running;		/* of its threads, from 0 */
		uint64_t word[THREADS_PER_CPU]; /* what each waits for */
	} cpu[GT_MAX_CPUS];
};

static uint64_t draw(struct storm *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return s->seed;
}

static uint64_t mutex(struct storm *s)
{
	return 0x560000000000 + 0x100 * ((draw(s) >> 20) % s->mutexes);
}

static uint32_t task(uint32_t cpu, uint32_t thread)
{
	return 1 + cpu * THREADS_PER_CPU + thread;
}

static int emit_stack(struct storm *s, const struct gt_event *of)
{
	struct gt_event ev = { .kind = GT_STACK_OF, .ts = of->ts, .cpu = of->cpu, .syscall = -1 };

	ev.task = of->kind == GT_WAKING ? of->peer : of->task;
	ev.u.stack_of.stack = 1 + (uint32_t)((draw(s) >> 12) % s->stacks);
	s->records++;
	return gt_writer_event(s->writer, &ev);
}

static int emit(struct storm *s, struct gt_event *ev, uint32_t cpu)
{
	int err = 0;

	s->cpu[cpu].now += 300 + (draw(s) >> 16 & 0x1ff);
	ev->ts = s->cpu[cpu].now;
	ev->cpu = cpu;
	if (s->stacks && (ev->kind == GT_SWITCH || ev->kind == GT_WAKING))
		err = emit_stack(s, ev);
	if (err)
		return err;
	s->records++;
	return gt_writer_event(s->writer, ev);
}

static struct gt_event on_futex(uint8_t kind, uint32_t about, uint64_t word, uint32_t op)
{
	return (struct gt_event){ .kind = kind,
				  .task = about,
				  .flags = GT_F_FUTEX | GT_F_BLOCK,
				  .syscall = FUTEX_CALL,
				  .op = op,
				  .val = op == FUTEX_WAIT_PRIVATE ? 2 : 1,
				  .state = kind == GT_WAKING ? 0 : INTERRUPTIBLE,
				  .u.addr = word };
}

static int begin_thread(struct storm *s, uint32_t cpu, uint32_t thread)
{
	struct gt_event ev = { .kind = GT_TASK, .task = task(cpu, thread), .syscall = -1 };
	int err;

	ev.u.task.process = task(0, 0);
	ev.u.task.as = 1;
	ev.u.task.tid = 1000 + ev.task;
	ev.u.task.tgid = 1000 + task(0, 0);
	ev.u.task.flags = GT_TASK_FOUND | (ev.task == task(0, 0) ? 0 : GT_TASK_THREAD);
	strcpy(ev.u.task.comm, "storm");
	err = emit(s, &ev, cpu);
	if (err || thread == 0)
		return err;
	s->cpu[cpu].word[thread] = mutex(s);
	ev = on_futex(GT_STATE, ev.task, s->cpu[cpu].word[thread], FUTEX_WAIT_PRIVATE);
	return emit(s, &ev, cpu);
}

static int begin(struct storm *s)
{
	int err = 0;

	for (uint32_t c = 0; c < s->ncpus && !err; c++) {
		struct gt_event first = { .kind = GT_SWITCH, .peer = task(c, 0), .syscall = -1 };

		s->cpu[c].now = 1000000;
		for (uint32_t t = 0; t < THREADS_PER_CPU && !err; t++)
			err = begin_thread(s, c, t);
		first.flags = GT_F_PREV_IDLE;
		if (!err)
			err = emit(s, &first, c);
	}
	return err;
}

/* The running thread wakes another one and blocks; the woken one runs. */
static int step(struct storm *s, uint32_t c)
{
	struct storm_cpu *cpu = &s->cpu[c];
	uint32_t from = cpu->running;
	uint32_t to = (from + 1 + (draw(s) >> 24) % (THREADS_PER_CPU - 1)) % THREADS_PER_CPU;
	struct gt_event wake = on_futex(GT_WAKING, task(c, to), cpu->word[to], FUTEX_WAKE_PRIVATE);
	struct gt_event block;
	int err;

	wake.peer = task(c, from);
	err = emit(s, &wake, c);
	if (err)
		return err;
	cpu->word[from] = mutex(s);
	block = on_futex(GT_SWITCH, task(c, from), cpu->word[from], FUTEX_WAIT_PRIVATE);
	block.peer = task(c, to);
	cpu->running = to;
	return emit(s, &block, c);
}

static uint64_t earliest(const struct storm *s)
{
	uint64_t ts = s->cpu[0].now;

	for (uint32_t c = 1; c < s->ncpus; c++)
		ts = s->cpu[c].now < ts ? s->cpu[c].now : ts;
	return ts;
}

/* Told last, as by a recorder whose helper is behind. */
static int tell_stacks(struct storm *s)
{
	uint32_t frames[INNER + OUTER];
	char name[32];
	struct gt_event ev = { .kind = GT_FRAME, .cpu = GT_CPU_COLLECTOR, .syscall = -1 };
	int err = 0;

	ev.ts = earliest(s);
	ev.u.frame.name = name;
	ev.u.frame.image = "/usr/bin/storm";
	ev.u.frame.file = "storm.c";
	for (uint32_t i = 1; i <= FUNCTIONS && !err && s->stacks; i++) {
		snprintf(name, sizeof(name), "function_%u", i);
		ev.u.frame.frame = ev.u.frame.line = i;
		err = gt_writer_event(s->writer, &ev);
	}
	ev.kind = GT_STACK;
	for (uint32_t i = 1; i <= s->stacks && !err; i++) {
		for (uint32_t k = 0; k < INNER + OUTER; k++)
			frames[k] = 1 + (k < INNER ? (uint64_t)i * 2654435761U >> k
						   : i % 100 * OUTER + k) %
						FUNCTIONS;
		ev.u.stack.stack = i;
		ev.u.stack.flags = GT_STACK_COMPLETE;
		ev.u.stack.nframes = INNER + OUTER;
		ev.u.stack.frames = frames;
		err = gt_writer_event(s->writer, &ev);
	}
	return err;
}

static int write_storm(struct storm *s, uint64_t records)
{
	static char arch[] = "x86_64";
	struct gt_meta meta = {
		.arch = arch, .cpus_online = s->ncpus, .cpus_allowed = s->ncpus, .start = 1000000
	};
	uint64_t mark = ROUND;
	int err = begin(s);

	while (!err && s->records < records) {
		for (uint32_t c = 0; c < s->ncpus && !err; c++)
			err = step(s, c);
		if (!err && s->records >= mark) {
			err = gt_writer_mark(s->writer, earliest(s));
			mark = s->records + ROUND;
		}
	}
	meta.end = earliest(s);
	meta.stacks = s->stacks ? GT_STACKS_LOCK : 0;
	if (!err)
		err = tell_stacks(s);
	gt_writer_size(s->writer, &meta.overhead.bytes, &meta.overhead.records);
	if (!err)
		err = gt_writer_mark(s->writer, meta.end);
	if (!err)
		err = gt_writer_meta(s->writer, &meta);
	return err ? err : gt_writer_finish(s->writer);
}

int main(int argc, char **argv)
{
	struct storm *s = calloc(1, sizeof(*s));
	uint64_t records, ncpus, stacks = 0, mutexes = MUTEXES;
	int fd, err;

	if (argc < 4 || argc > 6 || parse_u64(argv[1], 1, UINT64_MAX, &records) ||
	    parse_u64(argv[2], 1, GT_MAX_CPUS, &ncpus) ||
	    (argc > 4 && parse_u64(argv[4], 0, 1 << 24, &stacks)) ||
	    (argc > 5 && parse_u64(argv[5], 1, 1 << 24, &mutexes))) {
		fputs("usage: storm RECORDS CPUS FILE [STACKS [MUTEXES]]\n", stderr);
		free(s);
		return 2;
	}
	fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (s && fd >= 0)
		s->writer = gt_writer_new(fd);
	if (!s || !s->writer) {
		fprintf(stderr, "%s: %s\n", argv[3], strerror(errno));
		free(s);
		return 1;
	}
	s->seed = 88172645463325252;
	s->ncpus = ncpus;
	s->stacks = stacks;
	s->mutexes = mutexes;
	err = write_storm(s, records);
	gt_writer_free(s->writer);
	free(s);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[3], strerror(-err));
	return err != 0;
}
