/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#define LOCK 0x5000

static void each_state_gets_its_time(void **unused)
{
	struct gt_event *ev;
	struct schedule s;
	const struct result_thread *t;

	schedule_init(&s, 2000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 100, 0, 0, 2);
	add_switch(&s, 100, 1, 0, 3);
	add_block(&s, 200, 0, 2, 0, 0); /* read */
	add_waking(&s, 300, 0, 2, 0);
	add_switch(&s, 320, 0, 0, 2);
	add_block(&s, 400, 0, 2, 0, 230); /* clock_nanosleep */
	add_waking(&s, 500, 0, 2, 0);
	add_switch(&s, 500, 0, 0, 2);
	add_block(&s, 600, 0, 2, 0, 61); /* wait4 */
	add_waking(&s, 700, 0, 2, 0);
	add_switch(&s, 700, 0, 0, 2);
	ev = add_block(&s, 800, 0, 2, 0, 9); /* mmap */
	ev->state = 2;
	add_waking(&s, 900, 0, 2, 0);
	add_switch(&s, 900, 0, 0, 2);
	add_lock(&s, 1000, 0, 2, 0, LOCK);
	add_futex_wake(&s, 1150, 1, 2, 3, LOCK);
	add_switch(&s, 1150, 0, 0, 2);
	add_futex(&s, 1200, 0, 2, 0, 0x7300, 0x109, 1003); /* join */
	add_waking(&s, 1450, 1, 2, 3)->syscall = 60;
	add_switch(&s, 1450, 0, 0, 2);
	add_switch(&s, 1500, 0, 2, 0); /* preempted */
	add_switch(&s, 1530, 0, 0, 2);
	add_end(&s, 1600, 0, 2, 0);
	schedule_play(&s);
	assert_sums_add_up(&s);
	t = thread_row(&s, 2);
	assert_int_equal(t->end - t->start, 1600 * US);
	assert_int_equal(t->runnable, (100 + 20 + 30) * US);
	assert_int_equal(t->io, 100 * US);
	assert_int_equal(t->sleep, 100 * US);
	assert_int_equal(t->other, 100 * US);
	assert_int_equal(t->kernel_lock, 100 * US);
	assert_int_equal(t->lock, 150 * US);
	assert_int_equal(t->event, 250 * US);
	assert_int_equal(t->unknown, 0);
	assert_int_equal(t->switches_voluntary, 6);
	assert_int_equal(t->switches_involuntary, 1);
	assert_int_equal(t->wakeups, 6);
	schedule_free(&s);
}

static void the_windows_end_is_no_switch(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	schedule_play(&s);
	assert_int_equal(thread_row(&s, 2)->switches_voluntary, 0);
	assert_int_equal(thread_row(&s, 2)->switches_involuntary, 0);
	assert_int_equal(thread_row(&s, 2)->end, s.out.end);
	schedule_free(&s);
}

/* 2 runs alone for 400 µs, beside 3 for 600 µs. */
static void code_that_runs_alone_weighs_more(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_task(&s, 400, 3, 1);
	add_switch(&s, 400, 1, 0, 3);
	schedule_play(&s);
	assert_int_equal(thread_row(&s, 2)->critical, (400 + 300) * US);
	assert_int_equal(thread_row(&s, 3)->critical, 300 * US);
	schedule_free(&s);
}

static void kernel_threads_are_marked(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1)->u.task.flags = GT_TASK_IO_WORKER | GT_TASK_THREAD;
	schedule_play(&s);
	assert_false(thread_row(&s, 2)->kernel);
	assert_true(thread_row(&s, 3)->kernel);
	assert_int_equal(process_row(&s, 1)->threads, 2);
	schedule_free(&s);
}

static uint64_t edge(const struct schedule *s, uint32_t from, uint32_t to, bool lock)
{
	uint64_t count = 0;

	for (size_t i = 0; i < s->out.nwakeups; i++) {
		const struct result_wakeup *w = &s->out.wakeups[i];

		if (w->from == from && w->to == to && (w->lock != 0) == lock)
			count += w->count;
	}
	return count;
}

static void wakeups_tell_who_woke_whom_and_on_which_lock(void **unused)
{
	struct schedule s;

	schedule_init(&s, 2000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	for (int64_t at = 0; at < 1500; at += 500) {
		add_lock(&s, at + 100, 1, 3, 0, LOCK);
		add_futex_wake(&s, at + 200, 0, 3, 2, LOCK);
		add_switch(&s, at + 200, 1, 0, 3);
		add_block(&s, at + 300, 1, 3, 0, 0);
		add_waking(&s, at + 350, 0, 3, 2)->syscall = 1;
		add_switch(&s, at + 350, 1, 0, 3);
		add_block(&s, at + 400, 1, 3, 0, 230);
		add_waking(&s, at + 450, 0, 3, 2);
		add_switch(&s, at + 450, 1, 0, 3);
	}
	schedule_play(&s);
	assert_int_equal(edge(&s, 2, 3, true), 3);
	assert_int_equal(edge(&s, 2, 3, false), 3);
	assert_int_equal(edge(&s, 0, 3, false), 3); /* the timers */
	assert_int_equal(s.out.nwakeups, 3);
	assert_int_equal(thread_row(&s, 3)->wakeups, 9);
	schedule_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_gets_its_time),
		cmocka_unit_test(the_windows_end_is_no_switch),
		cmocka_unit_test(code_that_runs_alone_weighs_more),
		cmocka_unit_test(kernel_threads_are_marked),
		cmocka_unit_test(wakeups_tell_who_woke_whom_and_on_which_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
