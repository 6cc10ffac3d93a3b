/* SPDX-License-Identifier: MIT */
#include "lib/trace_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace_format.h"
#include "lib/trace_varint.h"

#define FIXED_MAX 256	 /* bytes of fields without a string: a full mask is the longest */
#define STRINGS_MAX 12600 /* three strings, or a list, and the numbers beside them */

enum field_type {
	FIELD_NONE, /* ends a list */
	FIELD_U32,
	FIELD_S32,
	FIELD_U64,
	FIELD_TIME, /* relative to the record's own time */
	FIELD_COMM,
	FIELD_STRING,
	FIELD_MASK, /* u.affinity */
	FIELD_LIST, /* u.stack: the list and its length */
};

struct field {
	uint8_t type;
	uint8_t at; /* offset in struct gt_event */
};

/* One field a line would hide the shape of the table. */
/* clang-format off */
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
	[GT_LOCK] = { FIELD(U32, task), FIELD(U64, u.lock.addr), FIELD(U32, u.lock.site), FIELD(U32, u.lock.role) },
	[GT_LOCK_SITE] = {
		FIELD(U32, u.lock_site.site), FIELD(U32, u.lock_site.role), FIELD(U32, u.lock_site.flags),
		FIELD(U32, u.lock_site.interpreter), FIELD(STRING, u.lock_site.name),
		FIELD(STRING, u.lock_site.image),
	},
	[GT_INTERPRETER] = {
		FIELD(U32, u.interpreter.as), FIELD(U32, u.interpreter.kind), FIELD(U32, u.interpreter.version),
		FIELD(U32, u.interpreter.flags), FIELD(STRING, u.interpreter.name),
		FIELD(STRING, u.interpreter.image),
	},
	[GT_NOTE] = { FIELD(U32, u.note.as), FIELD(STRING, u.note.text) },
	[GT_STACK_OF] = { FIELD(U32, task), FIELD(U32, u.stack_of.stack) },
	[GT_SAMPLE] = { FIELD(U32, task), FIELD(U32, u.sample.stack), FIELD(U64, u.sample.period) },
	[GT_STACK] = {
		FIELD(U32, u.stack.stack), FIELD(U32, u.stack.flags), FIELD(LIST, u.stack.frames),
	},
	[GT_FRAME] = {
		FIELD(U32, u.frame.frame), FIELD(U32, u.frame.kind), FIELD(U32, u.frame.line),
		FIELD(STRING, u.frame.name), FIELD(STRING, u.frame.image), FIELD(STRING, u.frame.file),
	},
};

/* clang-format on */

/* ---- writing ---- */

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

static uint8_t *put_list(uint8_t *p, const struct gt_event *ev)
{
	uint32_t n = ev->u.stack.nframes < GT_STACK_FRAMES_MAX ? ev->u.stack.nframes
							       : GT_STACK_FRAMES_MAX;

	p = put_varint(p, n);
	for (uint32_t i = 0; i < n; i++)
		p = put_varint(p, ev->u.stack.frames[i]);
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
	case FIELD_LIST:
		return put_list(p, ev);
	default:
		return put_mask(p, ev);
	}
}

size_t trace_fields_put(const struct gt_event *ev, uint8_t *out)
{
	uint8_t *end = out;

	for (const struct field *f = fields[ev->kind]; f->type; f++)
		end = put_field(end, f, ev);
	return (size_t)(end - out);
}

/* ---- reading ---- */

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

/* Each number takes a byte at least, so `own` has room for as many as the payload can hold. */
static int get_list(struct cursor *c, struct gt_event *ev)
{
	uint32_t *list = (uint32_t *)(void *)c->own;
	uint64_t n = cursor_varint(c);

	if (c->p > c->end || n > (size_t)(c->end - c->p) || n > GT_STACK_FRAMES_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++)
		list[i] = (uint32_t)cursor_varint(c);
	ev->u.stack.nframes = (uint32_t)n;
	ev->u.stack.frames = list;
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
	case FIELD_LIST:
		return get_list(c, ev);
	default:
		return get_mask(c, ev);
	}
}

/* The first field that points somewhere: it shows the start of the event's own memory. */
static const struct field *first_pointer(uint8_t kind)
{
	for (const struct field *f = fields[kind]; f->type; f++)
		if (f->type == FIELD_STRING || f->type == FIELD_MASK || f->type == FIELD_LIST)
			return f;
	return NULL;
}

int trace_fields_get(const uint8_t *p, size_t n, struct gt_event *ev)
{
	struct cursor c = { .p = p, .end = p + n };
	char *own = NULL;
	int err = 0;

	memset(&ev->u, 0, sizeof(ev->u));
	if (first_pointer(ev->kind)) {
		/* Three terminators: no kind has more strings. A list takes four bytes a number. */
		own = c.own = malloc(ev->kind == GT_STACK ? 4 * n + 4 : n + 3);
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

/* ---- about kinds ---- */

bool trace_fields_known(uint64_t kind)
{
	return kind < GT_KIND_COUNT && fields[kind][0].type;
}

size_t trace_fields_max(uint8_t kind)
{
	const struct field *f = kind < GT_KIND_COUNT ? first_pointer(kind) : NULL;

	return f && f->type != FIELD_MASK ? STRINGS_MAX : FIXED_MAX;
}

void trace_fields_release(struct gt_event *ev)
{
	const struct field *f = ev->kind < GT_KIND_COUNT ? first_pointer(ev->kind) : NULL;

	if (f)
		free(*(void **)(void *)((char *)ev + f->at));
}
