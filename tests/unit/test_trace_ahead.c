/* SPDX-License-Identifier: MIT */
/* Reading ahead in a thread of its own gives what reading gives. */
#include "trace_file.h"

#include <errno.h>
#include <pthread.h>

#include <lib/trace_ahead.h>

#define RECORDS 50000

/* Every tenth record owns memory. */
static struct trace_file long_trace(void)
{
	struct trace_file f = trace_file_new();

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct gt_event ev = { .kind = i % 10 ? GT_EXIT : GT_NOTE, .syscall = -1 };

		ev.ts = 1000 + i;
		ev.cpu = i % 10 ? i % 3 : GT_CPU_COLLECTOR;
		ev.task = i;
		if (i % 10 == 0)
			ev.u.note.text = "a note";
		assert_int_equal(gt_writer_event(f.w, &ev), 0);
		if (i % 7000 == 0)
			assert_int_equal(gt_writer_mark(f.w, ev.ts), 0);
	}
	trace_file_finish(&f);
	return f;
}

struct consumer {
	struct trace_ahead *ahead;
	unsigned int number;
	uint64_t records, wrong;
	uint64_t leaves_after;
	int end;
};

static void *consume(void *arg)
{
	struct consumer *c = arg;
	const struct gt_batch *b;

	while ((c->end = trace_ahead_next(c->ahead, c->number, &b)) == 1) {
		for (uint32_t i = 0; i < b->n; i++, c->records++) {
			const struct gt_event *ev = &b->events[i];

			c->wrong += ev->ts != 1000 + c->records;
			c->wrong += ev->kind == GT_NOTE && strcmp(ev->u.note.text, "a note");
		}
		if (c->records >= c->leaves_after) {
			trace_ahead_leave(c->ahead, c->number);
			return NULL;
		}
	}
	return NULL;
}

/* `leaves_after`: when the first of three consumers goes, as one does that has failed. */
static void with_three(struct gt_reader *r, bool thread, uint64_t leaves_after)
{
	struct consumer c[3] = { 0 };
	pthread_t threads[3];
	struct trace_ahead *ahead = trace_ahead_new(r, 3, thread);

	assert_non_null(ahead);
	for (unsigned int i = 0; i < 3; i++) {
		c[i] = (struct consumer){ .ahead = ahead, .number = i, .leaves_after = UINT64_MAX };
		if (i == 0)
			c[i].leaves_after = leaves_after;
		assert_int_equal(pthread_create(&threads[i], NULL, consume, &c[i]), 0);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	trace_ahead_free(ahead);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(c[i].wrong, 0);
		if (i || leaves_after > RECORDS) {
			assert_int_equal(c[i].end, 0);
			assert_int_equal(c[i].records, RECORDS);
		}
	}
}

static void test_every_consumer_gets_every_record(void **state)
{
	struct trace_file f = long_trace();
	struct gt_reader *r = trace_file_read(&f);
	struct gt_reader_stats stats;

	with_three(r, true, UINT64_MAX);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.records, RECORDS);
	assert_int_equal(gt_reader_rewind(r), 0);
	with_three(r, false, UINT64_MAX);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.records, RECORDS);
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_who_leaves_holds_nobody_up(void **state)
{
	struct trace_file f = long_trace();
	struct gt_reader *r = trace_file_read(&f);

	for (int thread = 0; thread < 2; thread++) {
		with_three(r, thread, 1);
		assert_int_equal(gt_reader_rewind(r), 0);
		with_three(r, thread, RECORDS / 2);
		assert_int_equal(gt_reader_rewind(r), 0);
	}
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_it_may_end_before_the_trace(void **state)
{
	struct trace_file f = long_trace();
	struct gt_reader *r = trace_file_read(&f);
	const struct gt_batch *b;

	for (int i = 0; i < 20; i++) {
		struct trace_ahead *ahead = trace_ahead_new(r, 1, i % 2);

		assert_non_null(ahead);
		for (int k = 0; k < i; k++)
			assert_int_equal(trace_ahead_next(ahead, 0, &b), 1);
		trace_ahead_free(ahead);
		assert_int_equal(gt_reader_rewind(r), 0);
	}
	assert_int_equal(trace_file_count(r), RECORDS);
	gt_reader_free(r);
	trace_file_free(&f);
}

/* All that comes before the damage, then the end, and the reader knows why. */
static void test_damage_ends_it_in_order(void **state)
{
	struct trace_file f = long_trace();
	struct gt_reader *r = trace_file_read(&f), *again;
	struct gt_reader_stats stats, stats_again;
	struct consumer c = { .leaves_after = UINT64_MAX };
	uint64_t bytes, records;

	bytes = (uint64_t)lseek(f.fd, 0, SEEK_END);
	assert_int_equal(pwrite(f.fd, "damage", 6, (off_t)(bytes / 2)), 6);
	records = trace_file_count(r);
	assert_true(records > 0 && records < RECORDS);
	gt_reader_stats(r, &stats);
	again = trace_file_read(&f);
	c.ahead = trace_ahead_new(again, 1, true);
	assert_non_null(c.ahead);
	consume(&c);
	trace_ahead_free(c.ahead);
	gt_reader_stats(again, &stats_again);
	assert_int_equal(c.end, 0);
	assert_int_equal(c.wrong, 0);
	assert_int_equal(c.records, records);
	assert_int_equal(stats_again.damaged, true);
	assert_int_equal(stats.damaged, true);
	gt_reader_free(r);
	gt_reader_free(again);
	trace_file_free(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_consumer_gets_every_record),
		cmocka_unit_test(test_who_leaves_holds_nobody_up),
		cmocka_unit_test(test_it_may_end_before_the_trace),
		cmocka_unit_test(test_damage_ends_it_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
