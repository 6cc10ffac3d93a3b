/* SPDX-License-Identifier: MIT */
/*
 * SWITCH, WAKING and STATE are nearly all of a trace: they have a compact form of their own. Every
 * other kind carries its length, so a reader can skip kinds it does not know and fields that were
 * added at the end.
 */
#include "lib/trace_codec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace_format.h"

/* A record begins with a tag: kind in the low five bits, and what the compact forms leave out. */
#define TAG_KIND 0x1f
#define TAG_LONG_KIND 0x1f /* the kind follows as a varint */
#define TAG_RUNNING 0x20   /* SWITCH's task, WAKING's peer: the task that the last SWITCH put here */
#define TAG_QUIET 0x40     /* state 0 and no system call */
#define TAG_NO_FLAGS 0x80  /* flags 0 */

#define FIXED_MAX 320 /* bytes of a record without strings: a full mask is the longest */

enum field_type {
	FIELD_NONE, /* ends a list */
	FIELD_U32,
	FIELD_S32,
	FIELD_U64,
	FIELD_TIME, /* relative to the record's own time */
	FIELD_COMM,
	FIELD_STRING,
	FIELD_MASK, /* u.affinity */
};

struct field {
	uint8_t type;
	uint8_t at; /* offset in struct gt_event */
};

/* clang-format off: one field a line would hide the shape of the table */
#define FIELD(type, member) { FIELD_##type, offsetof(struct gt_event, member) }

/* The fields of every kind that carries its length, in order of writing. Append only. */
static const struct field fields[GT_KIND_COUNT][14] = {
	[GT_TASK] = {
		FIELD(U32, task), FIELD(U32, u.task.parent), FIELD(U32, u.task.process), FIELD(U32, u.task.as),
		FIELD(S32, u.task.tid), FIELD(S32, u.task.tgid), FIELD(S32, u.task.ppid),
		FIELD(U32, u.task.clone_flags), FIELD(U32, u.task.flags), FIELD(U64, u.task.clear_child_tid),
		FIELD(TIME, u.task.start), FIELD(COMM, u.task.comm),
	},
	[GT_EXEC] = {
		FIELD(U32, task), FIELD(S32, u.exec.tid), FIELD(S32, u.exec.tgid), FIELD(U32, u.exec.as),
		FIELD(U32, u.exec.dev), FIELD(U64, u.exec.ino), FIELD(U64, u.exec.start_code),
		FIELD(STRING, u.exec.path),
	},
	[GT_RENAME] = { FIELD(U32, task), FIELD(COMM, u.comm) },
	[GT_EXIT] = { FIELD(U32, task) },
	[GT_AFFINITY] = { FIELD(U32, task), FIELD(MASK, u.affinity.mask) },
	[GT_CPU] = { FIELD(TIME, u.cpu_span.start), FIELD(U64, u.cpu_span.idle) },
	[GT_ON_CPU] = { FIELD(U32, task) },
	[GT_TASK_SUM] = { FIELD(U32, task), FIELD(U64, u.task_sum.run), FIELD(U64, u.task_sum.slices) },
	[GT_CPU_SUM] = {
		FIELD(U64, u.cpu_sum.traced), FIELD(U64, u.cpu_sum.other), FIELD(U64, u.cpu_sum.idle),
	},
	[GT_LOST] = {
		FIELD(U32, u.lost.reason), FIELD(U32, u.lost.count), FIELD(TIME, u.lost.first),
		FIELD(TIME, u.lost.last),
	},
	[GT_SYMBOL] = {
		FIELD(U32, u.symbol.as), FIELD(U64, u.symbol.addr), FIELD(STRING, u.symbol.name),
		FIELD(STRING, u.symbol.image), FIELD(U64, u.symbol.image_offset), FIELD(U64, u.symbol.shared_dev),
		FIELD(U64, u.symbol.shared_ino), FIELD(U64, u.symbol.shared_offset),
	},
	[GT_FUTEX_COUNT] = {
		FIELD(U64, u.futex_count.addr), FIELD(U32, u.futex_count.as), FIELD(U32, u.futex_count.process),
		FIELD(U32, u.futex_count.op), FIELD(S32, u.futex_count.result), FIELD(U64, u.futex_count.count),
	},
};

/* clang-format on */

static inline bool is_compact(uint8_t kind)
{
	return kind == GT_SWITCH || kind == GT_WAKING || kind == GT_STATE;
}

static inline uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ (v >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ (v & 1 ? UINT64_MAX : 0);
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)v | 0x80;
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* At most ten bytes are read, whatever they hold. */
static inline uint64_t get_varint(const uint8_t **pos)
{
	const uint8_t *p = *pos;
	uint64_t v = *p++;

	if (v >= 0x80) {
		unsigned int shift = 7;
		uint64_t byte;

		v &= 0x7f;
		do {
			byte = *p++;
			v |= (byte & 0x7f) << shift;
			shift += 7;
		} while (byte >= 0x80 && shift < 70);
	}
	*pos = p;
	return v;
}

/* ---- compact forms ---- */

static inline uint8_t compact_tag(const struct trace_ctx *c, const struct gt_event *ev)
{
	uint8_t tag = ev->kind;

	if (!ev->flags)
		tag |= TAG_NO_FLAGS;
	if (ev->syscall == -1 && (ev->kind == GT_WAKING || !ev->state))
		tag |= TAG_QUIET;
	if ((ev->kind == GT_SWITCH && ev->task == c->running) ||
	    (ev->kind == GT_WAKING && ev->peer == c->running))
		tag |= TAG_RUNNING;
	return tag;
}

static size_t encode_compact(struct trace_ctx *c, const struct gt_event *ev, uint8_t *out)
{
	uint8_t tag = compact_tag(c, ev), *p = out;

	*p++ = tag;
	if (!(tag & TAG_NO_FLAGS))
		*p++ = ev->flags;
	p = put_varint(p, zigzag(ev->ts - c->ts));
	if (ev->kind != GT_SWITCH || !(tag & TAG_RUNNING))
		p = put_varint(p, ev->task);
	if (ev->kind == GT_SWITCH || (ev->kind == GT_WAKING && !(tag & TAG_RUNNING)))
		p = put_varint(p, ev->peer);
	if (!(tag & TAG_QUIET)) {
		if (ev->kind != GT_WAKING)
			p = put_varint(p, ev->state);
		p = put_varint(p, (uint32_t)ev->syscall + 1);
	}
	if (ev->flags & GT_F_FUTEX) {
		p = put_varint(p, zigzag(ev->u.addr - c->addr));
		p = put_varint(p, ev->op);
		p = put_varint(p, ev->val);
		c->addr = ev->u.addr;
	}
	c->ts = ev->ts;
	if (ev->kind == GT_SWITCH)
		c->running = ev->peer;
	return (size_t)(p - out);
}

static inline void decode_call(struct trace_ctx *c, uint8_t tag, const uint8_t **p,
			       struct gt_event *ev)
{
	if (!(tag & TAG_QUIET)) {
		if (ev->kind != GT_WAKING)
			ev->state = (uint16_t)get_varint(p);
		ev->syscall = (int32_t)((uint32_t)get_varint(p) - 1);
	}
	if (ev->flags & GT_F_FUTEX) {
		c->addr += unzigzag(get_varint(p));
		ev->u.addr = c->addr;
		ev->op = (uint32_t)get_varint(p);
		ev->val = (uint32_t)get_varint(p);
	}
}

static inline void decode_compact(struct trace_ctx *c, uint8_t tag, const uint8_t **p,
				  struct gt_event *ev)
{
	bool running = tag & TAG_RUNNING;

	if (ev->kind == GT_SWITCH) {
		ev->task = running ? c->running : (uint32_t)get_varint(p);
		ev->peer = (uint32_t)get_varint(p);
		c->running = ev->peer;
	} else {
		ev->task = (uint32_t)get_varint(p);
		if (ev->kind == GT_WAKING)
			ev->peer = running ? c->running : (uint32_t)get_varint(p);
	}
	decode_call(c, tag, p, ev);
}

/* ---- kinds that carry their length ---- */

static uint8_t *put_bytes(uint8_t *p, const char *s, size_t max)
{
	size_t n = s ? strnlen(s, max) : 0;

	p = put_varint(p, n);
	if (n)
		memcpy(p, s, n);
	return p + n;
}

static uint8_t *put_mask(uint8_t *p, const struct gt_event *ev)
{
	uint32_t words = ev->u.affinity.words < GT_MASK_WORDS ? ev->u.affinity.words
							      : GT_MASK_WORDS;

	p = put_varint(p, words);
	for (uint32_t i = 0; i < words; i++, p += 8)
		trace_put64(p, ev->u.affinity.mask[i]);
	return p;
}

static uint8_t *put_field(uint8_t *p, const struct field *f, const struct gt_event *ev)
{
	const void *at = (const char *)ev + f->at;

	switch (f->type) {
	case FIELD_U32:
		return put_varint(p, *(const uint32_t *)at);
	case FIELD_S32:
		return put_varint(p, zigzag((uint64_t)(int64_t) * (const int32_t *)at));
	case FIELD_U64:
		return put_varint(p, *(const uint64_t *)at);
	case FIELD_TIME:
		return put_varint(p, zigzag(ev->ts - *(const uint64_t *)at));
	case FIELD_COMM:
		return put_bytes(p, at, GT_COMM_LEN - 1);
	case FIELD_STRING:
		return put_bytes(p, *(const char *const *)at, TRACE_STRING_MAX);
	default:
		return put_mask(p, ev);
	}
}

static size_t encode_fields(struct trace_ctx *c, const struct gt_event *ev, uint8_t *out)
{
	uint8_t payload[TRACE_RECORD_MAX], *end = payload, *p = out;
	size_t n;

	for (const struct field *f = fields[ev->kind]; f->type; f++)
		end = put_field(end, f, ev);
	n = (size_t)(end - payload);
	*p++ = ev->kind | (ev->flags ? 0 : TAG_NO_FLAGS);
	if (ev->flags)
		*p++ = ev->flags;
	p = put_varint(p, zigzag(ev->ts - c->ts));
	p = put_varint(p, n);
	memcpy(p, payload, n);
	c->ts = ev->ts;
	return (size_t)(p - out) + n;
}

/* Fields being read: [p, end) is left of the payload, `own` is where the next string goes. */
struct cursor {
	const uint8_t *p, *end;
	char *own;
};

/* A payload that ends early is from an older minor: what is missing is 0. */
static uint64_t cursor_varint(struct cursor *c)
{
	return c->p < c->end ? get_varint(&c->p) : 0;
}

static int cursor_bytes(struct cursor *c, char *out, size_t max)
{
	uint64_t n = cursor_varint(c);

	if (c->p > c->end || n > (size_t)(c->end - c->p) || n > max)
		return -EBADMSG;
	memcpy(out, c->p, n);
	out[n] = '\0';
	c->p += n;
	return (int)n;
}

static int get_string(struct cursor *c, const char **out)
{
	int n = cursor_bytes(c, c->own, TRACE_STRING_MAX);

	if (n < 0)
		return n;
	*out = c->own;
	c->own += n + 1;
	return 0;
}

static int get_mask(struct cursor *c, struct gt_event *ev)
{
	uint64_t *mask = (uint64_t *)(void *)c->own;
	uint64_t words = cursor_varint(c);

	if (c->p > c->end || words > (size_t)(c->end - c->p) / 8 || words > GT_MASK_WORDS)
		return -EBADMSG;
	for (uint64_t i = 0; i < words; i++, c->p += 8)
		mask[i] = trace_get64(c->p);
	ev->u.affinity.words = (uint32_t)words;
	ev->u.affinity.mask = mask;
	return 0;
}

static int get_field(struct cursor *c, const struct field *f, struct gt_event *ev)
{
	void *at = (char *)ev + f->at;
	int n;

	switch (f->type) {
	case FIELD_U32:
		*(uint32_t *)at = (uint32_t)cursor_varint(c);
		return 0;
	case FIELD_S32:
		*(int32_t *)at = (int32_t)unzigzag(cursor_varint(c));
		return 0;
	case FIELD_U64:
		*(uint64_t *)at = cursor_varint(c);
		return 0;
	case FIELD_TIME:
		*(uint64_t *)at = ev->ts - unzigzag(cursor_varint(c));
		return 0;
	case FIELD_COMM:
		n = cursor_bytes(c, at, GT_COMM_LEN - 1);
		return n < 0 ? n : 0;
	case FIELD_STRING:
		return get_string(c, at);
	default:
		return get_mask(c, ev);
	}
}

/* The first field that points somewhere: it shows the start of the event's own memory. */
static const struct field *first_pointer(uint8_t kind)
{
	for (const struct field *f = fields[kind]; f->type; f++)
		if (f->type == FIELD_STRING || f->type == FIELD_MASK)
			return f;
	return NULL;
}

static int decode_fields(const uint8_t *p, size_t n, struct gt_event *ev)
{
	struct cursor c = { .p = p, .end = p + n };
	char *own = NULL;
	int err = 0;

	memset(&ev->u, 0, sizeof(ev->u));
	if (first_pointer(ev->kind)) {
		own = c.own = malloc(n + 2); /* two terminators: no kind has more strings */
		if (!own)
			return -ENOMEM;
	}
	for (const struct field *f = fields[ev->kind]; f->type && !err; f++)
		err = get_field(&c, f, ev);
	if (!err && c.p > c.end)
		err = -EBADMSG;
	if (err)
		free(own);
	return err;
}

/* ---- any kind ---- */

size_t trace_record_max(uint8_t kind)
{
	const struct field *f;

	if (is_compact(kind))
		return TRACE_COMPACT_MAX;
	f = kind < GT_KIND_COUNT ? first_pointer(kind) : NULL;
	return f && f->type == FIELD_STRING ? TRACE_RECORD_MAX : FIXED_MAX;
}

size_t trace_encode(struct trace_ctx *c, const struct gt_event *ev, uint8_t *out)
{
	if (is_compact(ev->kind))
		return encode_compact(c, ev, out);
	if (ev->kind >= GT_KIND_COUNT || !fields[ev->kind][0].type)
		return 0;
	return encode_fields(c, ev, out);
}

static int decode_sized(uint64_t kind, const uint8_t **pos, const uint8_t *end, struct gt_event *ev)
{
	const uint8_t *p = *pos;
	uint64_t n = get_varint(&p);
	int err;

	if (p > end || n > (size_t)(end - p))
		return -EBADMSG;
	*pos = p + n;
	if (!kind)
		return -EBADMSG;
	if (kind >= GT_KIND_COUNT || !fields[kind][0].type)
		return 0;
	err = decode_fields(p, n, ev);
	return err ? err : 1;
}

int trace_decode(struct trace_ctx *c, const uint8_t **pos, const uint8_t *end, struct gt_event *ev)
{
	const uint8_t *p = *pos;
	uint8_t tag = *p++;
	uint64_t kind = tag & TAG_KIND;
	int ret = 1;

	if (kind == TAG_LONG_KIND)
		kind = get_varint(&p);
	ev->flags = tag & TAG_NO_FLAGS ? 0 : *p++;
	c->ts += unzigzag(get_varint(&p));
	ev->ts = c->ts;
	ev->kind = (uint8_t)kind;
	ev->state = 0;
	ev->task = ev->peer = 0;
	ev->syscall = -1;
	ev->op = ev->val = 0;
	ev->u.addr = 0;
	if (is_compact(ev->kind) && kind == ev->kind)
		decode_compact(c, tag, &p, ev);
	else
		ret = p > end ? -EBADMSG : decode_sized(kind, &p, end, ev);
	*pos = p;
	return p > end ? -EBADMSG : ret;
}

void trace_release(struct gt_event *ev)
{
	const struct field *f = ev->kind < GT_KIND_COUNT ? first_pointer(ev->kind) : NULL;

	if (f)
		free(*(void **)(void *)((char *)ev + f->at));
}
