/* SPDX-License-Identifier: MIT */
/* Files made by a newer or an older giltrace, or to harm: well-formed on the outside, odd inside.
 */
#include "tests/unit/trace_file.h"

#include <zstd.h>

#include "lib/trace_codec.h"
#include "lib/trace_fields.h"
#include "lib/trace_format.h"

struct maker {
	uint8_t bytes[1 << 18];
	size_t n;
};

static void make_header(struct maker *m, uint16_t minor)
{
	memset(m->bytes, 0, TRACE_HEADER_SIZE);
	memcpy(m->bytes, TRACE_MAGIC, 8);
	trace_put16(m->bytes + 8, GT_TRACE_MAJOR);
	trace_put16(m->bytes + 10, minor);
	trace_put32(m->bytes + 12, TRACE_HEADER_SIZE);
	trace_put64(m->bytes + 24, trace_check(m->bytes, TRACE_FLAGS_AT));
	m->n = TRACE_HEADER_SIZE;
}

static void make_block(struct maker *m, struct trace_block b, const void *raw, size_t n)
{
	uint8_t *payload = m->bytes + m->n + TRACE_BLOCK_SIZE;
	size_t room = sizeof(m->bytes) - m->n - TRACE_BLOCK_SIZE;

	if (n)
		b.stored = (uint32_t)ZSTD_compress(payload, room, raw, n, 1);
	if (n && !b.raw)
		b.raw = (uint32_t)n;
	trace_block_put(m->bytes + m->n, &b);
	m->n += TRACE_BLOCK_SIZE + b.stored;
}

static struct gt_reader *make_reader(const struct maker *m)
{
	int err = 0;
	struct gt_reader *r = gt_reader_open_fd(trace_file_of(m->bytes, m->n), &err);

	assert_int_equal(err, 0);
	return r;
}

/* A later minor may add kinds of records and blocks, and fields at the end of records that carry a
 * length. */
static void test_what_a_newer_minor_added_is_skipped(void **state)
{
	static const uint8_t raw[] = {
		GT_EXIT | 0x80,
		0,
		1,
		7, /* time +0, one byte: task 7 */
		30 | 0x80,
		2,
		3,
		0xff,
		0xff,
		0xff, /* kind 30, time +1, three bytes */
		31 | 0x80,
		0xac,
		0x02,
		2,
		2,
		0xff,
		0xff, /* kind 300, likewise, two bytes */
		29,
		0xee,
		2,
		0, /* kind 29 with flags */
		GT_EXIT | 0x80,
		2,
		4,
		8,
		0xff,
		0xff,
		0xff, /* task 8, and fields that are not known */
	};
	struct maker *m = calloc(1, sizeof(*m));
	struct gt_reader_stats stats;
	const struct gt_event *ev;
	struct gt_reader *r;

	make_header(m, 99);
	make_block(m, (struct trace_block){ .kind = 77 }, "anything", 8);
	make_block(m, (struct trace_block){ .kind = TRACE_RECORDS, .records = 5, .time = 100 }, raw,
		   sizeof(raw));
	make_block(m, (struct trace_block){ .kind = TRACE_END, .time = 200 }, NULL, 0);
	r = make_reader(m);
	assert_int_equal(gt_reader_next(r, &ev), 1);
	assert_int_equal(ev->task, 7);
	assert_int_equal(ev->ts, 100);
	assert_int_equal(gt_reader_next(r, &ev), 1);
	assert_int_equal(ev->task, 8);
	assert_int_equal(ev->ts, 104);
	assert_int_equal(gt_reader_next(r, &ev), 0);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.skipped, 3);
	assert_false(stats.damaged);
	assert_int_equal(gt_reader_rewind(r), 0);
	assert_int_equal(trace_file_count(r), 2);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.skipped, 3);
	assert_int_equal(stats.records, 2);
	gt_reader_free(r);
	free(m);
}

/* An older minor wrote fewer fields. */
static void test_missing_fields_are_zero(void **state)
{
	static const uint8_t raw[] = {
		GT_TASK | 0x80,	    0, 2, 7, 3, /* task 7, parent 3 */
		GT_SYMBOL | 0x80,   0, 0,	/* nothing at all */
		GT_AFFINITY | 0x80, 0, 1, 7,	/* no mask */
	};
	struct maker *m = calloc(1, sizeof(*m));
	const struct gt_event *ev;
	struct gt_reader *r;

	make_header(m, 0);
	make_block(m, (struct trace_block){ .kind = TRACE_RECORDS, .records = 3, .time = 100 }, raw,
		   sizeof(raw));
	make_block(m, (struct trace_block){ .kind = TRACE_MARK, .time = 200 }, NULL, 0);
	r = make_reader(m);
	assert_int_equal(gt_reader_next(r, &ev), 1);
	assert_int_equal(ev->u.task.parent, 3);
	assert_int_equal(ev->u.task.process, 0);
	assert_string_equal(ev->u.task.comm, "");
	assert_int_equal(gt_reader_next(r, &ev), 1);
	assert_string_equal(ev->u.symbol.name, "");
	assert_string_equal(ev->u.symbol.image, "");
	assert_int_equal(gt_reader_next(r, &ev), 1);
	assert_int_equal(ev->u.affinity.words, 0);
	assert_int_equal(gt_reader_next(r, &ev), 0);
	gt_reader_free(r);
	free(m);
}

/* Well-formed headers that lie. After a good round each must stop the reader, with the good record
 * returned. */
static void test_lying_blocks_stop_the_reader(void **state)
{
	static const uint8_t good[] = { GT_EXIT | 0x80, 0, 1, 7 };
	static const uint8_t kind0[] = { 0x80, 0, 0 }, past[] = { GT_EXIT | 0x80, 0, 100, 7 };
	static const uint8_t comm[] = { GT_RENAME | 0x80,
					0,
					18,
					7,
					16,
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a',
					'a' };
	static const uint8_t mask[] = { GT_AFFINITY | 0x80, 0, 3, 7, 16, 0 },
			     open[] = { GT_SWITCH, 0xff };
	static const uint8_t endless[] = {
		GT_SWITCH | 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	/* Parts of a packed block: stream, records, time, length. */
	static const uint8_t strange[] = { 0x81, 8, 1, 0, 4, GT_EXIT | 0x80, 0, 1, 7 };
	static const uint8_t longer[] = { 0, 1, 0, 5, GT_EXIT | 0x80, 0, 1, 7 };
	static const uint8_t shorter[] = { 0, 1, 0, 3, GT_EXIT | 0x80, 0, 1, 7 };
	static const uint8_t many[] = { 0, 2, 0, 4, GT_EXIT | 0x80, 0, 1, 7 };
	static const uint8_t none[] = { 0, 0, 0, 0, 1, 1, 0, 4, GT_EXIT | 0x80, 0, 1, 7 };
	static const uint8_t cut[] = { 0, 1, 0, 4, GT_EXIT | 0x80, 0, 1, 7, 1 };
	static const uint8_t huge[] = { 0,    1,    0,	  0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 1,    0x80, 0,	  1 };
	static const struct {
		struct trace_block b;
		const uint8_t *raw;
		size_t n;
	} lies[] = {
		{ { .kind = TRACE_RECORDS, .cpu = GT_MAX_CPUS, .records = 1 }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = 2 }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = 0 }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = UINT32_MAX }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = 1, .raw = 3 }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = 1, .raw = 5 }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = 1, .raw = UINT32_MAX }, good, sizeof(good) },
		{ { .kind = TRACE_RECORDS, .records = 1 }, kind0, sizeof(kind0) },
		{ { .kind = TRACE_RECORDS, .records = 1 }, past, sizeof(past) },
		{ { .kind = TRACE_RECORDS, .records = 1 }, comm, sizeof(comm) },
		{ { .kind = TRACE_RECORDS, .records = 1 }, mask, sizeof(mask) },
		{ { .kind = TRACE_RECORDS, .records = 1 }, open, sizeof(open) },
		{ { .kind = TRACE_RECORDS, .records = 1 }, endless, sizeof(endless) },
		{ { .kind = TRACE_PACKED }, strange, sizeof(strange) },
		{ { .kind = TRACE_PACKED }, longer, sizeof(longer) },
		{ { .kind = TRACE_PACKED }, shorter, sizeof(shorter) },
		{ { .kind = TRACE_PACKED }, many, sizeof(many) },
		{ { .kind = TRACE_PACKED }, none, sizeof(none) },
		{ { .kind = TRACE_PACKED }, cut, sizeof(cut) },
		{ { .kind = TRACE_PACKED }, huge, sizeof(huge) },
		{ { .kind = TRACE_PACKED, .raw = UINT32_MAX }, good, sizeof(good) },
	};
	struct maker *m = calloc(1, sizeof(*m));

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct gt_reader_stats stats;
		struct gt_reader *r;

		make_header(m, 0);
		make_block(m, (struct trace_block){ .kind = TRACE_RECORDS, .records = 1 }, good,
			   sizeof(good));
		make_block(m, (struct trace_block){ .kind = TRACE_MARK }, NULL, 0);
		make_block(m, lies[i].b, lies[i].raw, lies[i].n);
		make_block(m, (struct trace_block){ .kind = TRACE_END, .time = 1 }, NULL, 0);
		r = make_reader(m);
		assert_in_range(trace_file_count(r), 1, 2);
		gt_reader_stats(r, &stats);
		assert_true(stats.damaged);
		gt_reader_free(r);
	}
	free(m);
}

/*
 * Two CPUs and the collector share 300 blocks, a record each; one CPU's are more than its
 * window holds, so that parts must wait, and come in the order of the file all the same.
 */
static void test_packed_blocks_keep_every_cpus_order(void **state)
{
	struct maker *m = calloc(1, sizeof(*m));
	struct gt_reader_stats stats;
	uint32_t next[TRACE_STREAMS] = { 0 };
	const struct gt_event *ev;
	struct gt_reader *r;
	uint64_t last = 0;

	make_header(m, 0);
	for (uint32_t block = 0; block < 300; block++) {
		uint8_t raw[2][9], *p = raw[0];

		/* task = how many of its CPU came before, two bytes so that all are equally long */
		memcpy(raw[0], (uint8_t[]){ 0, 1, 0, 5, GT_EXIT | 0x80, 0, 2 }, 7);
		p[7] = 0x80 | (block & 0x7f);
		p[8] = (uint8_t)(block >> 7);
		memcpy(raw[1], (uint8_t[]){ 5, 1, 3, 5, GT_EXIT | 0x80, 0, 2, 0x80, 0 }, 9);
		if (block % 2)
			memcpy(raw[1], (uint8_t[]){ 0x80, 8, 1, 0, 4, GT_EXIT | 0x80, 0, 1, 0 }, 9);
		make_block(m,
			   (struct trace_block){ .kind = TRACE_PACKED, .time = 1000 + 10 * block },
			   raw, sizeof(raw));
	}
	make_block(m, (struct trace_block){ .kind = TRACE_END, .time = 9000 }, NULL, 0);
	r = make_reader(m);
	while (gt_reader_next(r, &ev) == 1) {
		assert_true(ev->ts >= last);
		last = ev->ts;
		if (ev->cpu == 0) {
			assert_int_equal(ev->task, next[0]);
			assert_int_equal(ev->ts, 1000 + 10 * next[0]);
		} else if (ev->cpu == 5) {
			assert_int_equal(ev->ts % 20, 18); /* two before its block */
		} else {
			assert_int_equal(ev->cpu, GT_CPU_COLLECTOR);
		}
		next[trace_stream_index(ev->cpu)]++;
	}
	gt_reader_stats(r, &stats);
	assert_false(stats.damaged);
	assert_int_equal(next[0], 300);
	assert_int_equal(next[5], 150);
	assert_int_equal(next[GT_MAX_CPUS], 150);
	gt_reader_free(r);
	free(m);
}

/* However many records are there, one that was promised and is not is missed. */
static void test_a_missing_record_is_missed(void **state)
{
	struct maker *m = calloc(1, sizeof(*m));
	uint8_t raw[4 * 600];

	for (size_t n = 1; n <= 600; n++) {
		struct gt_reader_stats stats;
		struct gt_reader *r;

		memcpy(raw + 4 * (n - 1), (uint8_t[]){ GT_EXIT | 0x80, 0, 1, 7 }, 4);
		make_header(m, 0);
		make_block(m,
			   (struct trace_block){ .kind = TRACE_RECORDS, .records = (uint32_t)n + 1 },
			   raw, 4 * n);
		make_block(m, (struct trace_block){ .kind = TRACE_END }, NULL, 0);
		r = make_reader(m);
		assert_int_equal(trace_file_count(r), n);
		gt_reader_stats(r, &stats);
		assert_true(stats.damaged);
		gt_reader_free(r);
	}
	free(m);
}

/* A megabyte of zeroes packs into some fifty bytes; the header's size is not believed. */
static void test_a_bomb_is_not_unpacked(void **state)
{
	struct maker *m = calloc(1, sizeof(*m));
	uint8_t *zeroes = calloc(1, 1 << 20);
	struct gt_reader_stats stats;
	struct gt_reader *r;

	make_header(m, 0);
	make_block(m, (struct trace_block){ .kind = TRACE_RECORDS, .records = 1 }, zeroes, 1 << 20);
	make_block(m, (struct trace_block){ .kind = TRACE_META, .raw = 1 << 30 }, zeroes, 1 << 20);
	make_block(m, (struct trace_block){ .kind = TRACE_END }, NULL, 0);
	r = make_reader(m);
	assert_int_equal(trace_file_count(r), 0);
	gt_reader_stats(r, &stats);
	assert_true(stats.damaged);
	gt_reader_free(r);
	free(zeroes);
	free(m);
}

/* The decoder behind the checksum: whatever bytes it is given, it stays inside them. */
static void test_decoder_survives_noise(void **state)
{
	uint64_t seed = 99;
	uint8_t noise[200 + TRACE_COMPACT_MAX];

	for (int round = 0; round < 200000; round++) {
		size_t n = 1 + test_random(&seed) % 200;
		uint8_t *copy = malloc(n + TRACE_COMPACT_MAX);
		const uint8_t *pos = copy;
		struct trace_ctx ctx = { 0 };
		struct gt_event ev;
		int ret = 0;

		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)test_random(&seed) & (i % 3 ? 0x1f : 0xff);
		memcpy(copy, noise, n);
		memset(copy + n, 0, TRACE_COMPACT_MAX);
		while (pos < copy + n && ret >= 0) {
			ret = trace_decode(&ctx, &pos, copy + n, &ev);
			if (ret == 1)
				trace_fields_release(&ev);
			assert_true(ret < 0 || pos <= copy + n);
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_newer_minor_added_is_skipped),
		cmocka_unit_test(test_missing_fields_are_zero),
		cmocka_unit_test(test_lying_blocks_stop_the_reader),
		cmocka_unit_test(test_packed_blocks_keep_every_cpus_order),
		cmocka_unit_test(test_a_missing_record_is_missed),
		cmocka_unit_test(test_a_bomb_is_not_unpacked),
		cmocka_unit_test(test_decoder_survives_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
