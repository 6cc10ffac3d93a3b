/* SPDX-License-Identifier: MIT */
/*
 * The records of a trace in order of time. A round's blocks are given to the streams of their CPUs;
 * the streams' heads are in a heap, and the first stream gives records as long as they come before
 * every other head.
 */
#include "lib/trace_reader.h"

#include <errno.h>
#include <string.h>

#include "lib/trace_varint.h"

/* ---- merging ---- */

static inline bool head_before(const struct reader_head *a, const struct reader_head *b)
{
	return a->ts < b->ts || (a->ts == b->ts && a->cpu < b->cpu);
}

/* The lesser child, 0: none. */
static inline uint32_t heap_child(const struct gt_reader *r, uint32_t at)
{
	uint32_t child = 2 * at + 1;

	if (child >= r->heap_len)
		return 0;
	if (child + 1 < r->heap_len && head_before(&r->heap[child + 1], &r->heap[child]))
		child++;
	return child;
}

/* `child` is the lesser child of `at`. */
static void heap_sink(struct gt_reader *r, uint32_t at, uint32_t child)
{
	struct reader_head head = r->heap[at];

	for (; child && head_before(&r->heap[child], &head); child = heap_child(r, at)) {
		r->heap[at] = r->heap[child];
		at = child;
	}
	r->heap[at] = head;
}

/* The same of the first, where `second` is its lesser child. On few CPUs nothing is below that one.
 */
static inline void heap_sink_first(struct gt_reader *r, uint32_t second)
{
	struct reader_head head = r->heap[0];

	if (2 * second + 1 < r->heap_len) {
		heap_sink(r, 0, second);
	} else if (second && head_before(&r->heap[second], &head)) {
		r->heap[0] = r->heap[second];
		r->heap[second] = head;
	}
}

/* Of the streams in the heap some have new heads, of the fresh ones some are not in it. */
static void heap_rebuild(struct gt_reader *r)
{
	for (uint32_t i = 0; i < r->nfresh; i++) {
		struct trace_stream *s = r->streams[r->fresh[i]];

		s->fresh = false;
		if (!s->merged && trace_stream_head(s))
			r->heap[r->heap_len++] = (struct reader_head){ .stream = s, .cpu = s->cpu };
		s->merged = trace_stream_head(s);
	}
	r->nfresh = 0;
	for (uint32_t i = 0; i < r->heap_len; i++)
		r->heap[i].ts = trace_stream_head(r->heap[i].stream)->ts;
	for (uint32_t i = r->heap_len / 2; i-- > 0;)
		heap_sink(r, i, heap_child(r, i));
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

/* Up to this time the first head's stream comes before the second's, and is within the round. */
static uint64_t run_until(const struct gt_reader *r, uint32_t second)
{
	const struct reader_head *first = &r->heap[0], *other = &r->heap[second];
	uint64_t until;

	if (!second)
		return r->limit;
	until = other->ts - (other->cpu < first->cpu);
	return until < r->limit ? until : r->limit;
}

/* Records of the compact kinds use no more of the union than its first member. */
static inline void copy_event(struct gt_event *to, const struct gt_event *from)
{
	if (from->kind <= GT_STATE && from->kind != GT_TASK)
		memcpy(to, from, offsetof(struct gt_event, u) + sizeof(from->u.addr));
	else
		*to = *from;
}

static inline void reader_give(struct gt_reader *r, struct trace_stream *s, struct gt_batch *b)
{
	const struct gt_event *head = trace_stream_head(s);
	struct gt_event *ev = &b->events[b->n];

	copy_event(ev, head);
	if (trace_owns(head)) {
		b->owners[b->nowners++] = (uint16_t)b->n;
		s->owners--;
	}
	b->n++;
	if (ev->ts < r->last) {
		ev->ts = r->last;
		r->stats.disordered++;
	}
	r->last = ev->ts;
	trace_stream_pop(s, &r->src);
}

static inline bool batch_has_room(const struct gt_batch *b)
{
	return b->n < GT_BATCH_EVENTS && b->nowners < GT_BATCH_OWNERS;
}

/* As many records of the first stream as come before every other one's. */
static int reader_merge(struct gt_reader *r, struct gt_batch *b)
{
	uint32_t second = heap_child(r, 0);
	uint64_t until = run_until(r, second);
	struct trace_stream *s = r->heap[0].stream;
	const struct gt_event *ev;

	do {
		reader_give(r, s, b);
		ev = trace_stream_head(s);
	} while (ev && ev->ts <= until && batch_has_room(b));
	if (ev) {
		r->heap[0].ts = ev->ts;
		heap_sink_first(r, second);
		return 0;
	}
	if (s->err)
		return reader_stream_error(r, s->err);
	s->merged = false;
	r->heap[0] = r->heap[--r->heap_len];
	heap_sink(r, 0, heap_child(r, 0));
	return 0;
}

/* ---- rounds ---- */

int trace_reader_block(struct gt_reader *r, uint64_t at, struct trace_block *b)
{
	uint8_t header[TRACE_BLOCK_SIZE];
	int err;

	if (r->size - at < sizeof(header))
		return -ENODATA;
	err = trace_source_read(&r->src, at, header, sizeof(header));
	if (err)
		return err;
	if (!trace_block_get(header, b))
		return -EBADMSG;
	return b->stored > r->size - at - sizeof(header) ? -ENODATA : 0;
}

/* The stream of a CPU, which this round adds to. 0, -EBADMSG or -ENOMEM. */
static int reader_stream(struct gt_reader *r, uint32_t cpu, struct trace_stream **out)
{
	uint32_t index = trace_stream_index(cpu);

	if (index == TRACE_STREAMS)
		return -EBADMSG;
	if (!r->streams[index])
		r->streams[index] = trace_stream_new(cpu);
	*out = r->streams[index];
	if (!*out)
		return -ENOMEM;
	if (!(*out)->fresh)
		r->fresh[r->nfresh++] = (uint16_t)index;
	(*out)->fresh = true;
	return 0;
}

static int reader_add_block(struct gt_reader *r, const struct trace_block *b, uint64_t payload)
{
	struct trace_stream *s = NULL;
	int err = reader_stream(r, b->cpu, &s);

	return err ? err : trace_stream_add(s, b, payload);
}

/* One CPU's part of a packed block of which [*pos, end) is left; zeros follow. 0, -EBADMSG or
 * -ENOMEM. */
static int reader_add_part(struct gt_reader *r, uint64_t time, const uint8_t **pos,
			   const uint8_t *end)
{
	const uint8_t *p = *pos;
	uint64_t index = get_varint(&p), records = get_varint(&p);
	uint64_t first = time + unzigzag(get_varint(&p)), bytes = get_varint(&p);
	struct trace_block b = { .kind = TRACE_RECORDS, .time = first };
	struct trace_stream *s = NULL;
	int err;

	if (p > end || bytes > (size_t)(end - p) || !bytes || records > bytes ||
	    index >= TRACE_STREAMS)
		return -EBADMSG;
	b.cpu = index == GT_MAX_CPUS ? GT_CPU_COLLECTOR : (uint32_t)index;
	b.records = (uint32_t)records;
	b.raw = (uint32_t)bytes;
	err = reader_stream(r, b.cpu, &s);
	if (!err)
		err = trace_stream_add_bytes(s, &r->src, &b, p);
	*pos = p + bytes;
	return err;
}

/* Records of several CPUs in one block. */
static int reader_add_packed(struct gt_reader *r, const struct trace_block *b, uint64_t payload)
{
	const uint8_t *pos, *end;
	int err = b->raw > TRACE_RAW_MAX ? -EBADMSG
					 : trace_source_load(&r->src, b, payload, &r->src.packed);

	if (err)
		return err;
	pos = r->src.packed.data;
	end = pos + r->src.packed.len;
	while (pos < end && !err)
		err = reader_add_part(r, b->time, &pos, end);
	return err;
}

/* Give every stream its blocks of the next round. */
static int reader_collect(struct gt_reader *r)
{
	struct trace_block b = { 0 };
	uint64_t at = r->next;

	while (b.kind != TRACE_MARK && b.kind != TRACE_END) {
		int err = trace_reader_block(r, at, &b);

		if (!err && b.kind == TRACE_RECORDS)
			err = reader_add_block(r, &b, at + TRACE_BLOCK_SIZE);
		if (!err && b.kind == TRACE_PACKED)
			err = reader_add_packed(r, &b, at + TRACE_BLOCK_SIZE);
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
	for (uint32_t i = 0; i < r->nfresh; i++) {
		struct trace_stream *s = r->streams[r->fresh[i]];

		trace_stream_fill(s, &r->src);
		if (s->err && !trace_stream_head(s))
			return reader_stream_error(r, s->err);
	}
	heap_rebuild(r);
	return 0;
}

int trace_reader_merge(struct gt_reader *r, struct gt_batch *b)
{
	int err = 0;

	while (!err && !r->stopped && batch_has_room(b)) {
		if (r->heap_len && r->heap[0].ts <= r->limit)
			err = reader_merge(r, b);
		else if (r->next >= r->end)
			r->stopped = true;
		else
			err = reader_next_round(r);
	}
	return err;
}
