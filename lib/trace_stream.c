/* SPDX-License-Identifier: MIT */
#include "lib/trace_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace_fields.h"

#define WINDOW 256
#define OWNERS_MAX TRACE_STREAM_LOW /* records with strings in a window, each up to 8 KiB */
#define WAITING_MAX (64 << 20)	    /* bytes of all streams that wait decompressed */
#define QUEUE_MAX (1 << 16)	    /* blocks of one CPU that wait, 4 GiB of records */

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
	for (; s->queue_first < s->queue_count; s->queue_first++)
		free(s->queue[s->queue_first].bytes);
	s->queue_first = s->queue_count = 0;
	s->pos = s->end = NULL;
	s->left = 0;
	s->err = 0;
	s->fresh = s->merged = false;
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

static int stream_enqueue(struct trace_stream *s, const struct trace_position *at)
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
	s->queue[s->queue_count++] = *at;
	return 0;
}

int trace_stream_add(struct trace_stream *s, const struct trace_block *block, uint64_t at)
{
	return stream_enqueue(s, &(struct trace_position){ .at = at, .block = *block });
}

/* Decode from these bytes next, which follow on the file's own checks. */
static void stream_begin(struct trace_stream *s, const struct trace_block *block)
{
	s->pos = s->raw.data;
	s->end = s->pos + s->raw.len;
	s->left = block->records;
	s->ctx = (struct trace_ctx){ .ts = block->time };
}

/* What the decoder may look at behind the records' end is 0. */
static int stream_copy(struct buf *to, const uint8_t *bytes, size_t n)
{
	uint8_t *room;

	buf_clear(to);
	room = buf_reserve(to, n + TRACE_COMPACT_MAX);
	if (!room)
		return -ENOMEM;
	memcpy(room, bytes, n);
	memset(room + n, 0, TRACE_COMPACT_MAX);
	to->len = n;
	return 0;
}

int trace_stream_add_bytes(struct trace_stream *s, struct trace_source *src,
			   const struct trace_block *block, const uint8_t *bytes)
{
	struct trace_position at = { .block = *block };
	int err;

	if (s->pos == s->end && !s->left && !s->err && s->queue_first == s->queue_count) {
		err = stream_copy(&s->raw, bytes, block->raw);
		if (!err)
			stream_begin(s, block);
		return err;
	}
	if (src->waiting + block->raw > WAITING_MAX)
		return -EBADMSG;
	at.bytes = malloc((size_t)block->raw + 1);
	if (!at.bytes)
		return -ENOMEM;
	memcpy(at.bytes, bytes, block->raw);
	err = stream_enqueue(s, &at);
	if (err)
		free(at.bytes);
	else
		src->waiting += block->raw;
	return err;
}

/* Open the next block of the queue. False when there is none, or with s->err set. */
static bool stream_open_block(struct trace_stream *s, struct trace_source *src)
{
	struct trace_position *next;

	if (s->left)
		s->err = -EBADMSG;
	if (s->err || s->queue_first == s->queue_count)
		return false;
	next = &s->queue[s->queue_first];
	if (next->block.raw > TRACE_RAW_MAX)
		s->err = -EBADMSG;
	else if (next->bytes)
		s->err = stream_copy(&s->raw, next->bytes, next->block.raw);
	else
		s->err = trace_source_load(src, &next->block, next->at, &s->raw);
	if (s->err)
		return false;
	if (next->bytes)
		src->waiting -= next->block.raw;
	free(next->bytes);
	s->queue_first++;
	stream_begin(s, &next->block);
	return true;
}

/* Move the newest record of the window, which is not counted yet, to its place. */
static void stream_sort_in(struct trace_stream *s, struct gt_event *newest)
{
	struct gt_event ev = *newest;
	struct gt_event *at = newest;

	for (; at > s->window + s->head && at[-1].ts > ev.ts; at--)
		*at = at[-1];
	*at = ev;
}

/* Decode from the open block until it or the window ends. */
static void stream_decode(struct trace_stream *s, struct trace_source *src)
{
	struct trace_ctx ctx = s->ctx; /* in registers, and so are the others */
	const uint8_t *pos = s->pos, *end = s->end;
	struct gt_event *ev = s->window + s->tail, *room = s->window + WINDOW;
	uint32_t left = s->left;
	uint64_t last = s->tail > s->head ? ev[-1].ts : 0;

	while (ev < room && s->owners < OWNERS_MAX && pos < end) {
		int ret = left ? trace_decode(&ctx, &pos, end, ev) : -EBADMSG;

		if (ret < 0) {
			s->err = ret;
			break;
		}
		left--;
		src->skipped += !ret;
		if (!ret)
			continue;
		ev->cpu = s->cpu;
		s->owners += trace_owns(ev);
		if (ev->ts < last)
			stream_sort_in(s, ev);
		last = ev++->ts;
	}
	s->ctx = ctx;
	s->pos = pos;
	s->left = left;
	s->tail = (size_t)(ev - s->window);
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
