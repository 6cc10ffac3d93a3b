/* SPDX-License-Identifier: MIT */
#include "schedule.h"

static enum state classify(uint16_t state, uint8_t flags, int nr, uint32_t op,
			   struct classify_thread t, const char *arch)
{
	struct gt_event ev = {
		.kind = GT_SWITCH, .flags = flags, .state = state, .syscall = nr, .op = op
	};
	struct classifier c;

	classifier_init(&c, arch);
	return classify_switch_out(&c, &ev, &t);
}

static enum state x86(uint16_t state, uint8_t flags, int nr, uint32_t op)
{
	return classify(state, flags, nr, op, (struct classify_thread){ 0 }, "x86_64");
}

static void preemption_wins_over_every_state(void **unused)
{
	assert_int_equal(x86(0x1, GT_F_PREEMPTED | GT_F_FUTEX, 202, 128), STATE_RUNNABLE);
	assert_int_equal(x86(0x80, GT_F_PREEMPTED, -1, 0), STATE_RUNNABLE);
	assert_int_equal(x86(0, 0, 202, 0), STATE_RUNNABLE);
}

static void a_stop_inside_a_futex_wait_is_other(void **unused)
{
	assert_int_equal(x86(0x104, GT_F_FUTEX, 202, 128), STATE_OTHER);  /* stopped */
	assert_int_equal(x86(0x8, GT_F_FUTEX, 202, 128), STATE_OTHER);	  /* traced */
	assert_int_equal(x86(0x8000, GT_F_FUTEX, 202, 128), STATE_OTHER); /* frozen */
	assert_int_equal(x86(0x80, GT_F_FUTEX, 202, 128), STATE_NONE);
}

static void uninterruptible_waits_are_io_or_kernel_locks(void **unused)
{
	struct classify_thread parent = { .vfork_parent = true };

	assert_int_equal(x86(0x2, GT_F_IOWAIT, 0, 0), STATE_IO);
	assert_int_equal(x86(0x2, 0, 0, 0), STATE_KERNEL_LOCK);
	assert_int_equal(x86(0x102, 0, 9, 0), STATE_KERNEL_LOCK);   /* killable, in mmap */
	assert_int_equal(x86(0x1000, 0, -1, 0), STATE_KERNEL_LOCK); /* PREEMPT_RT */
	assert_int_equal(x86(0x402, 0, -1, 0), STATE_OTHER); /* TASK_IDLE: a worker without work */
	assert_int_equal(classify(0x2, 0, 58, 0, parent, "x86_64"), STATE_OTHER);  /* vfork */
	assert_int_equal(classify(0x2, 0, 435, 0, parent, "x86_64"), STATE_OTHER); /* clone3 */
	assert_int_equal(classify(0x2, 0, 9, 0, parent, "x86_64"), STATE_KERNEL_LOCK);
}

static void only_waiting_operations_are_futex_waits(void **unused)
{
	static const uint32_t waits[] = { 0, 6, 9, 11, 13 },
			      others[] = { 1, 3, 4, 5, 7, 8, 10, 12, 14, 1000 };

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		for (uint32_t flags = 0; flags < 4; flags++)
			assert_int_equal(x86(0x2001, GT_F_FUTEX, 202, waits[i] | flags << 7),
					 STATE_FUTEX);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(x86(0x1, GT_F_FUTEX, 202, others[i]), STATE_OTHER);
	assert_int_equal(x86(0x1, 0, 202, 0), STATE_OTHER); /* arguments not read */
}

static void calls_have_their_own_numbers_on_each_machine(void **unused)
{
	static const struct {
		const char *arch;
		uint8_t flags;
		int nr;
		enum state state;
	} rows[] = {
		{ "x86_64", 0, 0, STATE_IO },
		{ "x86_64", 0, 7, STATE_IO },
		{ "x86_64", 0, 232, STATE_IO },
		{ "x86_64", 0, 426, STATE_IO },
		{ "x86_64", 0, 35, STATE_SLEEP },
		{ "x86_64", 0, 230, STATE_SLEEP },
		{ "x86_64", 0, 61, STATE_OTHER }, /* wait4 */
		{ "x86_64", 0, 34, STATE_OTHER }, /* pause */
		{ "x86_64", GT_F_COMPAT, 3, STATE_IO },
		{ "x86_64", GT_F_COMPAT, 162, STATE_SLEEP },
		{ "x86_64", GT_F_COMPAT, 35, STATE_OTHER },
		{ "aarch64", 0, 63, STATE_IO },
		{ "aarch64", 0, 101, STATE_SLEEP },
		{ "aarch64", 0, 35, STATE_OTHER },
		{ "x86_64", 0, -1, STATE_OTHER },
		{ "x86_64", 0, 32767, STATE_OTHER },
		{ NULL, 0, 0, STATE_OTHER },
		{ "vax", 0, 0, STATE_OTHER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(classify(0x1, rows[i].flags, rows[i].nr, 0,
					  (struct classify_thread){ 0 }, rows[i].arch),
				 rows[i].state);
}

static void a_restarted_call_keeps_its_label(void **unused)
{
	struct classify_thread slept = { .before = STATE_SLEEP },
			       waited = { .before = STATE_FUTEX };

	assert_int_equal(classify(0x1, 0, 219, 0, slept, "x86_64"), STATE_SLEEP);
	assert_int_equal(classify(0x1, 0, 219, 0, waited, "x86_64"), STATE_FUTEX);
	assert_int_equal(classify(0x1, 0, 128, 0, slept, "aarch64"), STATE_SLEEP);
	assert_int_equal(x86(0x1, 0, 219, 0), STATE_OTHER);
}

static void registers_of_kernel_threads_mean_nothing(void **unused)
{
	struct classify_thread kernel = { .kernel = true };

	assert_int_equal(classify(0x1, GT_F_FUTEX, 202, 128, kernel, "x86_64"), STATE_OTHER);
	assert_int_equal(classify(0x1, 0, 0, 0, kernel, "x86_64"), STATE_OTHER);
	assert_int_equal(classify(0x2, GT_F_IOWAIT, 0, 0, kernel, "x86_64"), STATE_IO);
}

static void wakers_are_told_from_bystanders(void **unused)
{
	struct classifier c;

	classifier_init(&c, "x86_64");
	assert_int_equal(classify_wakes(&c, 0, 202), WAKES_FUTEX);
	assert_int_equal(classify_wakes(&c, 0, 1), WAKES_IO);
	assert_int_equal(classify_wakes(&c, 0, 62), WAKES_SIGNAL);
	assert_int_equal(classify_wakes(&c, 0, 60), WAKES_EXIT);
	assert_int_equal(classify_wakes(&c, 0, 231), WAKES_EXIT_ALL);
	assert_int_equal(classify_wakes(&c, 0, 59), WAKES_EXEC);
	assert_int_equal(classify_wakes(&c, 0, 35), WAKES_NOBODY);
	assert_int_equal(classify_wakes(&c, 0, 39), WAKES_NOBODY); /* getpid */
	assert_int_equal(classify_wakes(&c, GT_F_COMPAT, 240), WAKES_FUTEX);
	assert_int_equal(classify_wakes(&c, 0, -1), WAKES_NOBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preemption_wins_over_every_state),
		cmocka_unit_test(a_stop_inside_a_futex_wait_is_other),
		cmocka_unit_test(uninterruptible_waits_are_io_or_kernel_locks),
		cmocka_unit_test(only_waiting_operations_are_futex_waits),
		cmocka_unit_test(calls_have_their_own_numbers_on_each_machine),
		cmocka_unit_test(a_restarted_call_keeps_its_label),
		cmocka_unit_test(registers_of_kernel_threads_mean_nothing),
		cmocka_unit_test(wakers_are_told_from_bystanders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
