/* SPDX-License-Identifier: MIT */
/* Every row of the evidence table of docs/method.md as a small scene, and how words are merged. */
#include "lock_scene.h"

#include <stdio.h>

#include <analysis/lock_kind.h>
#include <analysis/lock_sort.h>
#include <analysis/lock_words.h>

#define COND 0x1000ULL
#define COND_ALTERNATE 0x1004ULL
#define MUTEX 0x1008ULL
#define SWITCH_COND 0x1058ULL
#define SWITCH_MUTEX 0x1060ULL
#define A 1
#define B 2
#define C 3

static struct lock_group *group_of(const struct scene *s, uint64_t addr)
{
	struct lock_group *g = lock_table_find(s->table, 100, addr);

	assert_non_null(g);
	return g;
}

static void assert_sort(const struct scene *s, uint64_t addr, enum lock_sort sort)
{
	assert_string_equal(lock_sort_name(group_of(s, addr)->sort), lock_sort_name(sort));
}

static void two_threads(struct scene *s, uint32_t cpus)
{
	scene_init(s, cpus);
	scene_thread(s, A);
	scene_thread(s, B);
}

/* ---- a lock of CPython's kind ---- */

/*
 * One hand-over: `from` runs on CPU `from_cpu`, `to` waits on `cond`. Its timed wait runs out, it
 * waits again; then `from` lets go, and is made to wait on the other condition variable until `to`
 * has taken over.
 */
static void gil_handover(struct scene *s, uint32_t from, uint32_t from_cpu, uint32_t to,
			 uint32_t to_cpu, uint64_t cond, uint64_t other_cond)
{
	s->us += 5000;
	scene_timeout(s, to);
	s->us += 20;
	scene_run(s, to_cpu, to);
	s->us += 10;
	scene_timed_wait(s, to_cpu, to, other_cond);
	s->us += 50;
	scene_wake(s, from, to, other_cond);
	s->us += 10;
	scene_wait(s, from_cpu, from, SWITCH_COND, OP_COND_REALTIME, 0);
	s->us += 10;
	scene_run(s, to_cpu, to);
	s->us += 10;
	scene_wake(s, to, from, SWITCH_COND);
	s->us += 20;
	scene_run(s, from_cpu, from);
	s->us += 10;
	scene_timed_wait(s, from_cpu, from, cond);
}

static void gil(struct scene *s, int rounds)
{
	two_threads(s, 2);
	scene_run(s, 0, A);
	scene_run(s, 1, B);
	s->us += 5;
	scene_timed_wait(s, 1, B, COND);
	for (int i = 0; i < rounds; i++) {
		gil_handover(s, A, 0, B, 1, COND, COND_ALTERNATE);
		gil_handover(s, B, 1, A, 0, COND, COND_ALTERNATE);
	}
}

static void gil_is_a_lock(void **state)
{
	struct scene s;
	const struct lock_evidence *e;

	gil(&s, 15);
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_GIL);
	e = &group_of(&s, COND)->evidence;
	assert_int_equal(e->both, 2);
	assert_true(e->handovers_idle >= 20);
	assert_true(e->side_by_side < 0.05);
	scene_free(&s);
}

static void gil_after_few_handovers_is_unproven(void **state)
{
	struct scene s;

	gil(&s, 1);
	scene_table(&s);
	assert_sort(&s, COND, SORT_UNPROVEN);
	scene_free(&s);
}

static void fingerprint_needs_no_proof(void **state)
{
	struct scene s;

	gil(&s, 1);
	scene_symbol(&s, 100, COND_ALTERNATE, "_PyRuntime+0x15c", "/usr/bin/python3.11");
	scene_symbol(&s, 100, COND, "_PyRuntime+0x158", "/usr/bin/python3.11");
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_CPYTHON_GIL);
	assert_string_equal(group_of(&s, COND)->name, "_PyRuntime+0x158");
	assert_string_equal(group_of(&s, COND)->image, "/usr/bin/python3.11");
	scene_free(&s);
}

/* A switch-over in which all six words are waited on. */
static void six_words_handover(struct scene *s, uint32_t from, uint32_t from_cpu, uint32_t to,
			       uint32_t to_cpu)
{
	s->us += 5000;
	scene_wake(s, from, to, COND);
	s->us += 10;
	scene_run(s, to_cpu, to);
	s->us += 3;
	scene_wait(s, to_cpu, to, MUTEX, OP_MUTEX, 2);
	s->us += 3;
	scene_wake(s, from, to, MUTEX);
	s->us += 3;
	scene_wait(s, from_cpu, from, SWITCH_COND, OP_COND_REALTIME, 0);
	s->us += 3;
	scene_run(s, to_cpu, to);
	s->us += 3;
	scene_wake(s, to, from, SWITCH_COND);
	s->us += 3;
	scene_run(s, from_cpu, from);
	s->us += 3;
	scene_wait(s, from_cpu, from, SWITCH_COND + 4, OP_COND_REALTIME, 0);
	s->us += 3;
	scene_wake(s, to, from, SWITCH_COND + 4);
	s->us += 3;
	scene_run(s, from_cpu, from);
	s->us += 3;
	scene_wait(s, from_cpu, from, SWITCH_MUTEX, OP_MUTEX, 2);
	s->us += 3;
	scene_wake(s, to, from, SWITCH_MUTEX);
	s->us += 3;
	scene_run(s, from_cpu, from);
	s->us += 3;
	scene_timed_wait(s, from_cpu, from, COND_ALTERNATE);
	s->us += 10;
	scene_timeout(s, from);
	s->us += 3;
	scene_run(s, from_cpu, from);
	s->us += 3;
	scene_timed_wait(s, from_cpu, from, COND);
}

static void six_words_are_one_lock(void **state)
{
	static const uint64_t words[] = { COND,	       COND_ALTERNATE,	MUTEX,
					  SWITCH_COND, SWITCH_COND + 4, SWITCH_MUTEX };
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_timed_wait(&s, 1, B, COND);
	for (int i = 0; i < 15; i++) {
		six_words_handover(&s, A, 0, B, 1);
		six_words_handover(&s, B, 1, A, 0);
	}
	scene_symbol(&s, 100, MUTEX, "the_gil+0x8", "/bin/gil");
	scene_symbol(&s, 100, COND, "", "[heap]");
	scene_table(&s);
	assert_int_equal(lock_table_size(s.table), 1);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->nwords, 6);
	for (int i = 0; i < 6; i++) {
		assert_ptr_equal(group_of(&s, words[i]), group_of(&s, COND));
		assert_int_equal(group_of(&s, COND)->words[i].addr, words[i]);
	}
	assert_string_equal(group_of(&s, COND)->name, "the_gil+0x8");
	scene_free(&s);
}

/*
 * One thread computes, the other comes back from reading: nobody waits on both condition variables,
 * but who is made to let go by way of the first waits on the second.
 */
static void forced_switch_condvar_belongs_to_the_gil(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_wait(&s, 0, A, COND_ALTERNATE, OP_COND, 0);
	scene_run(&s, 1, B);
	s.us += 100;
	scene_wake(&s, B, A, COND_ALTERNATE);
	scene_run(&s, 0, A);
	scene_sleep(&s, 0, A);
	for (int i = 0; i < 30; i++) {
		s.us += 1000;
		scene_timeout(&s, A);
		scene_run(&s, 0, A);
		scene_timed_wait(&s, 0, A, COND);
		s.us += 5000;
		scene_wake(&s, B, A, COND);
		s.us += 5;
		scene_wait(&s, 1, B, SWITCH_COND, OP_COND_REALTIME, 0);
		s.us += 20;
		scene_run(&s, 0, A);
		s.us += 10;
		scene_wake(&s, A, B, SWITCH_COND);
		s.us += 60;
		scene_wake(&s, A, B, COND);
		scene_sleep(&s, 0, A);
		scene_run(&s, 1, B);
		if (i % 3 == 0) { /* who reads has the lock longer now and then */
			s.us += 2000;
			scene_timed_wait(&s, 1, B, COND);
			s.us += 100;
			scene_timeout(&s, A);
			scene_run(&s, 0, A);
			scene_wake(&s, A, B, COND);
			scene_sleep(&s, 0, A);
			s.us += 20;
			scene_run(&s, 1, B);
		}
	}
	scene_table(&s);
	assert_ptr_equal(group_of(&s, SWITCH_COND), group_of(&s, COND));
	assert_sort(&s, SWITCH_COND, SORT_LOCK);
	scene_free(&s);
}

/* Full and empty: each is waited on by one side and woken by the other, one after the other. */
static void ends_of_a_bounded_queue_stay_apart(void **state)
{
	const uint64_t filled = COND, emptied = SWITCH_COND;
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, filled, OP_COND, 0);
	for (int i = 0; i < 40; i++) {
		uint64_t half = i & 1 ? 4 : 0;

		s.us += 700;
		scene_wake(&s, A, B, filled + (i ? half ^ 4 : 0));
		s.us += 5;
		scene_wait(&s, 0, A, emptied + half, OP_COND, 0);
		s.us += 15;
		scene_run(&s, 1, B);
		s.us += 700;
		scene_wake(&s, B, A, emptied + half);
		s.us += 5;
		scene_wait(&s, 1, B, filled + half, OP_COND, 0);
		s.us += 15;
		scene_run(&s, 0, A);
	}
	scene_table(&s);
	assert_ptr_not_equal(group_of(&s, filled), group_of(&s, emptied));
	assert_int_not_equal(group_of(&s, filled)->sort, SORT_LOCK);
	assert_int_not_equal(group_of(&s, emptied)->sort, SORT_LOCK);
	scene_free(&s);
}

/* ---- CPython 2.7: one semaphore, let go of and taken again every few microseconds ---- */

static void semaphore_used_as_lock(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, COND, OP_COND_REALTIME, 0);
	for (int round = 0; round < 60; round++) {
		uint32_t holder = round & 1 ? B : A, other = round & 1 ? A : B;
		uint32_t holder_cpu = round & 1, other_cpu = !holder_cpu;

		/* Woken in vain: the holder has taken it again already, and runs on. */
		for (int i = 0; i < 10; i++) {
			s.us += 60;
			scene_wake(&s, holder, other, COND);
			s.us += 20;
			scene_run(&s, other_cpu, other);
			s.us += 8;
			scene_wait(&s, other_cpu, other, COND, OP_COND_REALTIME, 0);
		}
		s.us += 60;
		scene_wake(&s, holder, other, COND);
		s.us += 20;
		scene_run(&s, other_cpu, other);
		s.us += 3;
		scene_wait(&s, holder_cpu, holder, COND, OP_COND_REALTIME, 0);
	}
	scene_symbol(&s, 100, COND, "", "[heap]");
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_SEMAPHORE);
	assert_string_equal(group_of(&s, COND)->name, "[heap] 0x1000");
	scene_free(&s);
}

/* ---- queues ---- */

/* The producer feeds a consumer and works on; `cpu` of the consumer may be the producer's own. */
static void produce(struct scene *s, int items)
{
	scene_run(s, 0, A);
	scene_run(s, 1, B);
	scene_wait(s, 1, B, COND, OP_COND_REALTIME, 0);
	for (int i = 0; i < items; i++) {
		s->us += 2000;
		scene_wake(s, A, B, COND);
		s->us += 20;
		scene_run(s, 1, B);
		s->us += 1500;
		scene_wait(s, 1, B, COND, OP_COND_REALTIME, 0);
	}
}

static void queue_is_an_event(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	produce(&s, 40);
	scene_table(&s);
	assert_sort(&s, COND, SORT_QUEUE);
	assert_true(group_of(&s, COND)->evidence.side_by_side > 0.9);
	scene_free(&s);
}

static void queue_on_one_cpu_is_no_lock(void **state)
{
	struct scene s;

	scene_init(&s, 2);
	scene_thread_on(&s, A, 100, 100, 0);
	scene_thread_on(&s, B, 100, 100, 0);
	scene_run(&s, 0, B);
	scene_wait(&s, 0, B, COND, OP_COND_REALTIME, 0);
	scene_run(&s, 0, A);
	for (int i = 0; i < 100; i++) {
		s.us += 2000;
		scene_wake(&s, A, B, COND);
		s.us += 20;
		scene_wait_to(&s, 0, A, 0x9000, OP_COND_REALTIME, 0, false, B);
		s.us += 1000;
		scene_wake(&s, B, A, 0x9000);
		s.us += 20;
		scene_wait_to(&s, 0, B, COND, OP_COND_REALTIME, 0, false, A);
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_QUEUE);
	assert_int_equal(group_of(&s, COND)->evidence.handovers_idle, 0);
	scene_free(&s);
}

/*
 * Waiting for items and for the queue's mutex by turns joins the words; only the mutex is a lock.
 */
static void mutex_of_a_queue_stays_a_lock(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, COND, OP_COND_REALTIME, 0);
	for (int i = 0; i < 40; i++) {
		s.us += 2000;
		scene_wake(&s, A, B, COND);
		s.us += 20;
		scene_run(&s, 1, B);
		s.us += 5;
		scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
		s.us += 5;
		scene_wake(&s, A, B, MUTEX);
		s.us += 20;
		scene_run(&s, 1, B);
		s.us += 1500;
		scene_wait(&s, 1, B, COND, OP_COND_REALTIME, 0);
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_QUEUE);
	assert_sort(&s, MUTEX, SORT_LOCK);
	assert_int_equal(group_of(&s, MUTEX)->kind, LOCK_KIND_MUTEX);
	assert_int_equal(group_of(&s, MUTEX)->nwords, 1);
	scene_free(&s);
}

/*
 * Both wait and both wake, yet both work on: a condition variable that two workers signal to each
 * other.
 */
static void symmetric_but_side_by_side_is_a_queue(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, COND, OP_COND, 0);
	for (int i = 0; i < 40; i++) {
		uint32_t idle = i & 1 ? A : B, busy = i & 1 ? B : A;

		s.us += 3000;
		scene_wake(&s, busy, idle, COND);
		s.us += 20;
		scene_run(&s, !(i & 1), idle);
		s.us += 3000;
		scene_wait(&s, i & 1, busy, COND, OP_COND, 0);
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_QUEUE);
	scene_free(&s);
}

static void waited_on_once_is_an_event(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, COND, OP_COND_REALTIME, 0);
	s.us += 1000;
	scene_wake(&s, A, B, COND);
	s.us += 20;
	scene_run(&s, 1, B);
	scene_table(&s);
	assert_sort(&s, COND, SORT_QUEUE);
	scene_free(&s);
}

/* ---- request and response ---- */

static void taking_turns_is_no_lock(void **state)
{
	const uint64_t request = 0x5000, response = 0x6000;
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, request, OP_COND_REALTIME, 0);
	for (int i = 0; i < 40; i++) {
		s.us += 700;
		scene_wake(&s, A, B, request);
		s.us += 5;
		scene_wait(&s, 0, A, response, OP_COND_REALTIME, 0);
		s.us += 15;
		scene_run(&s, 1, B);
		s.us += 700;
		scene_wake(&s, B, A, response);
		s.us += 5;
		scene_wait(&s, 1, B, request, OP_COND_REALTIME, 0);
		s.us += 15;
		scene_run(&s, 0, A);
	}
	scene_table(&s);
	assert_sort(&s, request, SORT_TURN_TAKING);
	assert_sort(&s, response, SORT_TURN_TAKING);
	scene_free(&s);
}

/* ---- join, barrier, mutex ---- */

static void join_is_an_event(void **state)
{
	const uint64_t word = 0x7f0000000000 + B * 0x1000;
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 0, A, word, OP_JOIN, B);
	s.us += 100000;
	scene_table(&s);
	assert_sort(&s, word, SORT_JOIN);
	scene_free(&s);
}

static void barrier_counts_up(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 40; i++) {
		scene_wait(&s, i & 1, i & 1 ? B : A, COND, OP_MUTEX, 2 * i);
		s.us += 3000;
		scene_wake(&s, i & 1 ? A : B, i & 1 ? B : A, COND);
		s.us += 20;
		scene_run(&s, i & 1, i & 1 ? B : A);
		s.us += 100;
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_BARRIER);
	scene_free(&s);
}

/* Waits on `word` by B until A lets go. */
static void contend(struct scene *s, uint64_t word, uint32_t val)
{
	scene_wait(s, 1, B, word, OP_MUTEX, val);
	s->us += 30;
	scene_wake(s, A, B, word);
	s->us += 10;
	scene_run(s, 1, B);
	s->us += 10;
}

static void one_wait_shows_a_mutex(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	contend(&s, COND, 2);
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_MUTEX);
	scene_free(&s);
}

static void pi_and_owner_words_are_mutexes(void **state)
{
	const uint64_t pi = 0x8000, robust = 0x9000;
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 1, B, pi, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0);
	s.us += 10;
	scene_wake(&s, A, B, pi);
	scene_run(&s, 1, B);
	contend(&s, robust, FUTEX_WAITERS | 4711);
	contend(&s, robust, FUTEX_WAITERS | 4712);
	scene_table(&s);
	assert_sort(&s, pi, SORT_LOCK);
	assert_sort(&s, robust, SORT_LOCK);
	scene_free(&s);
}

/* Readers run side by side, so exclusion does not show it; its values do. */
static void rwlock_of_glibc(void **state)
{
	const uint64_t phase = 0x1008, writers = 0x100c;
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 24; i++) {
		uint64_t word = i % 3 ? phase : writers;

		scene_wait(&s, 1, B, word, OP_COND_REALTIME, word == phase && i & 1 ? 2 : 3);
		s.us += 2000;
		scene_wake(&s, A, B, word);
		s.us += 20;
		scene_run(&s, 1, B);
		s.us += 6000;
	}
	scene_table(&s);
	assert_sort(&s, phase, SORT_LOCK);
	assert_ptr_equal(group_of(&s, phase), group_of(&s, writers));
	assert_int_equal(group_of(&s, phase)->kind, LOCK_KIND_RWLOCK);
	scene_free(&s);
}

/* std::shared_mutex of a few readers and one writer, who never waits for another one: the phase word alone. */
static void rwlock_of_one_writer(void **state)
{
	const uint64_t phase = 0x1008;
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 24; i++) {
		uint32_t waits = i & 1 ? A : B, holds = i & 1 ? B : A;

		scene_wait(&s, !(i & 1), waits, phase, OP_COND_REALTIME, waits == A ? 2 : 3);
		s.us += 1000;
		scene_wake(&s, holds, waits, phase);
		s.us += 20;
		scene_run(&s, !(i & 1), waits);
		s.us += 6000; /* side by side: readers do */
	}
	scene_table(&s);
	assert_sort(&s, phase, SORT_LOCK);
	assert_int_equal(group_of(&s, phase)->kind, LOCK_KIND_RWLOCK);
	scene_free(&s);
}

/* Rust's: as glibc's, but waited on with a bitset, and by both sides. */
static void mutex_waited_on_with_a_bitset(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 4; i++) {
		uint32_t waits = i & 1 ? A : B, holds = i & 1 ? B : A;

		scene_wait(&s, !(i & 1), waits, COND, OP_COND, 2);
		s.us += 100;
		scene_wake(&s, holds, waits, COND);
		scene_run(&s, !(i & 1), waits);
		s.us += 6000;
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_MUTEX);
	scene_free(&s);
}

/* An rwlock that is only ever written under: the writers' word alone. They need not run one at a time for long. */
static void rwlock_among_writers(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 24; i++) {
		uint32_t waits = i & 1 ? A : B, holds = i & 1 ? B : A;

		scene_wait(&s, !(i & 1), waits, COND, OP_COND, 3);
		s.us += 100;
		scene_wake(&s, holds, waits, COND);
		scene_run(&s, !(i & 1), waits);
		s.us += 6000;
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_RWLOCK);
	scene_free(&s);
}

/* One of two writers always had it when the other came. That is no queue, but who knows. */
static void rwlock_with_one_unlucky_writer(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 24; i++) {
		scene_wait(&s, 1, B, COND, OP_COND_REALTIME, 3);
		s.us += 100;
		scene_wake(&s, A, B, COND);
		scene_run(&s, 1, B);
		s.us += 10;
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_UNPROVEN);
	scene_free(&s);
}

static void shards_do_not_melt(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int round = 0; round < 3; round++)
		for (uint64_t i = 0; i < 8; i++)
			contend(&s, 0x1000 + i * 40, 2);
	/* A condition variable beside two of them takes only the one it is used with. */
	for (int i = 0; i < 5; i++) {
		contend(&s, 0x1000, 2);
		scene_wait(&s, 1, B, 0x1010, OP_COND, 0);
		s.us += 30;
		scene_wake(&s, A, B, 0x1010);
		s.us += 10;
		scene_run(&s, 1, B);
		if (!i)
			contend(&s, 0x1028, 2);
		s.us += 3000;
	}
	scene_table(&s);
	assert_int_equal(lock_table_size(s.table), 9);
	for (uint64_t i = 0; i < 8; i++) {
		assert_sort(&s, 0x1000 + i * 40, SORT_LOCK);
		assert_int_equal(group_of(&s, 0x1000 + i * 40)->nwords, 1);
	}
	scene_free(&s);
}

/* Two semaphores side by side on the heap, waited on one right after the other. */
static void neighbouring_semaphores_stay_apart(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	for (int i = 0; i < 10; i++) {
		uint64_t word = i & 1 ? 0x1000 : 0x1020;

		scene_wait(&s, 1, B, word, OP_COND_REALTIME, 0);
		s.us += 30;
		scene_wake(&s, A, B, word);
		s.us += 10;
		scene_run(&s, 1, B);
		s.us += 10;
	}
	scene_table(&s);
	assert_ptr_not_equal(group_of(&s, 0x1000), group_of(&s, 0x1020));
	scene_free(&s);
}

/* A broadcast moves waiters to the mutex, on which they are woken. */
static void requeued_words_belong_together(void **state)
{
	const uint64_t mutex = 0x4000; /* farther away than a sequence reaches */
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	contend(&s, mutex, 2);
	scene_wait(&s, 1, B, COND, OP_COND, 0);
	for (int i = 0; i < 30; i++) {
		uint32_t idle = i & 1 ? A : B, busy = i & 1 ? B : A;

		s.us += 2000;
		scene_wake(&s, busy, idle, mutex);
		s.us += 5;
		scene_wait(&s, i & 1, busy, COND, OP_COND, 0);
		s.us += 20;
		scene_run(&s, !(i & 1), idle);
	}
	scene_table(&s);
	assert_sort(&s, COND, SORT_LOCK);
	assert_ptr_equal(group_of(&s, mutex), group_of(&s, COND));
	scene_free(&s);
}

/* ---- what tells words apart ---- */

static void same_address_in_two_processes(void **state)
{
	struct scene s;

	scene_init(&s, 2);
	scene_thread_on(&s, A, 100, 100, UINT32_MAX);
	scene_thread_on(&s, B, 200, 200, UINT32_MAX);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 0, A, COND, OP_MUTEX, 2);
	scene_wait(&s, 1, B, COND, OP_COND, 0);
	scene_table(&s);
	assert_int_equal(lock_table_size(s.table), 2);
	assert_int_equal(lock_table_find(s.table, 100, COND)->as, 100);
	assert_int_equal(lock_table_find(s.table, 200, COND)->as, 200);
	assert_null(lock_table_find(s.table, 300, COND));
	scene_free(&s);
}

static void exec_makes_other_words(void **state)
{
	struct scene s;
	struct gt_event *ev;

	scene_init(&s, 1);
	scene_thread(&s, A);
	scene_run(&s, 0, A);
	scene_wait(&s, 0, A, COND, OP_COND, 0);
	s.us += 10;
	scene_timeout(&s, A);
	scene_run(&s, 0, A);
	ev = scene_event(&s, GT_EXEC, 0);
	ev->task = A;
	ev->u.exec.tid = ev->u.exec.tgid = A;
	ev->u.exec.as = 101;
	ev->u.exec.path = "/bin/other";
	s.us += 10;
	scene_wait(&s, 0, A, COND, OP_MUTEX, 2);
	scene_table(&s);
	assert_non_null(lock_table_find(s.table, 100, COND));
	assert_non_null(lock_table_find(s.table, 101, COND));
	assert_ptr_not_equal(lock_table_find(s.table, 100, COND),
			     lock_table_find(s.table, 101, COND));
	scene_free(&s);
}

static void shared_symbol(struct scene *s, uint32_t as, uint64_t addr)
{
	struct gt_event *ev;

	scene_symbol(s, as, addr, "", "/dev/shm/lock");
	ev = &s->events[s->n - 1];
	ev->u.symbol.shared_dev = 1;
	ev->u.symbol.shared_ino = 2;
	ev->u.symbol.shared_offset = 0x40;
}

static void shared_word_is_one_wherever_mapped(void **state)
{
	struct scene s;
	struct lock_group *g;

	scene_init(&s, 2);
	scene_thread_on(&s, A, 100, 100, UINT32_MAX);
	scene_thread_on(&s, B, 200, 200, UINT32_MAX);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 0, A, 0x1040, FUTEX_WAIT, 2);
	scene_wait(&s, 1, B, 0x2040, FUTEX_WAIT, 2);
	shared_symbol(&s, 100, 0x1040);
	shared_symbol(&s, 200, 0x2040);
	scene_table(&s);
	g = lock_table_find(s.table, 100, 0x1040);
	assert_non_null(g);
	assert_ptr_equal(lock_table_find(s.table, 200, 0x2040), g);
	assert_int_equal(g->as, 0);
	assert_int_equal(g->nwords, 1);
	assert_int_equal(g->words[0].addr, 0x40);
	assert_int_equal(g->words[0].ino, 2);
	assert_int_equal(g->words[0].waits, 2);
	assert_int_equal(g->sort, SORT_LOCK);
	scene_free(&s);
}

/* Private operations on shared memory do not cross address spaces. */
static void private_operations_stay_private(void **state)
{
	struct scene s;

	scene_init(&s, 2);
	scene_thread_on(&s, A, 100, 100, UINT32_MAX);
	scene_thread_on(&s, B, 200, 200, UINT32_MAX);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	scene_wait(&s, 0, A, 0x1040, OP_MUTEX, 2);
	scene_wait(&s, 1, B, 0x2040, OP_MUTEX, 2);
	shared_symbol(&s, 100, 0x1040);
	shared_symbol(&s, 200, 0x2040);
	scene_table(&s);
	assert_int_equal(lock_table_size(s.table), 2);
	scene_free(&s);
}

static void a_name_from_the_image_alone(void **state)
{
	struct scene s;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_wait(&s, 0, A, COND, OP_MUTEX, 2);
	scene_symbol(&s, 100, COND, "", "/usr/lib/libfoo.so.1");
	s.events[s.n - 1].u.symbol.image_offset = 0x4a0;
	scene_table(&s);
	assert_string_equal(group_of(&s, COND)->name, "libfoo.so.1+0x4a0");
	scene_free(&s);
}

/*
 * A trace that names a new word in every record costs bounded memory, and what is left out is
 * counted.
 */
static void words_without_end_are_counted(void **state)
{
	const uint32_t n = (1U << 20) + 1000;
	struct process process = { .id = 100, .as = 100 };
	struct thread t = { .id = A, .process = &process };
	struct lock_words w = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		t.wait = (struct futex_wait){ .as = 100, .addr = i * 8, .op = OP_COND };
		lock_words_wait(&w, &t);
	}
	assert_int_equal(w.nwords, 1U << 20);
	assert_int_equal(w.dropped, 1000);
	assert_int_equal(lock_words_find(&w, 100, (n - 1) * 8ULL), LOCK_WORDS_NONE);
	assert_int_equal(lock_words_find(&w, 100, 800), 100);
	lock_words_release(&w);
}

static void evidence_is_told(void **state)
{
	struct scene s;
	char *lines[8];
	int n;

	gil(&s, 15);
	scene_table(&s);
	n = lock_sort_explain(group_of(&s, COND), lines, 8);
	assert_int_equal(n, 4);
	assert_string_equal(lines[0], "lock: threads take turns at holding it");
	assert_string_equal(lines[1], "L1: 3 words of one wait sequence");
	assert_non_null(strstr(lines[2], "symmetry: 2 of 2 waiting threads also wake, in "));
	assert_null(strstr(lines[2], "only"));
	assert_non_null(strstr(lines[3], "hand-overs with an idle CPU"));
	while (n)
		free(lines[--n]);
	scene_free(&s);
}

static void a_few_events_are_told_as_a_few(void **state)
{
	struct scene s;
	char *lines[8];
	int n;

	two_threads(&s, 2);
	scene_run(&s, 0, A);
	scene_run(&s, 1, B);
	contend(&s, COND, 2);
	scene_table(&s);
	n = lock_sort_explain(group_of(&s, COND), lines, 8);
	assert_true(n >= 1);
	assert_non_null(strstr(lines[0], "always waits for value 2 ("));
	assert_non_null(strstr(lines[0], " only)"));
	while (n)
		free(lines[--n]);
	scene_free(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gil_is_a_lock),
		cmocka_unit_test(gil_after_few_handovers_is_unproven),
		cmocka_unit_test(fingerprint_needs_no_proof),
		cmocka_unit_test(six_words_are_one_lock),
		cmocka_unit_test(forced_switch_condvar_belongs_to_the_gil),
		cmocka_unit_test(ends_of_a_bounded_queue_stay_apart),
		cmocka_unit_test(semaphore_used_as_lock),
		cmocka_unit_test(queue_is_an_event),
		cmocka_unit_test(queue_on_one_cpu_is_no_lock),
		cmocka_unit_test(mutex_of_a_queue_stays_a_lock),
		cmocka_unit_test(symmetric_but_side_by_side_is_a_queue),
		cmocka_unit_test(waited_on_once_is_an_event),
		cmocka_unit_test(taking_turns_is_no_lock),
		cmocka_unit_test(join_is_an_event),
		cmocka_unit_test(barrier_counts_up),
		cmocka_unit_test(one_wait_shows_a_mutex),
		cmocka_unit_test(pi_and_owner_words_are_mutexes),
		cmocka_unit_test(rwlock_of_glibc),
		cmocka_unit_test(rwlock_of_one_writer),
		cmocka_unit_test(mutex_waited_on_with_a_bitset),
		cmocka_unit_test(rwlock_among_writers),
		cmocka_unit_test(rwlock_with_one_unlucky_writer),
		cmocka_unit_test(shards_do_not_melt),
		cmocka_unit_test(neighbouring_semaphores_stay_apart),
		cmocka_unit_test(requeued_words_belong_together),
		cmocka_unit_test(same_address_in_two_processes),
		cmocka_unit_test(exec_makes_other_words),
		cmocka_unit_test(shared_word_is_one_wherever_mapped),
		cmocka_unit_test(private_operations_stay_private),
		cmocka_unit_test(a_name_from_the_image_alone),
		cmocka_unit_test(words_without_end_are_counted),
		cmocka_unit_test(evidence_is_told),
		cmocka_unit_test(a_few_events_are_told_as_a_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
