/* SPDX-License-Identifier: MIT */
#include "lib/trace_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace_fields.h"

#define WINDOW 256
#define LOW 32		    /* records kept decoded ahead: disorder up to this distance is mended */
#define OWNERS_MAX LOW      /* records with strings in a window, each up to 8 KiB */
#define QUEUE_MAX (1 << 16) /* blocks of one CPU that wait, 4 GiB of records */

static int read_exactly(int fd, uint8_t *out, size_t n, uint64_t at)
{
	while (n) {
		ssize_t got = pread(fd, out, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG; /* the file shrank under us */
		out += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int trace_source_load(struct trace_source *src, const struct trace_block *block, uint64_t at,
		      struct buf *out)
{
	uint8_t *stored, *raw;
	size_t got;
	int err;

	if (block->stored > ZSTD_compressBound(block->raw))
		return -EBADMSG;
	buf_clear(&src->stored);
	buf_clear(out);
	stored = buf_reserve(&src->stored, block->stored);
	raw = buf_reserve(out, (size_t)block->raw + TRACE_COMPACT_MAX);
	if (!stored || !raw)
		return -ENOMEM;
	err = read_exactly(src->fd, stored, block->stored, at);
	if (err)
		return err;
	got = ZSTD_decompressDCtx(src->zstd, raw, block->raw, stored, block->stored);
	if (ZSTD_isError(got) || got != block->raw)
		return -EBADMSG;
	memset(raw + got, 0, TRACE_COMPACT_MAX); /* what the decoder may look at */
	out->len = got;
	return 0;
}

struct trace_stream *trace_stream_new(uint32_t cpu)
{
	struct trace_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cpu = cpu;
	s->window = malloc(WINDOW * sizeof(*s->window));
	if (!s->window) {
		free(s);
		return NULL;
	}
	return s;
}

void trace_stream_reset(struct trace_stream *s)
{
	while (s->head < s->tail)
		trace_fields_release(&s->window[s->head++]);
	s->head = s->tail = s->owners = 0;
	s->queue_first = s->queue_count = 0;
	s->pos = s->end = NULL;
	s->left = 0;
	s->err = 0;
}

void trace_stream_free(struct trace_stream *s)
{
	if (!s)
		return;
	trace_stream_reset(s);
	free(s->window);
	free(s->queue);
	buf_free(&s->raw);
	free(s);
}

static int stream_grow_queue(struct trace_stream *s)
{
	size_t cap = s->queue_cap ? s->queue_cap * 2 : 4;
	struct trace_position *queue;

	if (cap > QUEUE_MAX)
		return -EBADMSG;
	queue = realloc(s->queue, cap * sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	s->queue = queue;
	s->queue_cap = cap;
	return 0;
}

int trace_stream_add(struct trace_stream *s, const struct trace_block *block, uint64_t at)
{
	if (s->queue_first && s->queue_count == s->queue_cap) {
		s->queue_count -= s->queue_first;
		memmove(s->queue, s->queue + s->queue_first, s->queue_count * sizeof(*s->queue));
		s->queue_first = 0;
	}
	if (s->queue_count == s->queue_cap) {
		int err = stream_grow_queue(s);

		if (err)
			return err;
	}
	s->queue[s->queue_count++] = (struct trace_position){ .at = at, .block = *block };
	return 0;
}

/* Open the next block of the queue. False when there is none, or with s->err set. */
static bool stream_open_block(struct trace_stream *s, struct trace_source *src)
{
	const struct trace_position *next = &s->queue[s->queue_first];

	if (s->left)
		s->err = -EBADMSG;
	if (s->err || s->queue_first == s->queue_count)
		return false;
	s->err = next->block.raw > TRACE_RAW_MAX
			 ? -EBADMSG
			 : trace_source_load(src, &next->block, next->at, &s->raw);
	if (s->err)
		return false;
	s->pos = s->raw.data;
	s->end = s->pos + s->raw.len;
	s->left = next->block.records;
	s->ctx = (struct trace_ctx){ .ts = next->block.time };
	s->queue_first++;
	return true;
}

/* Move the newest record of the window to its place. */
static void stream_sort_last(struct trace_stream *s)
{
	struct gt_event ev = s->window[s->tail - 1];
	size_t i = s->tail - 1;

	for (; i > s->head && s->window[i - 1].ts > ev.ts; i--)
		s->window[i] = s->window[i - 1];
	s->window[i] = ev;
}

/* Decode from the open block until it or the window ends. */
static void stream_decode(struct trace_stream *s, struct trace_source *src)
{
	while (s->tail < WINDOW && s->owners < OWNERS_MAX && s->pos < s->end) {
		struct gt_event *ev = &s->window[s->tail];
		int ret = s->left ? trace_decode(&s->ctx, &s->pos, s->end, ev) : -EBADMSG;

		if (ret < 0) {
			s->err = ret;
			return;
		}
		s->left--;
		src->skipped += !ret;
		if (!ret)
			continue;
		ev->cpu = s->cpu;
		s->owners += trace_owns(ev);
		s->tail++;
		if (s->tail - s->head > 1 && ev->ts < ev[-1].ts)
			stream_sort_last(s);
	}
}

static bool stream_has_more(const struct trace_stream *s)
{
	return s->pos < s->end || s->left || s->queue_first < s->queue_count;
}

void trace_stream_fill(struct trace_stream *s, struct trace_source *src)
{
	if (!stream_has_more(s))
		return;
	memmove(s->window, s->window + s->head, (s->tail - s->head) * sizeof(*s->window));
	s->tail -= s->head;
	s->head = 0;
	while (s->tail < WINDOW && s->owners < OWNERS_MAX && !s->err) {
		if (s->pos == s->end && !stream_open_block(s, src))
			break;
		stream_decode(s, src);
	}
}

void trace_stream_pop(struct trace_stream *s, struct trace_source *src)
{
	struct gt_event *ev = &s->window[s->head++];

	if (trace_owns(ev)) {
		trace_fields_release(ev);
		s->owners--;
	}
	if (s->tail - s->head < LOW)
		trace_stream_fill(s, src);
}
