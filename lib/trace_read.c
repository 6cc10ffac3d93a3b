/* SPDX-License-Identifier: MIT */
/*
 * Reads a trace round by round and merges the CPUs' records by time. Opening walks all block
 * headers once, to find the last mark and the last metadata; payloads are read when their turn
 * comes.
 */
#include <giltrace/trace.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace_meta.h"
#include "lib/trace_stream.h"

/* The merge is a heap of the streams' heads; keys lie in it so that a comparison touches no stream.
 */
struct reader_head {
	uint64_t ts;
	struct trace_stream *stream;
	uint32_t cpu; /* equal times: in order of CPUs, so that every pass is the same */
};

struct gt_reader {
	struct trace_source src;
	uint64_t size;
	uint64_t first;		      /* offset of the first block */
	uint64_t end;		      /* offset behind the last mark */
	uint64_t next;		      /* offset of the next round */
	uint64_t limit;		      /* records up to this time may be returned */
	uint64_t last;		      /* time of the last record returned */
	struct trace_stream *current; /* its head is what the caller holds */
	struct trace_stream *streams[TRACE_STREAMS];
	struct reader_head heap[TRACE_STREAMS];
	uint32_t heap_len;
	bool damaged_tail; /* the walk over headers ended at something that is none */
	bool stopped;
	struct gt_meta meta;
	struct gt_reader_stats stats;
};

/* ---- merging ---- */

static inline bool head_before(const struct reader_head *a, const struct reader_head *b)
{
	return a->ts < b->ts || (a->ts == b->ts && a->cpu < b->cpu);
}

static void heap_sift_down(struct gt_reader *r, uint32_t at)
{
	struct reader_head head = r->heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= r->heap_len)
			break;
		if (child + 1 < r->heap_len && head_before(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (!head_before(&r->heap[child], &head))
			break;
		r->heap[at] = r->heap[child];
		at = child;
	}
	r->heap[at] = head;
}

static void heap_rebuild(struct gt_reader *r)
{
	r->heap_len = 0;
	for (uint32_t i = 0; i < TRACE_STREAMS; i++) {
		const struct gt_event *ev = r->streams[i] ? trace_stream_head(r->streams[i]) : NULL;

		if (ev)
			r->heap[r->heap_len++] =
				(struct reader_head){ ev->ts, r->streams[i], ev->cpu };
	}
	for (uint32_t i = r->heap_len / 2; i-- > 0;)
		heap_sift_down(r, i);
}

/* A stream that cannot go on ends the reading, since nothing after its last record would be whole.
 */
static int reader_stream_error(struct gt_reader *r, int err)
{
	r->stopped = true;
	if (err != -EBADMSG)
		return err;
	r->stats.damaged = true;
	return 0;
}

/* Let go of the record that the caller holds. */
static int reader_pop(struct gt_reader *r)
{
	struct trace_stream *s = r->current;
	const struct gt_event *ev;

	r->current = NULL;
	trace_stream_pop(s, &r->src);
	ev = trace_stream_head(s);
	if (ev)
		r->heap[0].ts = ev->ts;
	else if (s->err)
		return reader_stream_error(r, s->err);
	else
		r->heap[0] = r->heap[--r->heap_len];
	heap_sift_down(r, 0);
	return 0;
}

/* ---- rounds ---- */

/* The block at `at`. 0, -ENODATA (the file ends inside it), or -EBADMSG, or another -errno. */
static int reader_block(const struct gt_reader *r, uint64_t at, struct trace_block *b)
{
	uint8_t header[TRACE_BLOCK_SIZE];
	ssize_t n;

	if (r->size - at < sizeof(header))
		return -ENODATA;
	n = pread(r->src.fd, header, sizeof(header), (off_t)at);
	if (n != (ssize_t)sizeof(header))
		return n < 0 ? -errno : -EBADMSG;
	if (!trace_block_get(header, b))
		return -EBADMSG;
	return b->stored > r->size - at - sizeof(header) ? -ENODATA : 0;
}

static int reader_add_block(struct gt_reader *r, const struct trace_block *b, uint64_t payload)
{
	uint32_t index = trace_stream_index(b->cpu);

	if (index == TRACE_STREAMS)
		return -EBADMSG;
	if (!r->streams[index])
		r->streams[index] = trace_stream_new(b->cpu);
	return r->streams[index] ? trace_stream_add(r->streams[index], b, payload) : -ENOMEM;
}

/* Give every stream its blocks of the next round. */
static int reader_collect(struct gt_reader *r)
{
	struct trace_block b = { 0 };
	uint64_t at = r->next;

	while (b.kind != TRACE_MARK && b.kind != TRACE_END) {
		int err = reader_block(r, at, &b);

		if (!err && b.kind == TRACE_RECORDS)
			err = reader_add_block(r, &b, at + TRACE_BLOCK_SIZE);
		if (err)
			return err == -ENODATA ? -EBADMSG : err;
		at += TRACE_BLOCK_SIZE + b.stored;
	}
	/* The orderly end closes the last round whatever its time says. */
	r->limit = b.kind == TRACE_END ? UINT64_MAX : b.time;
	r->next = at;
	return 0;
}

static int reader_next_round(struct gt_reader *r)
{
	int err = reader_collect(r);

	if (err)
		return reader_stream_error(r, err);
	for (uint32_t i = 0; i < TRACE_STREAMS; i++) {
		struct trace_stream *s = r->streams[i];

		if (!s)
			continue;
		trace_stream_fill(s, &r->src);
		if (s->err && !trace_stream_head(s))
			return reader_stream_error(r, s->err);
	}
	heap_rebuild(r);
	return 0;
}

int gt_reader_next(struct gt_reader *r, const struct gt_event **out)
{
	struct gt_event *ev;
	int err = r->current ? reader_pop(r) : 0;

	while (!err && !r->stopped && (!r->heap_len || r->heap[0].ts > r->limit)) {
		if (r->next >= r->end)
			r->stopped = true;
		else
			err = reader_next_round(r);
	}
	if (err || r->stopped)
		return err;
	r->current = r->heap[0].stream;
	ev = trace_stream_head(r->current);
	if (ev->ts < r->last) {
		ev->ts = r->last;
		r->stats.disordered++;
	}
	r->last = ev->ts;
	r->stats.records++;
	*out = ev;
	return 1;
}

int gt_reader_rewind(struct gt_reader *r)
{
	for (uint32_t i = 0; i < TRACE_STREAMS; i++)
		if (r->streams[i])
			trace_stream_reset(r->streams[i]);
	r->current = NULL;
	r->heap_len = 0;
	r->next = r->first;
	r->limit = 0;
	r->last = 0;
	r->stopped = false;
	r->src.skipped = 0;
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
		err = reader_block(r, at, &b);
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
	out->skipped = r->src.skipped;
}

void gt_reader_free(struct gt_reader *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < TRACE_STREAMS; i++)
		trace_stream_free(r->streams[i]);
	buf_free(&r->src.stored);
	ZSTD_freeDCtx(r->src.zstd);
	gt_meta_free(&r->meta);
	close(r->src.fd);
	free(r);
}
