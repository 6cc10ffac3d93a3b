/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define START 1000000000ull
#define RECORDS_MAX 3000

/*
 * One record. `wild` makes some fields as large as they can be: by default they are small, which is
 * what lets them meet others.
 */
struct __attribute__((packed)) record {
	uint8_t kind, cpu, flags, wild;
	uint16_t delta; /* of time, shifted left by the low 5 bits of `shift` */
	uint8_t shift, state;
	uint8_t task, peer, syscall, op;
	uint32_t val;
	uint32_t a, b, c; /* numbers, by kind */
	uint8_t d, e, f, g;
	char text[8];
};

_Static_assert(sizeof(struct record) == RECORDS_SIZE, "a record's bytes");

enum wild {
	WILD_TASK = 1 << 0,
	WILD_TIME = 1 << 1, /* delta counts backwards */
	WILD_A = 1 << 2,
	WILD_B = 1 << 3,
	WILD_TEXT = 1 << 4, /* longer than any name */
	WILD_MARK = 1 << 5, /* a mark follows */
	WILD_SYSCALL = 1 << 6,
	WILD_CPU = 1 << 7,
};

/* Wide where the record says so: the low bits pick the top ones, too. */
static uint64_t wide(const struct record *r, uint8_t bit, uint64_t small)
{
	return r->wild & bit ? small * 0x9e3779b97f4a7c15ull : small;
}

struct maker {
	struct gt_writer *w;
	uint64_t now;
	char text[6000];
	uint64_t mask[GT_MASK_WORDS];
	uint32_t frames[GT_STACK_FRAMES_MAX];
};

static const char *text_of(struct maker *m, const struct record *r)
{
	size_t n = strnlen(r->text, sizeof(r->text));

	memcpy(m->text, r->text, n);
	if (r->wild & WILD_TEXT && n)
		for (; n + 1 < sizeof(m->text); n++)
			m->text[n] = m->text[n % sizeof(r->text) ? n % sizeof(r->text) - 1 : 0];
	m->text[n] = '\0';
	return m->text;
}

/* ---- fields by kind: both ways in one table of functions would hide them; here one after another ---- */

static void get_task(const struct record *r, struct gt_event *ev)
{
	ev->u.task.parent = ev->peer;
	ev->u.task.process = r->d;
	ev->u.task.as = r->e;
	ev->u.task.tid = (int32_t)wide(r, WILD_A, r->a);
	ev->u.task.tgid = (int32_t)r->b;
	ev->u.task.flags = r->f;
	ev->u.task.clone_flags = r->g ? 0x3d0f00 : 0;
	ev->u.task.clear_child_tid = r->c;
	ev->u.task.start = ev->ts - wide(r, WILD_B, r->val);
	memcpy(ev->u.task.comm, r->text, sizeof(r->text));
}

static void get_symbol(struct maker *m, const struct record *r, struct gt_event *ev)
{
	ev->u.symbol.as = r->d;
	ev->u.symbol.addr = wide(r, WILD_A, r->a);
	ev->u.symbol.name = text_of(m, r);
	ev->u.symbol.image = r->e ? "/usr/lib/libpython3.11.so" : "";
	ev->u.symbol.image_offset = r->b;
	ev->u.symbol.shared_dev = r->f;
	ev->u.symbol.shared_ino = r->g;
	ev->u.symbol.shared_offset = wide(r, WILD_B, r->c);
}

static void get_stack(struct maker *m, const struct record *r, struct gt_event *ev)
{
	ev->u.stack.stack = (uint32_t)wide(r, WILD_A, r->a);
	ev->u.stack.flags = r->d;
	ev->u.stack.nframes = r->wild & WILD_B ? GT_STACK_FRAMES_MAX : r->e % 9;
	for (uint32_t i = 0; i < ev->u.stack.nframes; i++)
		m->frames[i] = (uint8_t)r->text[i % sizeof(r->text)] + i / 8 * r->f;
	ev->u.stack.frames = m->frames;
}

/* Of the kinds that have nothing but numbers and a name. */
static void get_numbers(struct maker *m, const struct record *r, struct gt_event *ev)
{
	uint64_t a = wide(r, WILD_A, r->a), b = wide(r, WILD_B, r->b);
	const char *text = text_of(m, r);

	switch (ev->kind) {
	case GT_CPU:
		ev->u.cpu_span.start = ev->ts - a;
		ev->u.cpu_span.idle = b;
		break;
	case GT_TASK_SUM:
		ev->u.task_sum.run = a;
		ev->u.task_sum.slices = b;
		break;
	case GT_CPU_SUM:
		ev->u.cpu_sum.traced = a;
		ev->u.cpu_sum.other = b;
		ev->u.cpu_sum.idle = r->c;
		break;
	case GT_LOST:
		ev->u.lost.reason = r->d;
		ev->u.lost.count = (uint32_t)b;
		ev->u.lost.first = ev->ts - a;
		ev->u.lost.last = ev->ts - r->c;
		break;
	case GT_FUTEX_COUNT:
		ev->u.futex_count.addr = a;
		ev->u.futex_count.as = r->d;
		ev->u.futex_count.process = r->e;
		ev->u.futex_count.op = r->op;
		ev->u.futex_count.result = (int8_t)r->f;
		ev->u.futex_count.count = b;
		break;
	case GT_LOCK:
		ev->u.lock.addr = a;
		ev->u.lock.site = r->d;
		ev->u.lock.role = r->e;
		break;
	case GT_LOCK_SITE:
		ev->u.lock_site.site = r->d;
		ev->u.lock_site.role = r->e;
		ev->u.lock_site.flags = r->f;
		ev->u.lock_site.interpreter = r->g;
		ev->u.lock_site.name = text;
		ev->u.lock_site.image = r->a ? "/usr/bin/ruby" : text;
		break;
	case GT_INTERPRETER:
		ev->u.interpreter.as = r->d;
		ev->u.interpreter.kind = r->e;
		ev->u.interpreter.flags = r->f;
		ev->u.interpreter.version = (uint32_t)a;
		ev->u.interpreter.name = text;
		ev->u.interpreter.image = r->g ? "/usr/bin/python3.11" : text;
		break;
	case GT_NOTE:
		ev->u.note.as = r->d;
		ev->u.note.text = text;
		break;
	case GT_STACK_OF:
		ev->u.stack_of.stack = (uint32_t)a;
		break;
	case GT_SAMPLE:
		ev->u.sample.stack = (uint32_t)a;
		ev->u.sample.period = b;
		break;
	case GT_FRAME:
		ev->u.frame.frame = (uint32_t)a;
		ev->u.frame.kind = r->d;
		ev->u.frame.line = (uint32_t)b;
		ev->u.frame.name = text;
		ev->u.frame.image = r->e ? "/usr/bin/python3.11" : text;
		ev->u.frame.file = r->f ? "script.py" : text;
		break;
	default:
		break;
	}
}

static void get_rest(struct maker *m, const struct record *r, struct gt_event *ev)
{
	switch (ev->kind) {
	case GT_SWITCH:
	case GT_WAKING:
	case GT_STATE:
		ev->u.addr = wide(r, WILD_A, r->a);
		break;
	case GT_TASK:
		get_task(r, ev);
		break;
	case GT_EXEC:
		ev->u.exec.tid = (int32_t)r->a;
		ev->u.exec.tgid = (int32_t)r->b;
		ev->u.exec.as = r->d;
		ev->u.exec.dev = r->e;
		ev->u.exec.ino = r->f;
		ev->u.exec.start_code = wide(r, WILD_B, r->c);
		ev->u.exec.path = text_of(m, r);
		break;
	case GT_RENAME:
		memcpy(ev->u.comm, r->text, sizeof(r->text));
		break;
	case GT_AFFINITY:
		ev->u.affinity.words = r->d % (GT_MASK_WORDS + 1);
		for (uint32_t i = 0; i < GT_MASK_WORDS; i++)
			m->mask[i] = r->a >> i;
		ev->u.affinity.mask = m->mask;
		break;
	case GT_SYMBOL:
		get_symbol(m, r, ev);
		break;
	case GT_STACK:
		get_stack(m, r, ev);
		break;
	default:
		get_numbers(m, r, ev);
	}
}

static void write_one(struct maker *m, const struct record *r)
{
	uint64_t delta = (uint64_t)r->delta << (r->shift & 31);
	struct gt_event ev = {
		.kind = (uint8_t)(1 + r->kind % (GT_KIND_COUNT - 1)),
		.flags = r->flags,
		.cpu = r->wild & WILD_CPU ? GT_CPU_COLLECTOR : r->cpu,
		.state = r->state,
		.task = (uint32_t)wide(r, WILD_TASK, r->task),
		.peer = r->peer,
		.syscall = r->wild & WILD_SYSCALL ? -1 : r->syscall,
		.op = r->op,
		.val = r->val,
	};

	m->now = r->wild & WILD_TIME ? m->now - delta : m->now + delta;
	ev.ts = m->now;
	get_rest(m, r, &ev);
	FUZZ_CHECK(!gt_writer_event(m->w, &ev));
	if (r->wild & WILD_MARK)
		FUZZ_CHECK(!gt_writer_mark(m->w, m->now));
}

struct __attribute__((packed)) head {
	uint8_t stacks, sample_hz, cpus, target;
	uint8_t flags; /* 1: incomplete, 2: exited, 4: futex calls, 8: lock probes */
	uint8_t quota, exit, window;
};

_Static_assert(sizeof(struct head) == RECORDS_HEAD, "the bytes before the records");

static void write_meta(struct maker *m, const struct head *h)
{
	static int32_t pids[] = { 1, 2, 3 };
	static char *command[] = { "./workload", "\033[1m", NULL };
	struct gt_meta meta = {
		.giltrace = "0.1.0",
		.command = h->target % 3 ? NULL : command,
		.exe = "/srv/workload",
		.target = h->target % 3,
		.pids = pids,
		.npids = h->target % 3 == 1 ? 3 : 0,
		.exited = h->flags & 2,
		.exit_code = h->exit,
		.start = START,
		.end = h->window & 128 ? 0 : START + ((uint64_t)h->window << 22),
		.kernel = "6.1.0",
		.arch = "x86_64",
		.clock = "tsc",
		.cpus_online = h->cpus & 15,
		.cpus_allowed = h->cpus >> 4,
		.cpu_quota = h->quota / 16.0,
		.futex_calls = h->flags & 4,
		.lock_probes = h->flags & 8,
		.stacks = h->stacks,
		.sample_hz = h->sample_hz,
	};

	FUZZ_CHECK(!gt_writer_meta(m->w, &meta));
}

int records_trace(struct fuzz_input *in)
{
	struct maker m = { .now = START };
	int fd = memfd_create("records", MFD_CLOEXEC);
	struct record r;
	struct head h;

	FUZZ_CHECK(fd >= 0);
	m.w = gt_writer_new(dup(fd));
	FUZZ_CHECK(m.w);
	fuzz_take_bytes(in, &h, sizeof(h));
	write_meta(&m, &h);
	for (int i = 0; i < RECORDS_MAX && in->size; i++) {
		fuzz_take_bytes(in, &r, sizeof(r));
		write_one(&m, &r);
	}
	if (h.flags & 1)
		FUZZ_CHECK(!gt_writer_mark(m.w, m.now));
	else
		FUZZ_CHECK(!gt_writer_finish(m.w));
	gt_writer_free(m.w);
	return fd;
}

/* ---- the other way, for seeds: what does not fit is cut ---- */

static void put_text(struct record *r, const char *text)
{
	size_t n = strnlen(text ? text : "", sizeof(r->text));

	if (n)
		memcpy(r->text, text, n);
}

static void put_task(struct record *r, const struct gt_event *ev)
{
	r->peer = (uint8_t)ev->u.task.parent;
	r->d = (uint8_t)ev->u.task.process;
	r->e = (uint8_t)ev->u.task.as;
	r->a = (uint32_t)ev->u.task.tid;
	r->b = (uint32_t)ev->u.task.tgid;
	r->f = (uint8_t)ev->u.task.flags;
	r->g = ev->u.task.clone_flags != 0;
	r->c = (uint32_t)ev->u.task.clear_child_tid;
	r->val = (uint32_t)(ev->ts - ev->u.task.start);
	put_text(r, ev->u.task.comm);
}

static void put_stack(struct record *r, const struct gt_event *ev)
{
	r->a = ev->u.stack.stack;
	r->d = (uint8_t)ev->u.stack.flags;
	r->e = (uint8_t)(ev->u.stack.nframes < 8 ? ev->u.stack.nframes : 8);
	for (uint32_t i = 0; i < r->e; i++)
		r->text[i] = (char)ev->u.stack.frames[i];
}

static void put_numbers(struct record *r, const struct gt_event *ev)
{
	switch (ev->kind) {
	case GT_CPU:
		r->a = (uint32_t)(ev->ts - ev->u.cpu_span.start);
		r->b = (uint32_t)ev->u.cpu_span.idle;
		break;
	case GT_TASK_SUM:
		r->a = (uint32_t)ev->u.task_sum.run;
		r->b = (uint32_t)ev->u.task_sum.slices;
		break;
	case GT_LOST:
		r->d = (uint8_t)ev->u.lost.reason;
		r->b = ev->u.lost.count;
		r->a = (uint32_t)(ev->ts - ev->u.lost.first);
		r->c = (uint32_t)(ev->ts - ev->u.lost.last);
		break;
	case GT_FUTEX_COUNT:
		r->a = (uint32_t)ev->u.futex_count.addr;
		r->d = (uint8_t)ev->u.futex_count.as;
		r->e = (uint8_t)ev->u.futex_count.process;
		r->op = (uint8_t)ev->u.futex_count.op;
		r->f = (uint8_t)ev->u.futex_count.result;
		r->b = (uint32_t)ev->u.futex_count.count;
		break;
	case GT_LOCK:
		r->a = (uint32_t)ev->u.lock.addr;
		r->d = (uint8_t)ev->u.lock.site;
		r->e = (uint8_t)ev->u.lock.role;
		break;
	case GT_LOCK_SITE:
		r->d = (uint8_t)ev->u.lock_site.site;
		r->e = (uint8_t)ev->u.lock_site.role;
		r->f = (uint8_t)ev->u.lock_site.flags;
		r->g = (uint8_t)ev->u.lock_site.interpreter;
		put_text(r, ev->u.lock_site.name);
		break;
	case GT_INTERPRETER:
		r->d = (uint8_t)ev->u.interpreter.as;
		r->e = (uint8_t)ev->u.interpreter.kind;
		r->f = (uint8_t)ev->u.interpreter.flags;
		r->a = ev->u.interpreter.version;
		put_text(r, ev->u.interpreter.name);
		break;
	case GT_NOTE:
		r->d = (uint8_t)ev->u.note.as;
		put_text(r, ev->u.note.text);
		break;
	case GT_STACK_OF:
		r->a = ev->u.stack_of.stack;
		break;
	case GT_SAMPLE:
		r->a = ev->u.sample.stack;
		r->b = (uint32_t)ev->u.sample.period;
		break;
	case GT_FRAME:
		r->a = ev->u.frame.frame;
		r->d = (uint8_t)ev->u.frame.kind;
		r->b = ev->u.frame.line;
		put_text(r, ev->u.frame.name);
		break;
	default:
		break;
	}
}

void records_put(const struct gt_event *ev, uint64_t *last, uint8_t out[RECORDS_SIZE])
{
	uint64_t delta = *last ? ev->ts - *last : 0;
	struct record r = {
		.kind = (uint8_t)(ev->kind - 1),
		.cpu = (uint8_t)ev->cpu,
		.wild = (ev->cpu == GT_CPU_COLLECTOR ? WILD_CPU : 0) |
			(ev->syscall < 0 || ev->syscall > 255 ? WILD_SYSCALL : 0),
		.flags = ev->flags,
		.state = (uint8_t)ev->state,
		.task = (uint8_t)ev->task,
		.peer = (uint8_t)ev->peer,
		.syscall = (uint8_t)ev->syscall,
		.op = (uint8_t)ev->op,
		.val = ev->val,
	};

	for (; delta > UINT16_MAX; delta >>= 1)
		r.shift++;
	r.delta = (uint16_t)delta;
	*last = ev->ts;
	switch (ev->kind) {
	case GT_SWITCH:
	case GT_WAKING:
	case GT_STATE:
		r.a = (uint32_t)ev->u.addr;
		break;
	case GT_TASK:
		put_task(&r, ev);
		break;
	case GT_EXEC:
		r.d = (uint8_t)ev->u.exec.as;
		r.a = (uint32_t)ev->u.exec.tid;
		r.b = (uint32_t)ev->u.exec.tgid;
		put_text(&r, ev->u.exec.path);
		break;
	case GT_RENAME:
		put_text(&r, ev->u.comm);
		break;
	case GT_SYMBOL:
		r.d = (uint8_t)ev->u.symbol.as;
		r.a = (uint32_t)ev->u.symbol.addr;
		put_text(&r, ev->u.symbol.name);
		break;
	case GT_STACK:
		put_stack(&r, ev);
		break;
	default:
		put_numbers(&r, ev);
	}
	memcpy(out, &r, sizeof(r));
}

void records_put_head(const struct gt_meta *meta, uint8_t out[RECORDS_HEAD])
{
	uint64_t window = meta->end ? (meta->end - meta->start) >> 22 : 128;
	struct head h = {
		.stacks = (uint8_t)meta->stacks,
		.sample_hz = (uint8_t)meta->sample_hz,
		.cpus = (uint8_t)((meta->cpus_online & 15) | (meta->cpus_allowed & 15) << 4),
		.target = (uint8_t)meta->target,
		.flags = (uint8_t)((meta->exited ? 2 : 0) | (meta->futex_calls ? 4 : 0) |
				   (meta->lock_probes ? 8 : 0)),
		.window = (uint8_t)(window < 127 ? window : 127),
	};

	memcpy(out, &h, sizeof(h));
}
