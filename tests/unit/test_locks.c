/* SPDX-License-Identifier: MIT */
/* Second pass: waits, hand-offs, holds and shares of scripted locks, as results. */
#include "lock_scene.h"

#define MUTEX 0x1000ULL
#define OTHER 0x9000ULL
#define QUEUE 0x5000ULL
#define A 1
#define B 2
#define C 3
#define US SCENE_US
#define MS (1000 * SCENE_US)

/* Quantiles come in buckets of 1/64. */
#define assert_about(value, expected)                                                              \
	assert_in_range(value, (expected) - (expected) / 60, (expected) + (expected) / 60)

/* A and B run on CPUs 0 and 1. */
static void two_running(struct scene *s)
{
	scene_init(s, 3);
	scene_thread(s, A);
	scene_thread(s, B);
	scene_thread(s, C);
	scene_run(s, 0, A);
	scene_run(s, 1, B);
}

static void timed_mutex_wait(struct scene *s, uint32_t cpu, uint32_t id)
{
	scene_wait_to(s, cpu, id, MUTEX, OP_MUTEX, 2, true, 0);
}

static const struct result_lock_thread *part_of(const struct result_lock *l, uint32_t thread)
{
	for (size_t i = 0; i < l->nby_thread; i++)
		if (l->by_thread[i].thread == thread)
			return &l->by_thread[i];
	fail_msg("thread %u has no part in the lock", thread);
	return NULL;
}

/* ---- waits ---- */

static void timeouts_are_rounds_of_one_wait(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	timed_mutex_wait(&s, 1, B);
	for (int i = 0; i < 3; i++) {
		s.us += 5000;
		scene_timeout(&s, B);
		s.us += 40;
		scene_run(&s, 1, B);
		s.us += 60;
		timed_mutex_wait(&s, 1, B);
	}
	s.us += 1000;
	scene_wake(&s, A, B, MUTEX);
	s.us += 30;
	scene_run(&s, 1, B);
	s.us += 5000;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 1);
	assert_int_equal(r.locks[0].waits, 1);
	assert_int_equal(r.locks[0].waiters, 1);
	assert_int_equal(r.locks[0].timeouts, 3);
	assert_int_equal(r.locks[0].handoffs, 1);
	/* Timeouts, the running between them and the time until it had a CPU again. */
	assert_int_equal(r.locks[0].wait.sum, 16330 * US);
	assert_int_equal(r.locks[0].wait.max, 16330 * US);
	assert_about(r.locks[0].handoff_p50, 30 * US);
	scene_done(&s, &r);
}

static void a_lost_race_does_not_end_the_wait(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, A, B, MUTEX);
	s.us += 20;
	scene_run(&s, 1, B);
	s.us += 8;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, A, B, MUTEX);
	s.us += 20;
	scene_run(&s, 1, B);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].waits, 1);
	assert_int_equal(r.locks[0].handoffs, 1);
	assert_int_equal(r.locks[0].wait.sum, 248 * US);
	scene_done(&s, &r);
}

/* However soon it is back: who woke another had the lock. */
static void a_release_ends_the_wait(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, A, B, MUTEX);
	scene_run(&s, 1, B);
	s.us += 10;
	scene_wake(&s, B, C, MUTEX);
	scene_run(&s, 2, C);
	s.us += 10;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, C, B, MUTEX);
	scene_run(&s, 1, B);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].waits, 3);
	assert_int_equal(part_of(&r.locks[0], B)->waits, 2);
	assert_int_equal(part_of(&r.locks[0], B)->wait, 200 * US);
	scene_done(&s, &r);
}

static void a_pause_ends_the_wait(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	for (int i = 0; i < 2; i++) {
		scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
		s.us += 100;
		scene_wake(&s, A, B, MUTEX);
		scene_run(&s, 1, B);
		s.us += 51;
	}
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].waits, 2);
	assert_int_equal(r.locks[0].wait.sum, 200 * US);
	scene_done(&s, &r);
}

static void blocked_to_the_end_was_blocked(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 5000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].waits, 1);
	assert_int_equal(r.locks[0].wait.sum, 5001 * US);
	assert_int_equal(r.locks[0].handoffs, 0);
	assert_int_equal(r.locks[0].handoff_p50, RESULT_UNKNOWN);
	scene_done(&s, &r);
}

/* ---- holds ---- */

/* B waits and gets the lock from A. */
static void acquire(struct scene *s)
{
	scene_wait(s, 1, B, MUTEX, OP_MUTEX, 2);
	s->us += 100;
	scene_wake(s, A, B, MUTEX);
	scene_run(s, 1, B);
}

static void hold_ends_where_another_is_woken(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	acquire(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 300;
	scene_wake(&s, B, C, MUTEX);
	s.us += 10;
	scene_run(&s, 2, C);
	s.us += 5000;
	scene_results(&s, &r);
	assert_string_equal(r.locks[0].hold_source, "inferred");
	assert_int_equal(r.locks[0].hold.sum, 300 * US);
	assert_int_equal(part_of(&r.locks[0], B)->held, 300 * US);
	assert_int_equal(part_of(&r.locks[0], C)->held, RESULT_UNKNOWN);
	scene_done(&s, &r);
}

static void hold_goes_on_over_a_sleep(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	acquire(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	scene_sleep(&s, 1, B);
	s.us += 8000;
	scene_timeout(&s, B);
	scene_run(&s, 1, B);
	scene_wake(&s, B, C, MUTEX);
	scene_run(&s, 2, C);
	s.us += 100;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].hold.sum, 8 * MS);
	scene_done(&s, &r);
}

/* It let go without a call while it slept: another has had the lock since. */
static void hold_is_unknown_when_another_had_it(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	acquire(&s);
	scene_sleep(&s, 1, B);
	s.us += 1000;
	scene_run(&s, 2, C);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 1000;
	scene_wake(&s, A, C, MUTEX);
	scene_run(&s, 2, C);
	scene_sleep(&s, 2, C);
	scene_timeout(&s, B);
	scene_run(&s, 1, B);
	scene_wait(&s, 0, A, MUTEX, OP_MUTEX, 2);
	s.us += 1000;
	scene_wake(&s, B, A, MUTEX);
	scene_run(&s, 0, A);
	s.us += 100;
	scene_results(&s, &r);
	assert_null(r.locks[0].hold_source);
	assert_int_equal(r.locks[0].hold.sum, RESULT_UNKNOWN);
	scene_done(&s, &r);
}

/* It let go without a call, took the lock again later, and only then somebody had to wait. */
static void hold_is_unknown_when_nobody_was_refused_meanwhile(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	acquire(&s);
	scene_sleep(&s, 1, B);
	s.us += 8000;
	scene_timeout(&s, B);
	scene_run(&s, 1, B);
	s.us += 20;
	scene_run(&s, 2, C);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 30;
	scene_wake(&s, B, C, MUTEX);
	scene_run(&s, 2, C);
	s.us += 100;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].hold.sum, RESULT_UNKNOWN);
	scene_done(&s, &r);
}

/*
 * C's time is up just when B lets go: no call wakes C, which takes the lock. That B blocks for it
 * `later` after C was still refused tells when it let go, if that is soon.
 */
static uint64_t hold_when_a_time_out_races(uint64_t later)
{
	struct results r;
	struct scene s;
	uint64_t sum;

	two_running(&s);
	acquire(&s);
	s.us += 50;
	scene_run(&s, 2, C);
	timed_mutex_wait(&s, 2, C);
	s.us += 5000;
	scene_timeout(&s, C);
	scene_run(&s, 2, C);
	s.us += later;
	timed_mutex_wait(&s, 1, B);
	s.us += 1000;
	scene_results(&s, &r);
	sum = r.locks[0].hold.sum;
	scene_done(&s, &r);
	return sum;
}

static void hold_ends_when_a_time_out_races_with_the_release(void **state)
{
	assert_int_equal(hold_when_a_time_out_races(10), 5060 * US);
	assert_int_equal(hold_when_a_time_out_races(500), RESULT_UNKNOWN);
}

/* C is woken but has to wait again: B has not let go of the lock for it. */
static void a_wake_in_vain_is_no_release(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	acquire(&s);
	s.us += 10;
	scene_wake(&s, B, C, MUTEX);
	s.us += 10;
	scene_run(&s, 2, C);
	s.us += 10;
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 5000;
	scene_wake(&s, B, C, MUTEX);
	s.us += 10;
	scene_run(&s, 2, C);
	s.us += 5000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].hold.sum, 5030 * US);
	assert_int_equal(r.locks[0].waits, 2);
	scene_done(&s, &r);
}

/* C was woken while it went to sleep; that is told of when B, who woke it, already waits again. */
static void a_release_told_late_counts(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	acquire(&s);
	scene_run(&s, 2, C);
	s.us += 4000;
	scene_wake(&s, B, C, MUTEX);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 2;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 20;
	scene_run(&s, 2, C);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].hold.sum, 4000 * US);
	assert_int_equal(r.locks[0].handoffs, 2);
	/* From the waking on, not from its telling; quantiles are within 4 %. */
	assert_in_range(r.locks[0].handoff_p99, 21 * US, 23 * US);
	scene_done(&s, &r);
}

/* B let go and woke C, which is told of when B has the lock again: that hold goes on. */
static void a_release_told_late_ends_no_later_hold(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	acquire(&s);
	scene_run(&s, 2, C);
	s.us += 4000;
	scene_wake(&s, B, C, MUTEX);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 2;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 10;
	scene_wake(&s, A, B, MUTEX);
	s.us += 10;
	scene_run(&s, 1, B);
	s.us += 10;
	scene_run(&s, 2, C);
	s.us += 1000;
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 1000;
	scene_wake(&s, B, C, MUTEX);
	scene_run(&s, 2, C);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].hold.sum, (4000 + 2010) * US);
	scene_done(&s, &r);
}

/* ---- shares, and what is no lock ---- */

static void shares_of_two_locks(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 3000;
	scene_wake(&s, A, B, MUTEX);
	scene_run(&s, 1, B);
	s.us += 1000; /* side by side: not serialized */
	scene_wait(&s, 0, A, OTHER, OP_MUTEX, 2);
	s.us += 1000;
	scene_wake(&s, B, A, OTHER);
	scene_run(&s, 0, A);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 2);
	assert_int_equal(r.locks[0].words[0].addr, MUTEX); /* longest waiting time first */
	assert_true(r.locks[0].share_of_lock_time == 0.75);
	assert_true(r.locks[1].share_of_lock_time == 0.25);
	assert_true(r.locks[0].explains_serialized > 0.74 && r.locks[0].explains_serialized < 0.76);
	assert_true(r.locks[1].explains_serialized > 0.24 && r.locks[1].explains_serialized < 0.26);
	assert_int_equal(r.locks[0].nprocesses, 1);
	assert_int_equal(r.locks[0].processes[0], 100);
	scene_done(&s, &r);
}

/* Two waiters at once: serialized time counts once. */
static void several_waiters_explain_once(void **state)
{
	struct results r;
	struct scene s;

	two_running(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 5000;
	scene_results(&s, &r);
	assert_true(r.locks[0].explains_serialized > 0.99 && r.locks[0].explains_serialized < 1.01);
	assert_int_equal(r.locks[0].waiters, 2);
	scene_done(&s, &r);
}

static void queues_and_joins_are_events(void **state)
{
	const uint64_t join = 0x7f0000000000 + B * 0x1000;
	struct results r;
	struct scene s;

	two_running(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 0, A, join, OP_JOIN, B);
	scene_wait(&s, 2, C, QUEUE, OP_COND, 0);
	s.us += 700;
	scene_wake(&s, B, C, QUEUE);
	scene_run(&s, 2, C);
	s.us += 300;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 0);
	assert_int_equal(r.nevents, 2);
	assert_int_equal(r.events[0].sort, SORT_JOIN);
	assert_int_equal(r.events[0].wait.sum, 1001 * US);
	assert_int_equal(r.events[1].sort, SORT_QUEUE);
	assert_int_equal(r.events[1].waits, 1);
	assert_int_equal(r.events[1].wait.sum, 700 * US);
	assert_int_equal(r.events[1].processes[0], 100);
	scene_done(&s, &r);
}

static void futex_calls_are_listed(void **state)
{
	struct results r;
	struct scene s;
	struct gt_event *ev;

	two_running(&s);
	s.us += 10;
	ev = scene_event(&s, GT_FUTEX_COUNT, GT_CPU_COLLECTOR);
	ev->u.futex_count.process = 100;
	ev->u.futex_count.addr = MUTEX;
	ev->u.futex_count.op = OP_WAKE;
	ev->u.futex_count.result = -11;
	ev->u.futex_count.count = 12345;
	scene_results(&s, &r);
	assert_int_equal(r.nfutex_calls, 1);
	assert_int_equal(r.futex_calls[0].process, 100);
	assert_int_equal(r.futex_calls[0].address, MUTEX);
	assert_int_equal(r.futex_calls[0].op, OP_WAKE);
	assert_int_equal(r.futex_calls[0].result, -11);
	assert_int_equal(r.futex_calls[0].count, 12345);
	scene_done(&s, &r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeouts_are_rounds_of_one_wait),
		cmocka_unit_test(a_lost_race_does_not_end_the_wait),
		cmocka_unit_test(a_release_ends_the_wait),
		cmocka_unit_test(a_pause_ends_the_wait),
		cmocka_unit_test(blocked_to_the_end_was_blocked),
		cmocka_unit_test(hold_ends_where_another_is_woken),
		cmocka_unit_test(hold_goes_on_over_a_sleep),
		cmocka_unit_test(hold_is_unknown_when_another_had_it),
		cmocka_unit_test(a_wake_in_vain_is_no_release),
		cmocka_unit_test(hold_is_unknown_when_nobody_was_refused_meanwhile),
		cmocka_unit_test(hold_ends_when_a_time_out_races_with_the_release),
		cmocka_unit_test(a_release_told_late_counts),
		cmocka_unit_test(a_release_told_late_ends_no_later_hold),
		cmocka_unit_test(shares_of_two_locks),
		cmocka_unit_test(several_waiters_explain_once),
		cmocka_unit_test(queues_and_joins_are_events),
		cmocka_unit_test(futex_calls_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
