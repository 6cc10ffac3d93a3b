/* SPDX-License-Identifier: MIT */
/*
 * Scripted events for tests of lock_find and locks: threads on CPUs that wait on words and wake
 * each other, played through the real model. Times are microseconds; `s->us` is the scene's clock.
 */
#ifndef TESTS_UNIT_LOCK_SCENE_H
#define TESTS_UNIT_LOCK_SCENE_H

#include <linux/futex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <analysis/analysis.h>
#include <analysis/lock_find.h>

#define SCENE_US 1000ULL
#define SCENE_SYS_FUTEX 202
#define SCENE_SYS_READ 0
#define SCENE_SYS_NANOSLEEP 35
#define SCENE_INTERRUPTIBLE 1

/* Operations as glibc passes them. */
#define OP_MUTEX (FUTEX_WAIT | FUTEX_PRIVATE_FLAG)
#define OP_COND (FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG)
#define OP_COND_REALTIME (OP_COND | FUTEX_CLOCK_REALTIME)
#define OP_JOIN (FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME)
#define OP_WAKE (FUTEX_WAKE | FUTEX_PRIVATE_FLAG)

struct scene {
	struct gt_event *events;
	size_t n, room;
	uint64_t us;
	uint32_t cpus;
	struct gt_meta meta;
	struct lock_table *table;
};

static inline struct gt_event *scene_event(struct scene *s, enum gt_kind kind, uint32_t cpu)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 256;
		s->events = realloc(s->events, s->room * sizeof(*s->events));
		assert_non_null(s->events);
	}
	memset(&s->events[s->n], 0, sizeof(*s->events));
	s->events[s->n].ts = s->us * SCENE_US;
	s->events[s->n].kind = kind;
	s->events[s->n].cpu = cpu;
	s->events[s->n].syscall = -1;
	return &s->events[s->n++];
}

static inline void scene_init(struct scene *s, uint32_t cpus)
{
	memset(s, 0, sizeof(*s));
	s->us = 1000;
	s->cpus = cpus;
	s->meta = (struct gt_meta){ .arch = (char *)"x86_64", .start = s->us * SCENE_US };
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		scene_event(s, GT_ON_CPU, cpu)->flags = GT_F_NEXT_IDLE;
}

/* A thread of `process`, allowed on `cpu` alone, or everywhere with UINT32_MAX. */
static inline void scene_thread_on(struct scene *s, uint32_t id, uint32_t process, uint32_t as,
				   uint32_t cpu)
{
	static const uint64_t masks[] = { 1, 2, 4, 8 };
	struct gt_event *ev = scene_event(s, GT_TASK, 0);

	ev->task = id;
	ev->u.task.process = process;
	ev->u.task.as = as;
	ev->u.task.tid = ev->u.task.tgid = id;
	ev->u.task.clear_child_tid = 0x7f0000000000 + id * 0x1000;
	ev->u.task.start = ev->ts;
	if (cpu == UINT32_MAX)
		return;
	ev = scene_event(s, GT_AFFINITY, 0);
	ev->task = id;
	ev->u.affinity.words = 1;
	ev->u.affinity.mask = &masks[cpu];
}

/* A thread of process 100, address space 100. */
static inline void scene_thread(struct scene *s, uint32_t id)
{
	scene_thread_on(s, id, 100, 100, UINT32_MAX);
}

/* `id` takes an idle CPU. */
static inline void scene_run(struct scene *s, uint32_t cpu, uint32_t id)
{
	struct gt_event *ev = scene_event(s, GT_SWITCH, cpu);

	ev->peer = id;
	ev->flags = GT_F_PREV_IDLE;
}

/* `id` leaves its CPU to wait on a word; `next` takes it, or 0: idle. */
static inline void scene_wait_to(struct scene *s, uint32_t cpu, uint32_t id, uint64_t addr,
				 uint32_t op, uint32_t val, bool timed, uint32_t next)
{
	struct gt_event *ev = scene_event(s, GT_SWITCH, cpu);

	ev->task = id;
	ev->peer = next;
	ev->flags = GT_F_BLOCK | GT_F_FUTEX | (timed ? GT_F_TIMED : 0) |
		    (next ? 0 : GT_F_NEXT_IDLE);
	ev->state = SCENE_INTERRUPTIBLE;
	ev->syscall = SCENE_SYS_FUTEX;
	ev->u.addr = addr;
	ev->op = op;
	ev->val = val;
}

static inline void scene_wait(struct scene *s, uint32_t cpu, uint32_t id, uint64_t addr,
			      uint32_t op, uint32_t val)
{
	scene_wait_to(s, cpu, id, addr, op, val, false, 0);
}

static inline void scene_timed_wait(struct scene *s, uint32_t cpu, uint32_t id, uint64_t addr)
{
	scene_wait_to(s, cpu, id, addr, OP_COND, 0, true, 0);
}

static inline void scene_sleep(struct scene *s, uint32_t cpu, uint32_t id)
{
	struct gt_event *ev = scene_event(s, GT_SWITCH, cpu);

	ev->task = id;
	ev->flags = GT_F_NEXT_IDLE;
	ev->state = SCENE_INTERRUPTIBLE;
	ev->syscall = SCENE_SYS_NANOSLEEP;
}

/* `by` wakes `id` by a futex call on `addr`. */
static inline void scene_wake(struct scene *s, uint32_t by, uint32_t id, uint64_t addr)
{
	struct gt_event *ev = scene_event(s, GT_WAKING, 0);

	ev->task = id;
	ev->peer = by;
	ev->flags = GT_F_FUTEX;
	ev->syscall = SCENE_SYS_FUTEX;
	ev->u.addr = addr;
	ev->op = OP_WAKE;
}

/* A timer wakes it. */
static inline void scene_timeout(struct scene *s, uint32_t id)
{
	scene_event(s, GT_WAKING, 0)->task = id;
}

static inline void scene_symbol(struct scene *s, uint32_t as, uint64_t addr, const char *name,
				const char *image)
{
	struct gt_event *ev = scene_event(s, GT_SYMBOL, GT_CPU_COLLECTOR);

	ev->u.symbol.as = as;
	ev->u.symbol.addr = addr;
	ev->u.symbol.name = name;
	ev->u.symbol.image = image;
}

/* Play everything to a model whose sinks were added. */
static inline void scene_play(struct scene *s, struct model *m)
{
	s->meta.end = (s->us + 1) * SCENE_US;
	for (size_t i = 0; i < s->n; i++)
		assert_int_equal(model_event(m, &s->events[i]), 0);
	assert_int_equal(model_finish(m), 0);
}

/* First pass. */
static inline struct lock_table *scene_table(struct scene *s)
{
	struct lock_finder *f = lock_finder_new();
	struct model *m = model_new(&s->meta, NULL);

	assert_non_null(f);
	assert_non_null(m);
	assert_int_equal(model_add_sink(m, lock_finder_sink(), f), 0);
	scene_play(s, m);
	s->table = lock_finder_table(f);
	assert_non_null(s->table);
	model_free(m);
	lock_finder_free(f);
	return s->table;
}

static inline void scene_free(struct scene *s)
{
	lock_table_free(s->table);
	free(s->events);
}

/* What the second pass says of it; scene_done() lets go of both. */
static inline void scene_results(struct scene *s, struct results *r)
{
	struct analysis_set set;
	struct model *m;

	scene_table(s);
	m = model_new(&s->meta, s->table);
	memset(r, 0, sizeof(*r));
	assert_non_null(m);
	assert_int_equal(analysis_set_init(&set, m, &s->meta, s->table), 0);
	scene_play(s, m);
	r->meta = &s->meta;
	assert_int_equal(analysis_set_results(&set, r), 0);
	analysis_set_release(&set);
	model_free(m);
}

static inline void scene_done(struct scene *s, struct results *r)
{
	results_free(r);
	scene_free(s);
}

#endif
