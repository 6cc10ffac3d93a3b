/* SPDX-License-Identifier: MIT */
/* Trace files in memory, for tests. */
#ifndef UNIT_TRACE_FILE_H
#define UNIT_TRACE_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <giltrace/trace.h>

struct trace_file {
	int fd;
	struct gt_writer *w;
};

static inline struct trace_file trace_file_new(void)
{
	struct trace_file f = { .fd = memfd_create("trace", MFD_CLOEXEC) };

	assert_true(f.fd >= 0);
	f.w = gt_writer_new(dup(f.fd));
	assert_non_null(f.w);
	return f;
}

/* A reader of the file, which a test expects to be one. */
static inline struct gt_reader *trace_file_read(const struct trace_file *f)
{
	int err = -1;
	struct gt_reader *r = gt_reader_open_fd(dup(f->fd), &err);

	assert_int_equal(err, 0);
	assert_non_null(r);
	return r;
}

static inline void trace_file_free(struct trace_file *f)
{
	gt_writer_free(f->w);
	close(f->fd);
}

/* The writer is done in good order. */
static inline void trace_file_finish(struct trace_file *f)
{
	assert_int_equal(gt_writer_finish(f->w), 0);
	gt_writer_free(f->w);
	f->w = NULL;
}

/* All that is left to read, counted. */
static inline uint64_t trace_file_count(struct gt_reader *r)
{
	const struct gt_event *ev;
	uint64_t n = 0;
	int ret;

	while ((ret = gt_reader_next(r, &ev)) == 1)
		n++;
	assert_int_equal(ret, 0);
	return n;
}

/* A file of these bytes. */
static inline int trace_file_of(const uint8_t *bytes, size_t n)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, 0), n);
	return fd;
}

static inline uint64_t test_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
