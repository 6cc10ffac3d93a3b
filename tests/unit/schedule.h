/* SPDX-License-Identifier: MIT */
/*
 * Small known schedules for tests of the model and the analyses: events are listed by hand, then
 * played through both passes as a trace would be. Times are in microseconds here, in nanoseconds in
 * the results.
 */
#ifndef TESTS_UNIT_SCHEDULE_H
#define TESTS_UNIT_SCHEDULE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "analysis/classify.h"
#include "analysis/model_losses.h"
#include "analysis/parallelism.h"

#define US 1000ULL
#define MUTEX_WAIT 128 /* FUTEX_WAIT | FUTEX_PRIVATE_FLAG */
#define MUTEX_WAKE 129
#define NR_READ 0
#define NR_FUTEX 202

struct schedule {
	struct gt_meta meta;
	struct gt_event events[4096];
	size_t n;
	uint64_t masks[4][GT_MASK_WORDS];
	struct results out;
	struct model_counts counts;
};

/* A window of [1000, 1000 + length] µs on `cpus` CPUs; schedules count from its start. */
#define WINDOW_START 1000

static inline void schedule_init(struct schedule *s, uint64_t length, uint32_t cpus)
{
	static char arch[] = "x86_64";

	memset(s, 0, sizeof(*s));
	s->meta.arch = arch;
	s->meta.start = WINDOW_START * US;
	s->meta.end = (WINDOW_START + length) * US;
	s->meta.cpus_online = s->meta.cpus_allowed = cpus;
}

static inline struct gt_event *add_event(struct schedule *s, int64_t at, uint32_t cpu, uint8_t kind,
					 uint32_t task)
{
	struct gt_event *ev = &s->events[s->n++];

	assert_true(s->n < sizeof(s->events) / sizeof(s->events[0]));
	assert_true(s->n == 1 ||
		    ev[-1].ts <= (uint64_t)(WINDOW_START + at) * US); /* as the reader gives them */
	*ev = (struct gt_event){ .ts = (uint64_t)(WINDOW_START + at) * US,
				 .cpu = cpu,
				 .kind = kind,
				 .task = task,
				 .syscall = -1 };
	return ev;
}

static inline struct gt_event *add_task(struct schedule *s, int64_t at, uint32_t task,
					uint32_t process)
{
	struct gt_event *ev = add_event(s, at, 0, GT_TASK, task);

	ev->u.task.process = process;
	ev->u.task.as = process;
	ev->u.task.tid = (int32_t)(1000 + task);
	ev->u.task.tgid = (int32_t)(1000 + process);
	ev->u.task.clear_child_tid = 0x7000 + task * 0x100;
	strcpy(ev->u.task.comm, "worker");
	return ev;
}

/* `prev` leaves the CPU preempted, `next` takes it; 0 is nobody, and then the CPU is or was idle.
 */
static inline struct gt_event *add_switch(struct schedule *s, int64_t at, uint32_t cpu,
					  uint32_t prev, uint32_t next)
{
	struct gt_event *ev = add_event(s, at, cpu, GT_SWITCH, prev);

	ev->peer = next;
	if (!prev)
		ev->flags |= GT_F_PREV_IDLE;
	if (!next)
		ev->flags |= GT_F_NEXT_IDLE;
	return ev;
}

/* The same, `prev` blocked in system call `nr`. */
static inline struct gt_event *add_block(struct schedule *s, int64_t at, uint32_t cpu,
					 uint32_t prev, uint32_t next, int nr)
{
	struct gt_event *ev = add_switch(s, at, cpu, prev, next);

	ev->state = 1;
	ev->syscall = nr;
	return ev;
}

static inline struct gt_event *add_futex(struct schedule *s, int64_t at, uint32_t cpu,
					 uint32_t prev, uint32_t next, uint64_t addr, uint32_t op,
					 uint32_t val)
{
	struct gt_event *ev = add_block(s, at, cpu, prev, next, NR_FUTEX);

	ev->flags |= GT_F_FUTEX;
	ev->u.addr = addr;
	ev->op = op;
	ev->val = val;
	return ev;
}

/* glibc's mutex waits for the value 2: that alone shows a lock. */
static inline struct gt_event *add_lock(struct schedule *s, int64_t at, uint32_t cpu, uint32_t prev,
					uint32_t next, uint64_t addr)
{
	return add_futex(s, at, cpu, prev, next, addr, MUTEX_WAIT, 2);
}

static inline struct gt_event *add_end(struct schedule *s, int64_t at, uint32_t cpu, uint32_t prev,
				       uint32_t next)
{
	struct gt_event *ev = add_switch(s, at, cpu, prev, next);

	ev->state = 0x80;
	return ev;
}

static inline struct gt_event *add_waking(struct schedule *s, int64_t at, uint32_t cpu,
					  uint32_t task, uint32_t waker)
{
	struct gt_event *ev = add_event(s, at, cpu, GT_WAKING, task);

	ev->peer = waker;
	return ev;
}

static inline struct gt_event *add_futex_wake(struct schedule *s, int64_t at, uint32_t cpu,
					      uint32_t task, uint32_t waker, uint64_t addr)
{
	struct gt_event *ev = add_waking(s, at, cpu, task, waker);

	ev->flags |= GT_F_FUTEX;
	ev->syscall = NR_FUTEX;
	ev->u.addr = addr;
	ev->op = MUTEX_WAKE;
	return ev;
}

static inline void add_affinity(struct schedule *s, int64_t at, uint32_t task, int which,
				uint64_t mask)
{
	struct gt_event *ev = add_event(s, at, 0, GT_AFFINITY, task);

	s->masks[which][0] = mask;
	ev->u.affinity.words = GT_MASK_WORDS;
	ev->u.affinity.mask = s->masks[which];
}

static inline void schedule_feed(struct schedule *s, struct model *m)
{
	for (size_t i = 0; i < s->n; i++)
		assert_int_equal(model_event(m, &s->events[i]), 0);
	assert_int_equal(model_finish(m), 0);
}

/* Both passes; the results are in s->out until schedule_free(). */
static inline void schedule_play(struct schedule *s)
{
	struct model *m = model_new(&s->meta, NULL);
	struct lock_finder *finder = lock_finder_new();
	struct lock_table *locks;
	struct model_losses losses = { 0 };
	struct analysis_set set;

	assert_non_null(m);
	model_collect_losses(m, &losses);
	assert_int_equal(model_add_sink(m, lock_finder_sink(), finder), 0);
	schedule_feed(s, m);
	locks = lock_finder_table(finder);
	assert_non_null(locks);
	lock_finder_free(finder);
	model_free(m);

	m = model_new(&s->meta, locks);
	assert_int_equal(model_expect_losses(m, &losses), 0);
	assert_int_equal(analysis_set_init(&set, m, &s->meta, locks), 0);
	schedule_feed(s, m);
	memset(&s->out, 0, sizeof(s->out));
	s->out.meta = &s->meta;
	s->out.start = model_window_start(m);
	s->out.end = model_now(m);
	assert_int_equal(analysis_set_results(&set, &s->out), 0);
	model_counts(m, &s->counts);
	analysis_set_release(&set);
	model_free(m);
	lock_table_free(locks);
	model_losses_free(&losses);
}

static inline void schedule_free(struct schedule *s)
{
	results_free(&s->out);
}

static inline const struct result_thread *thread_row(const struct schedule *s, uint32_t id)
{
	for (size_t i = 0; i < s->out.nthreads; i++)
		if (s->out.threads[i].id == id)
			return &s->out.threads[i];
	fail_msg("no row for thread %u", id);
	return NULL;
}

static inline const struct result_process *process_row(const struct schedule *s, uint32_t id)
{
	for (size_t i = 0; i < s->out.nprocesses; i++)
		if (s->out.processes[i].id == id)
			return &s->out.processes[i];
	fail_msg("no row for process %u", id);
	return NULL;
}

static inline const struct result_cpu *cpu_row(const struct schedule *s, uint32_t cpu)
{
	for (size_t i = 0; i < s->out.ncpus; i++)
		if (s->out.cpus[i].cpu == cpu)
			return &s->out.cpus[i];
	fail_msg("no row for CPU %u", cpu);
	return NULL;
}

/* Every thread's states add up to its life, every CPU's shares to the window. */
static inline void assert_sums_add_up(const struct schedule *s)
{
	for (size_t i = 0; i < s->out.nthreads; i++) {
		const struct result_thread *t = &s->out.threads[i];

		assert_int_equal(t->run + t->runnable + t->lock + t->event + t->io +
					 t->kernel_lock + t->sleep + t->other + t->unknown,
				 t->end - t->start);
	}
	for (size_t i = 0; i < s->out.ncpus; i++)
		assert_int_equal(s->out.cpus[i].workload + s->out.cpus[i].other +
					 s->out.cpus[i].idle,
				 s->out.end - s->out.start);
}

#endif
