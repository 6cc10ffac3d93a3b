/* SPDX-License-Identifier: MIT */
/* Files that are cut, damaged, made by others, or meant to harm: what came before is read, nothing
 * breaks. */
#include "tests/unit/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define ROUNDS 4
#define PER_ROUND 24

static struct gt_event sample(uint32_t i)
{
	struct gt_event ev = { .ts = 1000 + 10 * i, .cpu = i % 3, .task = i, .syscall = -1 };

	switch (i % 4) {
	case 0:
		ev.kind = GT_SWITCH;
		ev.flags = GT_F_FUTEX;
		ev.u.addr = 0x7f0000001000 + i;
		break;
	case 1:
		ev.kind = GT_EXEC;
		ev.u.exec.path = "/bin/some/program";
		break;
	case 2:
		ev.kind = GT_SYMBOL;
		ev.task = 0;
		ev.u.symbol.as = i;
		ev.u.symbol.name = "some_lock";
		ev.u.symbol.image = "/lib/some.so";
		break;
	default:
		ev.kind = GT_EXIT;
	}
	return ev;
}

/* A small file; its sizes after each mark in `sizes`. */
static struct trace_file small_trace(uint64_t sizes[ROUNDS])
{
	static const struct gt_meta meta = { .kernel = (char *)"6.1", .start = 1000 };
	struct trace_file f = trace_file_new();
	uint64_t records;

	assert_int_equal(gt_writer_meta(f.w, &meta), 0);
	for (uint32_t i = 0; i < ROUNDS * PER_ROUND; i++) {
		struct gt_event ev = sample(i);

		assert_int_equal(gt_writer_event(f.w, &ev), 0);
		if (i % PER_ROUND == PER_ROUND - 1) {
			assert_int_equal(gt_writer_mark(f.w, ev.ts), 0);
			gt_writer_size(f.w, &sizes[i / PER_ROUND], &records);
		}
	}
	assert_int_equal(gt_writer_meta(f.w, &meta), 0);
	trace_file_finish(&f);
	return f;
}

/* Read what there is; every record must be the one that was written there. */
static uint32_t read_prefix(struct gt_reader *r)
{
	const struct gt_event *ev;
	uint32_t n = 0;

	while (gt_reader_next(r, &ev) == 1) {
		struct gt_event want = sample(n++);

		assert_true(ev->kind == want.kind && ev->ts == want.ts && ev->cpu == want.cpu &&
			    ev->task == want.task);
		if (ev->kind == GT_EXEC)
			assert_string_equal(ev->u.exec.path, want.u.exec.path);
		if (ev->kind == GT_SYMBOL)
			assert_string_equal(ev->u.symbol.image, want.u.symbol.image);
	}
	return n;
}

static uint8_t *bytes_of(int fd, size_t *n)
{
	struct stat st;
	uint8_t *bytes;

	assert_int_equal(fstat(fd, &st), 0);
	*n = (size_t)st.st_size;
	bytes = malloc(*n);
	assert_int_equal(pread(fd, bytes, *n, 0), *n);
	return bytes;
}

static void test_a_cut_keeps_all_before_the_last_mark(void **state)
{
	uint64_t marks[ROUNDS];
	struct trace_file f = small_trace(marks);
	size_t size;
	uint8_t *bytes = bytes_of(f.fd, &size);

	for (size_t n = 0; n <= size; n++) {
		struct gt_reader_stats stats;
		uint32_t rounds = 0;
		int err = 0;
		struct gt_reader *r = gt_reader_open_fd(trace_file_of(bytes, n), &err);

		while (rounds < ROUNDS && marks[rounds] <= n)
			rounds++;
		assert_int_equal(err, rounds ? 0 : -ENODATA);
		assert_int_equal(!r, !rounds);
		if (!r)
			continue;
		assert_int_equal(read_prefix(r), rounds * PER_ROUND);
		gt_reader_stats(r, &stats);
		assert_int_equal(stats.incomplete, n < size);
		assert_false(stats.damaged);
		assert_int_equal(stats.last_mark, sample(rounds * PER_ROUND - 1).ts);
		assert_string_equal(gt_reader_meta(r)->kernel, "6.1");
		gt_reader_free(r);
	}
	free(bytes);
	trace_file_free(&f);
}

static void test_a_flipped_bit_never_makes_a_wrong_record(void **state)
{
	uint64_t marks[ROUNDS];
	struct trace_file f = small_trace(marks);
	size_t size;
	uint8_t *bytes = bytes_of(f.fd, &size);
	uint32_t damaged = 0;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		struct gt_reader_stats stats = { 0 };
		uint32_t got = 0;
		int err = 0;
		struct gt_reader *r;

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = gt_reader_open_fd(trace_file_of(bytes, size), &err);
		assert_true(r || err == -EPROTO || err == -EPROTONOSUPPORT || err == -ENODATA);
		if (r) {
			got = read_prefix(r);
			gt_reader_stats(r, &stats);
			gt_reader_free(r);
			/* if something is missing, the reader says so */
			assert_true(got == ROUNDS * PER_ROUND || stats.damaged || stats.incomplete);
			damaged += stats.damaged;
		}
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(damaged > size); /* most flips hit blocks behind the first mark */
	free(bytes);
	trace_file_free(&f);
}

static void test_not_a_trace(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int err;
	} cases[] = {
		{ "", 0, -ENODATA },
		{ "gil", 3, -ENODATA },
		{ "giltrace", 8, -ENODATA },
		{ "#!/bin/sh\necho this is a rather longer file\n", 45, -EPROTO },
		{ "giltrack", 8, -EPROTO },
	};
	uint8_t noise[4096];
	uint64_t seed = 1;
	int err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = trace_file_of((const uint8_t *)cases[i].bytes, cases[i].n);

		assert_null(gt_reader_open_fd(fd, &err));
		assert_int_equal(err, cases[i].err);
	}
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)test_random(&seed);
	assert_null(gt_reader_open_fd(trace_file_of(noise, sizeof(noise)), &err));
	assert_int_equal(err, -EPROTO);
	assert_null(gt_reader_open("/nonexistent/file", &err));
	assert_int_equal(err, -ENOENT);
	assert_null(gt_reader_open("/", &err));
	assert_true(err < 0);
}

static void test_a_newer_major_is_refused(void **state)
{
	uint64_t marks[ROUNDS];
	struct trace_file f = small_trace(marks);
	uint8_t major[2] = { GT_TRACE_MAJOR + 1, 0 };
	int err;

	assert_int_equal(pwrite(f.fd, major, sizeof(major), 8), sizeof(major));
	assert_null(gt_reader_open_fd(dup(f.fd), &err));
	assert_int_equal(err, -EPROTONOSUPPORT);
	trace_file_free(&f);
}

/* ---- full disks ---- */

static void test_no_room_at_all(void **state)
{
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	errno = 0;
	assert_null(gt_writer_new(fd));
	assert_int_equal(errno, ENOSPC);
}

/* Finishing goes back to the header: a pipe is refused at once, not after an hour's recording. */
static void test_a_pipe_is_refused(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	errno = 0;
	assert_null(gt_writer_new(ends[1]));
	assert_int_equal(errno, ESPIPE);
	close(ends[0]);
}

static void test_a_full_disk_keeps_what_was_written(void **state)
{
	char path[] = "/tmp/giltrace-test.XXXXXX";
	struct rlimit old, limit;
	struct gt_reader_stats stats;
	uint32_t i = 0, marked = 0;
	int fd = mkstemp(path), err = 0;
	struct gt_writer *w = gt_writer_new(fd);
	struct gt_event ev;
	struct gt_reader *r;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){ .rlim_cur = 50000, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (!err && i < 10000000) {
		ev = sample(i++);
		err = gt_writer_event(w, &ev);
		if (!err && i % 1000 == 0) {
			err = gt_writer_mark(w, ev.ts);
			marked = err ? marked : i;
		}
	}
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(gt_writer_event(w, &ev), -EFBIG);
	assert_int_equal(gt_writer_mark(w, ev.ts), -EFBIG);
	assert_int_equal(gt_writer_meta(w, &(struct gt_meta){ 0 }), -EFBIG);
	assert_int_equal(gt_writer_finish(w), -EFBIG);
	gt_writer_free(w);
	r = gt_reader_open(path, &err);
	assert_non_null(r);
	assert_true(marked > 0);
	assert_int_equal(read_prefix(r), marked);
	gt_reader_stats(r, &stats);
	assert_true(stats.incomplete);
	gt_reader_free(r);
	unlink(path);
}

/* A recorder that dies between its last mark and its last words has told when that was. */
static void test_a_mark_of_all_is_the_last_record(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_event ev = sample(0);
	struct gt_reader_stats stats;
	struct gt_reader *r;

	assert_int_equal(gt_writer_event(f.w, &ev), 0);
	assert_int_equal(gt_writer_mark(f.w, UINT64_MAX), 0);
	r = trace_file_read(&f);
	gt_reader_stats(r, &stats);
	assert_int_equal(stats.last_mark, ev.ts);
	assert_int_equal(trace_file_count(r), 1);
	gt_reader_free(r);
	trace_file_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cut_keeps_all_before_the_last_mark),
		cmocka_unit_test(test_a_flipped_bit_never_makes_a_wrong_record),
		cmocka_unit_test(test_not_a_trace),
		cmocka_unit_test(test_a_mark_of_all_is_the_last_record),
		cmocka_unit_test(test_a_newer_major_is_refused),
		cmocka_unit_test(test_no_room_at_all),
		cmocka_unit_test(test_a_pipe_is_refused),
		cmocka_unit_test(test_a_full_disk_keeps_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
