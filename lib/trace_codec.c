/* SPDX-License-Identifier: MIT */
/*
 * SWITCH, WAKING and STATE are nearly all of a trace: they have a compact form of their own. Every
 * other kind carries its length (trace_fields.c).
 */
#include "lib/trace_codec.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/trace_fields.h"
#include "lib/trace_varint.h"

/* A record begins with a tag: kind in the low five bits, and what the compact forms leave out. */
#define TAG_KIND 0x1f
#define TAG_LONG_KIND 0x1f /* the kind follows as a varint */
#define TAG_RUNNING 0x20   /* SWITCH's task or WAKING's peer is who the last SWITCH put here */
#define TAG_QUIET 0x40	   /* state 0 and no system call */
#define TAG_NO_FLAGS 0x80  /* flags 0 */

_Static_assert(GT_KIND_COUNT <= TAG_LONG_KIND, "the encoder makes no long kinds yet");

static inline bool is_compact(uint8_t kind)
{
	return kind == GT_SWITCH || kind == GT_WAKING || kind == GT_STATE;
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

/* `kind` is a constant wherever this is called. */
static inline __attribute__((always_inline)) void decode_compact(struct trace_ctx *c, uint8_t kind,
								 uint8_t tag, const uint8_t **pos,
								 struct gt_event *ev)
{
	const uint8_t *p = *pos;
	uint32_t running = c->running;
	bool has_call = !(tag & TAG_QUIET);

	ev->task = kind == GT_SWITCH && tag & TAG_RUNNING ? running : (uint32_t)get_varint(&p);
	if (kind == GT_SWITCH)
		ev->peer = c->running = (uint32_t)get_varint(&p);
	else if (kind == GT_WAKING)
		ev->peer = tag & TAG_RUNNING ? running : (uint32_t)get_varint(&p);
	else
		ev->peer = 0;
	ev->state = kind != GT_WAKING && has_call ? (uint16_t)get_varint(&p) : 0;
	ev->syscall = has_call ? (int32_t)((uint32_t)get_varint(&p) - 1) : -1;
	if (ev->flags & GT_F_FUTEX) {
		c->addr += unzigzag(get_varint(&p));
		ev->u.addr = c->addr;
		ev->op = (uint32_t)get_varint(&p);
		ev->val = (uint32_t)get_varint(&p);
	} else {
		ev->u.addr = 0;
		ev->op = ev->val = 0;
	}
	*pos = p;
}

/* ---- kinds that carry their length ---- */

static size_t encode_sized(struct trace_ctx *c, const struct gt_event *ev, uint8_t *out)
{
	uint8_t payload[TRACE_RECORD_MAX], *p = out;
	size_t n = trace_fields_put(ev, payload);

	*p++ = ev->kind | (ev->flags ? 0 : TAG_NO_FLAGS);
	if (ev->flags)
		*p++ = ev->flags;
	p = put_varint(p, zigzag(ev->ts - c->ts));
	p = put_varint(p, n);
	memcpy(p, payload, n);
	c->ts = ev->ts;
	return (size_t)(p - out) + n;
}

static int decode_sized(uint64_t kind, const uint8_t **pos, const uint8_t *end, struct gt_event *ev)
{
	const uint8_t *p = *pos;
	uint64_t n = get_varint(&p);
	int err;

	if (!kind || p > end || n > (size_t)(end - p))
		return -EBADMSG;
	*pos = p + n;
	if (!trace_fields_known(kind))
		return 0;
	err = trace_fields_get(p, n, ev);
	return err ? err : 1;
}

/* ---- any kind ---- */

size_t trace_record_max(uint8_t kind)
{
	return is_compact(kind) ? TRACE_COMPACT_MAX : 2 + 2 * VARINT_MAX + trace_fields_max(kind);
}

size_t trace_encode(struct trace_ctx *c, const struct gt_event *ev, uint8_t *out)
{
	if (is_compact(ev->kind))
		return encode_compact(c, ev, out);
	return trace_fields_known(ev->kind) ? encode_sized(c, ev, out) : 0;
}

/* A kind that carries its length, or one whose number does not fit into the tag. */
static int decode_other(uint64_t kind, const uint8_t **pos, const uint8_t *end, struct gt_event *ev)
{
	ev->kind = (uint8_t)kind;
	ev->state = 0;
	ev->task = ev->peer = 0;
	ev->syscall = -1;
	ev->op = ev->val = 0;
	ev->u.addr = 0;
	return *pos > end ? -EBADMSG : decode_sized(kind, pos, end, ev);
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
	if (kind == GT_SWITCH)
		decode_compact(c, GT_SWITCH, tag, &p, ev);
	else if (kind == GT_WAKING)
		decode_compact(c, GT_WAKING, tag, &p, ev);
	else if (kind == GT_STATE)
		decode_compact(c, GT_STATE, tag, &p, ev);
	else
		ret = decode_other(kind, &p, end, ev);
	*pos = p;
	return p > end ? -EBADMSG : ret;
}
