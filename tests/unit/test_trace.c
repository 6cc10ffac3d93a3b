/* SPDX-License-Identifier: MIT */
/* What is written comes back: every field, in order of time, as often as one asks. */
#include "tests/unit/trace_file.h"

#include <errno.h>
#include <stdio.h>

#define LOTS 100000

/* ---- every kind, every field ---- */

static const uint64_t mask[GT_MASK_WORDS] = { 0x8000000000000001, 2, [15] = UINT64_MAX };

static const uint32_t frames[] = { 3, UINT32_MAX, 0 };
static const uint32_t many_frames[GT_STACK_FRAMES_MAX] = { [0] = 1,
							   [GT_STACK_FRAMES_MAX - 1] = UINT32_MAX };

static const struct gt_event every_kind[] = {
	{ .kind = GT_TASK,
	  .task = 5,
	  .u.task = { 1, 5, 6, 105, 105, 100, 0x3d0f00, GT_TASK_THREAD, 0x7f0000001000, 17,
		      "worker" } },
	{ .kind = GT_TASK,
	  .task = UINT32_MAX,
	  .u.task = { UINT32_MAX, UINT32_MAX, UINT32_MAX, INT32_MIN, INT32_MAX, -1, UINT32_MAX,
		      UINT32_MAX, UINT64_MAX, UINT64_MAX, "fifteen letters" } },
	{ .kind = GT_EXEC,
	  .task = 5,
	  .u.exec = { 105, 106, 7, 0x800001, 12345, 0x555555554000, "/bin/prog" } },
	{ .kind = GT_EXEC,
	  .task = 5,
	  .u.exec = { INT32_MIN, -1, UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX, "" } },
	{ .kind = GT_RENAME, .task = 5, .u.comm = "new\x01name\xff" },
	{ .kind = GT_RENAME, .task = 5, .u.comm = "" },
	{ .kind = GT_SWITCH,
	  .task = 5,
	  .peer = 6,
	  .state = 1,
	  .syscall = 202,
	  .flags = GT_F_FUTEX | GT_F_TIMED | GT_F_BLOCK,
	  .op = 0x89,
	  .val = 3,
	  .u.addr = 0x7f0000002000 },
	{ .kind = GT_SWITCH,
	  .task = 6,
	  .peer = 0,
	  .state = 0,
	  .syscall = -1,
	  .flags = GT_F_NEXT_IDLE },
	{ .kind = GT_SWITCH,
	  .task = 0,
	  .peer = 7,
	  .state = 0,
	  .syscall = -1,
	  .flags = GT_F_PREV_IDLE },
	{ .kind = GT_SWITCH, .task = 8, .peer = 9, .state = 0, .syscall = -1 },
	{ .kind = GT_SWITCH,
	  .task = UINT32_MAX,
	  .peer = UINT32_MAX,
	  .state = UINT16_MAX,
	  .syscall = INT32_MIN,
	  .flags = UINT8_MAX,
	  .op = UINT32_MAX,
	  .val = UINT32_MAX,
	  .u.addr = UINT64_MAX },
	{ .kind = GT_SWITCH,
	  .task = UINT32_MAX,
	  .peer = 0,
	  .state = 2,
	  .syscall = INT32_MAX,
	  .flags = GT_F_FUTEX },
	{ .kind = GT_WAKING, .task = 5, .peer = 0, .syscall = -1 },
	{ .kind = GT_WAKING,
	  .task = 5,
	  .peer = 6,
	  .syscall = 202,
	  .flags = GT_F_FUTEX,
	  .op = 0x81,
	  .val = 1,
	  .u.addr = 0x1000 },
	{ .kind = GT_WAKING,
	  .task = UINT32_MAX,
	  .peer = UINT32_MAX,
	  .syscall = 0,
	  .flags = UINT8_MAX,
	  .op = UINT32_MAX,
	  .u.addr = 1 },
	{ .kind = GT_STATE,
	  .task = 5,
	  .state = 1,
	  .syscall = 202,
	  .flags = GT_F_FUTEX | GT_F_TIMED,
	  .op = 0x189,
	  .val = UINT32_MAX,
	  .u.addr = 0x2000 },
	{ .kind = GT_STATE, .task = 5, .state = 0, .syscall = 7, .flags = GT_F_COMPAT },
	{ .kind = GT_EXIT, .task = 5 },
	{ .kind = GT_AFFINITY, .task = 5, .u.affinity = { GT_MASK_WORDS, mask } },
	{ .kind = GT_AFFINITY, .task = 5, .u.affinity = { 0, mask } },
	{ .kind = GT_CPU, .u.cpu_span = { 1, 2 } },
	{ .kind = GT_CPU, .u.cpu_span = { UINT64_MAX, UINT64_MAX } },
	{ .kind = GT_ON_CPU, .task = 5 },
	{ .kind = GT_ON_CPU, .flags = GT_F_NEXT_IDLE },
	{ .kind = GT_TASK_SUM, .task = 5, .u.task_sum = { UINT64_MAX, 7 } },
	{ .kind = GT_CPU_SUM, .u.cpu_sum = { 1, UINT64_MAX, 3 } },
	{ .kind = GT_LOST, .u.lost = { GT_LOSS_FUTEX_MAP, UINT32_MAX, 5, UINT64_MAX } },
	{ .kind = GT_SYMBOL, .u.symbol = { 6, 0x1000, "lock+0x10", "/lib/x.so", 0x40, 1, 2, 3 } },
	{ .kind = GT_SYMBOL,
	  .u.symbol = { UINT32_MAX, UINT64_MAX, "", "", UINT64_MAX, UINT64_MAX, UINT64_MAX,
			UINT64_MAX } },
	{ .kind = GT_FUTEX_COUNT, .u.futex_count = { 0x1000, 6, 5, 0x81, -110, UINT64_MAX } },
	{ .kind = GT_LOCK, .task = 5, .u.lock = { UINT64_MAX, 7, GT_LOCK_ACQUIRED } },
	{ .kind = GT_LOCK_SITE,
	  .u.lock_site = { 7, GT_LOCK_RELEASED, GT_LOCK_SITE_INLINE, GT_INTERPRETER_CPYTHON,
			   "drop_gil", "/usr/bin/python3.11" } },
	{ .kind = GT_INTERPRETER,
	  .u.interpreter = { 6, GT_INTERPRETER_RUBY, 3 << 16 | 1 << 8, 1, "Ruby 3.1",
			     "/lib/libruby.so" } },
	{ .kind = GT_NOTE, .u.note = { 6, "no probe could be placed" } },
	{ .kind = GT_STACK_OF, .task = 5, .u.stack_of = { UINT32_MAX } },
	{ .kind = GT_SAMPLE, .task = 5, .u.sample = { 9, 10000000 } },
	{ .kind = GT_STACK, .u.stack = { 9, GT_STACK_COMPLETE, 3, frames } },
	{ .kind = GT_STACK, .u.stack = { 10, GT_STACK_SKIPPED, 0, frames } },
	{ .kind = GT_STACK, .u.stack = { 11, 0, GT_STACK_FRAMES_MAX, many_frames } },
	{ .kind = GT_FRAME, .u.frame = { 1, GT_FRAME_NATIVE, 42, "main", "/bin/prog", "prog.c" } },
	{ .kind = GT_FRAME, .u.frame = { 2, GT_FRAME_UNKNOWN, 0, "[unknown]", "", "" } },
};

#define EVERY (sizeof(every_kind) / sizeof(every_kind[0]))

static void assert_same_strings(const struct gt_event *a, const struct gt_event *b)
{
	if (a->kind == GT_EXEC)
		assert_string_equal(a->u.exec.path, b->u.exec.path);
	if (a->kind == GT_SYMBOL) {
		assert_string_equal(a->u.symbol.name, b->u.symbol.name);
		assert_string_equal(a->u.symbol.image, b->u.symbol.image);
	}
	if (a->kind == GT_LOCK_SITE) {
		assert_string_equal(a->u.lock_site.name, b->u.lock_site.name);
		assert_string_equal(a->u.lock_site.image, b->u.lock_site.image);
	}
	if (a->kind == GT_INTERPRETER) {
		assert_string_equal(a->u.interpreter.name, b->u.interpreter.name);
		assert_string_equal(a->u.interpreter.image, b->u.interpreter.image);
	}
	if (a->kind == GT_NOTE)
		assert_string_equal(a->u.note.text, b->u.note.text);
	if (a->kind == GT_FRAME) {
		assert_string_equal(a->u.frame.name, b->u.frame.name);
		assert_string_equal(a->u.frame.image, b->u.frame.image);
		assert_string_equal(a->u.frame.file, b->u.frame.file);
	}
	if (a->kind == GT_STACK)
		assert_memory_equal(a->u.stack.frames, b->u.stack.frames, 4 * b->u.stack.nframes);
	if (a->kind == GT_AFFINITY) {
		assert_int_equal(a->u.affinity.words, b->u.affinity.words);
		assert_memory_equal(a->u.affinity.mask, b->u.affinity.mask,
				    8 * b->u.affinity.words);
	}
}

#define PLAIN(member) (offsetof(struct gt_event, u.member) - offsetof(struct gt_event, u))

/* How much of the union a kind fills, up to its first pointer. */
static size_t plain_bytes(const struct gt_event *ev)
{
	static const size_t sizes[GT_KIND_COUNT] = {
		[GT_TASK] = sizeof(ev->u.task),
		[GT_EXEC] = PLAIN(exec.path),
		[GT_RENAME] = sizeof(ev->u.comm),
		[GT_CPU] = sizeof(ev->u.cpu_span),
		[GT_TASK_SUM] = sizeof(ev->u.task_sum),
		[GT_CPU_SUM] = sizeof(ev->u.cpu_sum),
		[GT_LOST] = sizeof(ev->u.lost),
		[GT_FUTEX_COUNT] = sizeof(ev->u.futex_count),
		[GT_LOCK] = sizeof(ev->u.lock),
		[GT_LOCK_SITE] = PLAIN(lock_site.name),
		[GT_INTERPRETER] = PLAIN(interpreter.name),
		[GT_NOTE] = sizeof(ev->u.note.as),
		[GT_STACK_OF] = sizeof(ev->u.stack_of),
		[GT_SAMPLE] = sizeof(ev->u.sample),
		[GT_STACK] = sizeof(ev->u.stack.stack) * 3,
		[GT_FRAME] = sizeof(ev->u.frame.frame) * 3,
	};

	return sizes[ev->kind];
}

static void assert_same(const struct gt_event *a, const struct gt_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->ts, b->ts);
	assert_int_equal(a->cpu, b->cpu);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->task, b->task);
	assert_int_equal(a->peer, b->peer);
	assert_int_equal(a->syscall, b->syscall);
	if (a->flags & GT_F_FUTEX) {
		assert_int_equal(a->op, b->op);
		assert_int_equal(a->val, b->val);
		assert_true(a->u.addr == b->u.addr);
	}
	assert_memory_equal(&a->u, &b->u, plain_bytes(a));
	if (a->kind == GT_SYMBOL) {
		assert_int_equal(a->u.symbol.as, b->u.symbol.as);
		assert_true(a->u.symbol.addr == b->u.symbol.addr);
		assert_true(a->u.symbol.image_offset == b->u.symbol.image_offset);
		assert_true(a->u.symbol.shared_dev == b->u.symbol.shared_dev);
		assert_true(a->u.symbol.shared_ino == b->u.symbol.shared_ino);
		assert_true(a->u.symbol.shared_offset == b->u.symbol.shared_offset);
	}
	assert_same_strings(a, b);
}

static bool collector_says(const struct gt_event *ev)
{
	return 1U << ev->kind &
	       (1U << GT_SYMBOL | 1U << GT_FUTEX_COUNT | 1U << GT_LOCK_SITE | 1U << GT_INTERPRETER |
		1U << GT_NOTE | 1U << GT_STACK | 1U << GT_FRAME);
}

static struct gt_event nth_kind(size_t i, uint64_t ts)
{
	struct gt_event ev = every_kind[i % EVERY];

	ev.ts = ts;
	if (plain_bytes(&ev) || ev.kind == GT_SYMBOL || ev.kind == GT_EXIT ||
	    ev.kind == GT_AFFINITY || ev.kind == GT_ON_CPU)
		ev.syscall = -1; /* none of these has one */
	ev.cpu = collector_says(&ev) ? GT_CPU_COLLECTOR : (uint32_t)(i % 3);
	return ev;
}

static void test_every_field_comes_back(void **state)
{
	struct trace_file f = trace_file_new();
	const struct gt_event *got;
	struct gt_reader *r;

	for (size_t i = 0; i < 40 * EVERY; i++) {
		struct gt_event ev = nth_kind(i, 1000 + 7 * i);

		assert_int_equal(gt_writer_event(f.w, &ev), 0);
		if (i % 100 == 99)
			assert_int_equal(gt_writer_mark(f.w, ev.ts), 0);
	}
	trace_file_finish(&f);
	r = trace_file_read(&f);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < 40 * EVERY; i++) {
			struct gt_event ev = nth_kind(i, 1000 + 7 * i);

			assert_int_equal(gt_reader_next(r, &got), 1);
			assert_same(got, &ev);
		}
		assert_int_equal(gt_reader_next(r, &got), 0);
		assert_int_equal(gt_reader_next(r, &got), 0);
		assert_int_equal(gt_reader_rewind(r), 0);
	}
	gt_reader_free(r);
	trace_file_free(&f);
}

/* A reader may be rewound or freed in the middle, while records with strings wait. */
static void test_leaving_in_the_middle(void **state)
{
	struct trace_file f = trace_file_new();
	const struct gt_event *got;
	struct gt_reader *r;

	for (size_t i = 0; i < 40 * EVERY; i++) {
		struct gt_event ev = nth_kind(i, i);

		assert_int_equal(gt_writer_event(f.w, &ev), 0);
	}
	trace_file_finish(&f);
	r = trace_file_read(&f);
	for (int i = 0; i < 20; i++)
		assert_int_equal(gt_reader_next(r, &got), 1);
	assert_int_equal(gt_reader_rewind(r), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gt_reader_next(r, &got), 1);
	assert_int_equal(got->ts, 2);
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_long_strings_are_cut(void **state)
{
	struct trace_file f = trace_file_new();
	const struct gt_event *got;
	struct gt_reader *r;
	char name[10000];
	struct gt_event ev = { .kind = GT_SYMBOL, .cpu = GT_CPU_COLLECTOR };

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ev.u.symbol.name = ev.u.symbol.image = name;
	for (int i = 0; i < 50; i++)
		assert_int_equal(gt_writer_event(f.w, &ev), 0);
	trace_file_finish(&f);
	r = trace_file_read(&f);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(gt_reader_next(r, &got), 1);
		assert_int_equal(strlen(got->u.symbol.name), 4095);
		assert_int_equal(strlen(got->u.symbol.image), 4095);
	}
	assert_int_equal(gt_reader_next(r, &got), 0);
	gt_reader_free(r);
	trace_file_free(&f);
}

/* ---- order ---- */

/* One record that carries its own serial number. */
static void put(struct trace_file *f, uint32_t cpu, uint64_t ts, uint32_t task)
{
	struct gt_event ev = { .kind = GT_EXIT, .cpu = cpu, .ts = ts, .task = task, .syscall = -1 };

	assert_int_equal(gt_writer_event(f->w, &ev), 0);
}

static void check_sorted(struct trace_file *f, uint64_t n, bool whole)
{
	struct gt_reader *r = trace_file_read(f);
	struct gt_reader_stats stats;
	const struct gt_event *ev;
	uint64_t last = 0, sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(gt_reader_next(r, &ev), 1);
		assert_true(ev->ts >= last);
		last = ev->ts;
		sum += ev->task;
	}
	assert_int_equal(gt_reader_next(r, &ev), 0);
	assert_int_equal(sum, n * (n - 1) / 2);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.records, n);
	assert_int_equal(stats.disordered == 0, whole);
	assert_false(stats.damaged || stats.incomplete);
	gt_reader_free(r);
}

static void test_cpus_are_merged_by_time(void **state)
{
	static const uint32_t ncpus[] = { 1, 2, 3, 4, 5, 64, 1024 };

	for (size_t k = 0; k < sizeof(ncpus) / sizeof(*ncpus); k++) {
		struct trace_file f = trace_file_new();
		uint64_t seed = 12345 + k;

		for (uint32_t i = 0; i < LOTS; i++) {
			/* a little disorder within each CPU: at most 16 records */
			uint64_t ts = 1000 + i + test_random(&seed) % (16 * ncpus[k]);

			put(&f, test_random(&seed) % 7 ? i % ncpus[k] : GT_CPU_COLLECTOR, ts, i);
			if (i % 10000 == 9999)
				assert_int_equal(gt_writer_mark(f.w, 1000 + i), 0);
		}
		trace_file_finish(&f);
		/* the collector's stream is as dense as a seventh of all: its disorder may be
		 * deeper */
		check_sorted(&f, LOTS, 16 * ncpus[k] / 7 < 32);
		trace_file_free(&f);
	}
}

/* Records that own memory change places with others that own none. */
static void test_small_disorder_of_strings_is_mended(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_reader_stats stats;
	struct gt_reader *r;

	for (uint64_t i = 0; i < 20000; i++) {
		struct gt_event ev = { .kind = i % 2 ? GT_NOTE : GT_EXIT, .syscall = -1 };

		ev.ts = 1000 + (i ^ 1);
		ev.task = 1;
		if (i % 2)
			ev.u.note.text = "a note";
		assert_int_equal(gt_writer_event(f.w, &ev), 0);
	}
	trace_file_finish(&f);
	r = trace_file_read(&f);
	assert_int_equal(trace_file_count(r), 20000);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.disordered, 0);
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_hopeless_disorder_is_counted(void **state)
{
	struct trace_file f = trace_file_new();

	for (uint32_t i = 0; i < LOTS; i++)
		put(&f, 0, LOTS - i, i);
	trace_file_finish(&f);
	check_sorted(&f, LOTS, false);
	trace_file_free(&f);
}

/* A record above its round's mark waits for the next round, where an earlier one of another CPU may
 * lie. */
static void test_records_above_a_mark_wait(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_reader *r;
	const struct gt_event *ev;

	put(&f, 0, 10, 0);
	put(&f, 0, 30, 2);
	assert_int_equal(gt_writer_mark(f.w, 20), 0);
	put(&f, 1, 25, 1);
	put(&f, 0, 40, 3);
	assert_int_equal(gt_writer_mark(f.w, 40), 0);
	put(&f, 0, 50, 4);
	trace_file_finish(&f);
	r = trace_file_read(&f);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(gt_reader_next(r, &ev), 1);
		assert_int_equal(ev->task, i);
	}
	assert_int_equal(gt_reader_next(r, &ev), 0);
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_records_of_one_time_keep_the_order_of_cpus(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_reader *r;
	const struct gt_event *ev;

	put(&f, GT_CPU_COLLECTOR, 10, 3);
	put(&f, 7, 10, 2);
	put(&f, 2, 10, 0);
	put(&f, 2, 10, 1);
	trace_file_finish(&f);
	r = trace_file_read(&f);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(gt_reader_next(r, &ev), 1);
		assert_int_equal(ev->task, i);
	}
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_an_empty_trace_is_a_trace(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_reader *r;

	trace_file_finish(&f);
	r = trace_file_read(&f);
	assert_int_equal(trace_file_count(r), 0);
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_writer_refuses_what_readers_would(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_event beyond = { .kind = GT_EXIT, .cpu = GT_MAX_CPUS };
	struct gt_event unknown = { .kind = GT_KIND_COUNT, .cpu = 0 }, none = { .kind = 0 };
	uint64_t bytes, records;

	assert_int_equal(gt_writer_event(f.w, &beyond), -EINVAL);
	assert_int_equal(gt_writer_event(f.w, &unknown), -EINVAL);
	assert_int_equal(gt_writer_event(f.w, &none), -EINVAL);
	put(&f, 0, 1, 0); /* which does no harm to the rest */
	gt_writer_size(f.w, &bytes, &records);
	assert_int_equal(records, 1);
	trace_file_finish(&f);
	check_sorted(&f, 1, true);
	trace_file_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_comes_back),
		cmocka_unit_test(test_leaving_in_the_middle),
		cmocka_unit_test(test_long_strings_are_cut),
		cmocka_unit_test(test_cpus_are_merged_by_time),
		cmocka_unit_test(test_small_disorder_of_strings_is_mended),
		cmocka_unit_test(test_hopeless_disorder_is_counted),
		cmocka_unit_test(test_records_above_a_mark_wait),
		cmocka_unit_test(test_records_of_one_time_keep_the_order_of_cpus),
		cmocka_unit_test(test_an_empty_trace_is_a_trace),
		cmocka_unit_test(test_writer_refuses_what_readers_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
