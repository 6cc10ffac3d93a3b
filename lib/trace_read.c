/* SPDX-License-Identifier: MIT */
/*
 * Opens a trace and hands out its records. Opening walks all block headers once, to find the last
 * mark and the last metadata; payloads are read when their turn comes (trace_merge.c).
 */
#include <giltrace/trace.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace_fields.h"
#include "lib/trace_meta.h"
#include "lib/trace_reader.h"

int gt_reader_batch(struct gt_reader *r, struct gt_batch *b)
{
	int err = r->err;

	gt_batch_release(b);
	r->err = 0;
	if (!err)
		err = trace_reader_merge(r, b);
	r->stats.records += b->n;
	if (!b->n)
		return err;
	r->err = err;
	return 1;
}

void gt_batch_release(struct gt_batch *b)
{
	for (uint32_t i = 0; i < b->nowners; i++)
		trace_fields_release(&b->events[b->owners[i]]);
	b->n = b->nowners = 0;
}

int gt_reader_next(struct gt_reader *r, const struct gt_event **out)
{
	int ret = 1;

	if (!r->batch)
		r->batch = calloc(1, sizeof(*r->batch));
	if (!r->batch)
		return -ENOMEM;
	if (r->given == r->batch->n) {
		r->given = 0;
		ret = gt_reader_batch(r, r->batch);
	}
	if (ret == 1)
		*out = &r->batch->events[r->given++];
	return ret;
}

int gt_reader_rewind(struct gt_reader *r)
{
	for (uint32_t i = 0; i < TRACE_STREAMS; i++)
		if (r->streams[i])
			trace_stream_reset(r->streams[i]);
	if (r->batch)
		gt_batch_release(r->batch);
	r->given = 0;
	r->err = 0;
	r->heap_len = r->nfresh = 0;
	r->next = r->first;
	r->limit = 0;
	r->last = 0;
	r->stopped = false;
	r->src.skipped = r->src.waiting = 0;
	r->stats.records = r->stats.disordered = 0;
	r->stats.damaged = r->damaged_tail;
	return 0;
}

/* ---- opening ---- */

static int reader_header(struct gt_reader *r)
{
	uint8_t header[TRACE_HEADER_SIZE];
	ssize_t n = pread(r->src.fd, header, sizeof(header), 0);
	size_t magic = sizeof(TRACE_MAGIC) - 1;

	if (n < 0)
		return -errno;
	if (memcmp(header, TRACE_MAGIC, (size_t)n < magic ? (size_t)n : magic))
		return -EPROTO;
	if ((size_t)n < sizeof(header))
		return -ENODATA;
	if (trace_get16(header + 8) > GT_TRACE_MAJOR)
		return -EPROTONOSUPPORT;
	r->first = trace_get32(header + 12);
	if (trace_get64(header + 24) != trace_check(header, TRACE_FLAGS_AT) ||
	    r->first < TRACE_HEADER_SIZE || r->first > TRACE_HEADER_SIZE_MAX)
		return -EPROTO;
	r->stats.incomplete = trace_get64(header + TRACE_FLAGS_AT) == TRACE_INCOMPLETE;
	return r->first > r->size ? -ENODATA : 0;
}

/* Walk the headers: where is the last mark, and where are the last two blocks of metadata? */
static int reader_walk(struct gt_reader *r, struct trace_position meta[2])
{
	uint64_t at = r->first;
	struct trace_block b = { 0 };
	int err = 0;

	while (!err && b.kind != TRACE_END) {
		err = trace_reader_block(r, at, &b);
		if (err)
			break;
		if (b.kind == TRACE_META) {
			meta[1] = meta[0];
			meta[0] =
				(struct trace_position){ .at = at + TRACE_BLOCK_SIZE, .block = b };
		}
		at += TRACE_BLOCK_SIZE + b.stored;
		if (b.kind == TRACE_MARK || b.kind == TRACE_END) {
			r->end = at;
			r->stats.last_mark = b.time;
		}
	}
	if (err)
		r->stats.incomplete = true;
	if (err == -EBADMSG)
		r->damaged_tail = true;
	return err == -ENODATA || err == -EBADMSG ? 0 : err;
}

/* The newest metadata that can be read; none is no error. */
static int reader_meta(struct gt_reader *r, const struct trace_position meta[2])
{
	struct buf text = { 0 };
	int err = 0;

	for (int i = 0; i < 2 && meta[i].at; i++) {
		err = meta[i].block.raw > TRACE_META_MAX
			      ? -EBADMSG
			      : trace_source_load(&r->src, &meta[i].block, meta[i].at, &text);
		if (!err)
			err = trace_meta_decode((const char *)text.data, text.len, &r->meta);
		if (err != -EBADMSG)
			break;
		r->damaged_tail = true;
	}
	buf_free(&text);
	return err == -EBADMSG ? 0 : err;
}

static int reader_open(struct gt_reader *r)
{
	struct trace_position meta[2] = { 0 };
	off_t size = lseek(r->src.fd, 0, SEEK_END);
	int err;

	if (size < 0)
		return -errno;
	r->size = (uint64_t)size;
	r->src.zstd = ZSTD_createDCtx();
	if (!r->src.zstd)
		return -ENOMEM;
	err = reader_header(r);
	if (!err)
		err = reader_walk(r, meta);
	if (!err && !r->end)
		err = -ENODATA;
	if (!err)
		err = reader_meta(r, meta);
	return err ? err : gt_reader_rewind(r);
}

struct gt_reader *gt_reader_open_fd(int fd, int *err)
{
	struct gt_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		close(fd);
		*err = -ENOMEM;
		return NULL;
	}
	r->src.fd = fd;
	*err = reader_open(r);
	if (*err) {
		gt_reader_free(r);
		return NULL;
	}
	return r;
}

struct gt_reader *gt_reader_open(const char *path, int *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		*err = -errno;
		return NULL;
	}
	return gt_reader_open_fd(fd, err);
}

const struct gt_meta *gt_reader_meta(const struct gt_reader *r)
{
	return &r->meta;
}

void gt_reader_stats(const struct gt_reader *r, struct gt_reader_stats *out)
{
	*out = r->stats;
	out->records -= r->batch ? r->batch->n - r->given : 0;
	out->skipped = r->src.skipped;
}

void gt_reader_free(struct gt_reader *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < TRACE_STREAMS; i++)
		trace_stream_free(r->streams[i]);
	if (r->batch)
		gt_batch_release(r->batch);
	free(r->batch);
	gt_meta_free(&r->meta);
	trace_source_release(&r->src);
	free(r);
}
