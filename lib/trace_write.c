/* SPDX-License-Identifier: MIT */
/*
 * Writes a trace: every CPU's records gather in a buffer of their own, become a compressed block
 * when it is full or a round ends, and go to the file in large writes.
 */
#include <giltrace/trace.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/buf.h"
#include "lib/trace_codec.h"
#include "lib/trace_format.h"
#include "lib/trace_meta.h"
#include "lib/trace_varint.h"

#define WRITE_SIZE (256 << 10)

struct writer_stream {
	struct buf raw;
	uint32_t cpu, records;
	uint64_t first; /* time that the block counts from */
	struct trace_ctx ctx;
};

struct gt_writer {
	int fd;
	int err; /* the first error, for good */
	ZSTD_CCtx *zstd;
	struct buf out;	  /* whole blocks not yet written */
	struct buf small; /* the block of CPUs with few records that is being made */
	struct trace_block packed; /* its header */
	uint64_t written; /* bytes handed to the file */
	uint64_t records;
	uint64_t last; /* highest time given */
	struct writer_stream *streams[TRACE_STREAMS];
};

static int writer_fail(struct gt_writer *w, int err)
{
	if (!w->err)
		w->err = err;
	return w->err;
}

static int writer_flush_out(struct gt_writer *w)
{
	const uint8_t *p = w->out.data;
	size_t left = w->out.len;

	while (left && !w->err) {
		ssize_t n = write(w->fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			writer_fail(w, n < 0 ? -errno : -EIO);
			break;
		}
		p += n;
		left -= (size_t)n;
		w->written += (uint64_t)n;
	}
	buf_clear(&w->out);
	return w->err;
}

static int writer_header(struct gt_writer *w)
{
	uint8_t header[TRACE_HEADER_SIZE] = TRACE_MAGIC;

	trace_put16(header + 8, GT_TRACE_MAJOR);
	trace_put16(header + 10, GT_TRACE_MINOR);
	trace_put32(header + 12, TRACE_HEADER_SIZE);
	trace_put64(header + TRACE_FLAGS_AT, TRACE_INCOMPLETE);
	trace_put64(header + 24, trace_check(header, TRACE_FLAGS_AT));
	buf_add(&w->out, header, sizeof(header));
	return writer_flush_out(w);
}

struct gt_writer *gt_writer_new(int fd)
{
	struct gt_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	w->fd = fd;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd || !buf_reserve(&w->out, WRITE_SIZE))
		writer_fail(w, -ENOMEM);
	/* The frame's checksum is what finds damaged payloads. */
	else if (ZSTD_isError(
			 ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, TRACE_LEVEL)) ||
		 ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)))
		writer_fail(w, -EINVAL);
	else if (lseek(fd, 0, SEEK_CUR) < 0) /* finishing goes back to the header */
		writer_fail(w, -errno);
	else
		writer_header(w);
	if (w->err) {
		int err = -w->err;

		gt_writer_free(w);
		errno = err;
		return NULL;
	}
	return w;
}

/* Append a block of this kind, `payload` compressed. */
static int writer_block(struct gt_writer *w, struct trace_block *b, const void *payload)
{
	size_t bound = b->raw ? ZSTD_compressBound(b->raw) : 0, stored = 0;
	uint8_t *out = buf_reserve(&w->out, TRACE_BLOCK_SIZE + bound);

	if (w->err)
		return w->err;
	if (!out)
		return writer_fail(w, -ENOMEM);
	if (b->raw)
		stored = ZSTD_compress2(w->zstd, out + TRACE_BLOCK_SIZE, bound, payload, b->raw);
	if (ZSTD_isError(stored))
		return writer_fail(w, -ENOMEM);
	b->stored = (uint32_t)stored;
	trace_block_put(out, b);
	w->out.len += TRACE_BLOCK_SIZE + stored;
	return w->out.len >= WRITE_SIZE ? writer_flush_out(w) : 0;
}

static int writer_flush_stream(struct gt_writer *w, struct writer_stream *s)
{
	struct trace_block b = {
		.kind = TRACE_RECORDS,
		.cpu = s->cpu,
		.records = s->records,
		.raw = (uint32_t)s->raw.len,
		.time = s->first,
	};

	if (!s->records)
		return w->err;
	s->records = 0;
	s->raw.len = 0;
	return writer_block(w, &b, s->raw.data);
}

static int writer_flush_packed(struct gt_writer *w)
{
	struct trace_block b = w->packed;

	b.kind = TRACE_PACKED;
	b.raw = (uint32_t)w->small.len;
	w->packed = (struct trace_block){ 0 };
	w->small.len = 0;
	return b.records ? writer_block(w, &b, w->small.data) : w->err;
}

/* A CPU's few records go into a block together with those of others. */
static int writer_pack_stream(struct gt_writer *w, struct writer_stream *s)
{
	size_t most = 4 * VARINT_MAX + s->raw.len;
	uint8_t *room, *p;

	if (w->small.len + most > TRACE_RAW_MAX && writer_flush_packed(w))
		return w->err;
	room = p = buf_reserve(&w->small, most);
	if (!room)
		return writer_fail(w, -ENOMEM);
	if (!w->packed.records)
		w->packed.time = s->first;
	p = put_varint(p, trace_stream_index(s->cpu));
	p = put_varint(p, s->records);
	p = put_varint(p, zigzag(s->first - w->packed.time));
	p = put_varint(p, s->raw.len);
	memcpy(p, s->raw.data, s->raw.len);
	w->small.len += (size_t)(p - room) + s->raw.len;
	w->packed.records += s->records;
	s->records = 0;
	s->raw.len = 0;
	return 0;
}

static struct writer_stream *writer_stream(struct gt_writer *w, uint32_t cpu)
{
	uint32_t index = trace_stream_index(cpu);
	struct writer_stream *s;

	if (index == TRACE_STREAMS)
		return NULL;
	s = w->streams[index];
	if (!s) {
		s = w->streams[index] = calloc(1, sizeof(*s));
		if (s)
			s->cpu = cpu;
		else
			writer_fail(w, -ENOMEM);
	}
	return s;
}

int gt_writer_event(struct gt_writer *w, const struct gt_event *ev)
{
	size_t max = trace_record_max(ev->kind), n;
	struct writer_stream *s;
	uint8_t *room;

	if (w->err)
		return w->err;
	s = writer_stream(w, ev->cpu);
	if (!s)
		return w->err ? w->err : -EINVAL;
	if (s->raw.len + max > TRACE_RAW_MAX && writer_flush_stream(w, s))
		return w->err;
	room = buf_reserve(&s->raw, max);
	if (!room)
		return writer_fail(w, -ENOMEM);
	if (!s->records) {
		s->first = ev->ts;
		s->ctx = (struct trace_ctx){ .ts = ev->ts };
	}
	n = trace_encode(&s->ctx, ev, room);
	if (!n)
		return -EINVAL;
	s->raw.len += n;
	s->records++;
	w->records++;
	if (ev->ts > w->last)
		w->last = ev->ts;
	return 0;
}

static int writer_close_round(struct gt_writer *w, enum trace_block_kind kind, uint64_t ts)
{
	struct trace_block mark = { .kind = (uint16_t)kind, .time = ts };

	for (uint32_t i = 0; i < TRACE_STREAMS; i++) {
		struct writer_stream *s = w->streams[i];

		if (s && s->records && s->raw.len <= TRACE_SMALL_MAX)
			writer_pack_stream(w, s);
		else if (s)
			writer_flush_stream(w, s);
	}
	writer_flush_packed(w);
	writer_block(w, &mark, NULL);
	return writer_flush_out(w);
}

int gt_writer_mark(struct gt_writer *w, uint64_t ts)
{
	/* A reader whose recorder died takes the last mark for the end of the window. */
	if (ts == UINT64_MAX)
		ts = w->last;
	if (ts > w->last)
		w->last = ts;
	return writer_close_round(w, TRACE_MARK, ts);
}

int gt_writer_meta(struct gt_writer *w, const struct gt_meta *meta)
{
	struct trace_block b = { .kind = TRACE_META };
	size_t len = 0;
	char *text;

	if (w->err)
		return w->err;
	text = trace_meta_encode(meta, &len);
	if (!text)
		return writer_fail(w, -ENOMEM);
	b.raw = (uint32_t)len;
	if (len > TRACE_META_MAX)
		writer_fail(w, -E2BIG);
	else
		writer_block(w, &b, text);
	free(text);
	return w->err;
}

void gt_writer_size(const struct gt_writer *w, uint64_t *bytes, uint64_t *records)
{
	*bytes = w->written + w->out.len;
	*records = w->records;
}

int gt_writer_finish(struct gt_writer *w)
{
	uint8_t flags[8] = { 0 };
	ssize_t n;

	if (writer_close_round(w, TRACE_END, w->last))
		return w->err;
	n = pwrite(w->fd, flags, sizeof(flags), TRACE_FLAGS_AT);
	if (n != (ssize_t)sizeof(flags))
		writer_fail(w, n < 0 ? -errno : -EIO);
	return w->err;
}

void gt_writer_free(struct gt_writer *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; i < TRACE_STREAMS; i++) {
		if (w->streams[i])
			buf_free(&w->streams[i]->raw);
		free(w->streams[i]);
	}
	buf_free(&w->out);
	buf_free(&w->small);
	ZSTD_freeCCtx(w->zstd);
	close(w->fd);
	free(w);
}
