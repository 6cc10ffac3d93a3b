/* SPDX-License-Identifier: MIT */
/* A trace file from one end to the other. */
#include "trace_file.h"

#include <analysis/results.h>

#define CALLS_KEPT (1U << 20) /* as locks.c has it */

static void what_found_no_room_is_told(void **state)
{
	struct gt_event ev = { .kind = GT_FUTEX_COUNT, .cpu = GT_CPU_COLLECTOR, .syscall = -1 };
	struct gt_meta meta = { .start = 1000, .end = 2000, .cpus_online = 1 };
	struct trace_file f = trace_file_new();
	struct gt_reader *reader;
	struct results r;

	ev.ts = 1500;
	ev.u.futex_count.count = 1;
	for (uint32_t i = 0; i < CALLS_KEPT + 3; i++) {
		ev.u.futex_count.addr = 8 * i;
		assert_int_equal(gt_writer_event(f.w, &ev), 0);
	}
	assert_int_equal(gt_writer_mark(f.w, 2000), 0);
	assert_int_equal(gt_writer_meta(f.w, &meta), 0);
	trace_file_finish(&f);
	reader = trace_file_read(&f);
	assert_int_equal(results_from_trace(reader, 1, &r), 0);
	assert_int_equal(r.nfutex_calls, CALLS_KEPT);
	assert_int_equal(r.losses.left_out, 3);
	results_free(&r);
	gt_reader_free(reader);
	trace_file_free(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_found_no_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
