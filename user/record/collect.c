/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect_stacks.h"
#include "user/image/image_file.h"
#include "user/inspect/inspect.h"
#include "lib/clock.h"
#include "lib/map.h"
#include "lock_probes.h"
#include "lookout.h"
#include "probes.h"
#include "user/helper/own_event.h"
#include "user/helper/symbols.h"

/* A recorder that is killed loses at most this much, and a block is worth compressing. */
#define ROUND_NS 250000000ull

/* How long each of the stacks that were copied last is waited for, at the end. */
#define STACKS_MS 2000

/* Words asked about; a program that waits on more has some without names. */
#define WORDS_MAX 65536

struct collect {
	struct gt_writer *writer;
	struct symbols *symbols;
	struct collect_stacks *stacks;
	struct lock_probes *locks;
	unsigned int want; /* enum inspect_want */
	struct lookout *lookout;
	struct probes *probes; /* of collect_listen(); NULL before */
	struct map words;   /* hash of (address space, address) → 1 once asked about */
	uint64_t round_end; /* when the round under way is to be closed, as marks go */
	int err;	    /* the writer's, kept */
};

struct collect *collect_new(const struct collect_parts *parts)
{
	struct collect *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->writer = parts->writer;
	c->symbols = parts->symbols;
	c->locks = parts->locks;
	c->want = parts->want;
	c->lookout = lookout_new(parts->cwd);
	c->stacks = collect_stacks_new(parts->writer, parts->stacks);
	if (!c->lookout || !c->stacks) {
		collect_free(c);
		return NULL;
	}
	return c;
}

void collect_free(struct collect *c)
{
	if (!c)
		return;
	collect_stacks_free(c->stacks);
	lookout_free(c->lookout);
	map_free(&c->words);
	free(c);
}

static const struct symbols_exec *exec_of(const struct lookout_space *s)
{
	return s->exec.path ? &s->exec : NULL;
}

/* Somebody waits on this word: have it named while the process lives. Asked again later when it
 * can't be now. */
static void name_word(struct collect *c, uint32_t task, uint64_t addr)
{
	const struct lookout_space *s = c->symbols ? lookout_of_task(c->lookout, task) : NULL;
	uint64_t key;

	if (!s)
		return;
	/* Spreads address spaces over all 64 bits: words of two of them do not meet in practice. */
	key = addr + s->as * 0x9e3779b97f4a7c15ull;
	if (map_get(&c->words, key, NULL) || map_len(&c->words) >= WORDS_MAX)
		return;
	if (!symbols_ask(c->symbols, s->as, s->tgid, addr, exec_of(s)))
		map_put(&c->words, key, 1);
}

/* Ask what is mapped there, unless the process has ended. */
static int look_into(void *ctx, const struct lookout_space *s)
{
	struct collect *c = ctx;

	if (s->tgid <= 0 || (kill(s->tgid, 0) && errno == ESRCH))
		return -ESRCH;
	return symbols_inspect(c->symbols, s->as, s->tgid, c->want, exec_of(s));
}

/* The parts of a record that scheduler records share. */
static void from_switch(struct collect *c, struct gt_event *ev, const struct gt_wire_switch *sw)
{
	const struct gt_wire_block *block = (const struct gt_wire_block *)sw;

	ev->peer = sw->peer;
	ev->syscall = sw->syscall;
	if (ev->flags & GT_F_BLOCK) {
		ev->u.addr = block->addr;
		ev->op = block->op;
		ev->val = block->val;
		if (ev->kind != GT_WAKING)
			name_word(c, ev->task, block->addr);
	}
	ev->flags &= (uint8_t)~GT_F_BLOCK; /* the wire's own business */
}

static void from_task(struct collect *c, struct gt_event *ev, const struct gt_wire_task *t)
{
	ev->u.task.parent = t->parent;
	ev->u.task.process = t->process;
	ev->u.task.as = t->as;
	ev->u.task.tid = t->tid;
	ev->u.task.tgid = t->tgid;
	ev->u.task.ppid = t->ppid;
	ev->u.task.clone_flags = t->clone_flags;
	ev->u.task.flags = t->flags;
	ev->u.task.clear_child_tid = t->clear_child_tid;
	ev->u.task.start = t->start;
	memcpy(ev->u.task.comm, t->comm, sizeof(ev->u.task.comm));
	lookout_task(c->lookout, t->hdr.task, t->as, t->tgid, NULL, clock_monotonic());
}

static void from_exec(struct collect *c, struct gt_event *ev, const struct gt_wire_exec *x)
{
	ev->u.exec.tid = x->tid;
	ev->u.exec.tgid = x->tgid;
	ev->u.exec.as = x->as;
	ev->u.exec.dev = x->dev;
	ev->u.exec.ino = x->ino;
	ev->u.exec.start_code = x->start_code;
	ev->u.exec.path = x->path;
	lookout_task(c->lookout, x->hdr.task, x->as, x->tgid, x, clock_monotonic());
}

/* One row per kind of record: how long it must be, and what the trace calls it. */
static const struct {
	uint8_t kind;
	uint16_t size;
} wire[] = {
	[GT_WIRE_SWITCH] = { GT_SWITCH, sizeof(struct gt_wire_switch) },
	[GT_WIRE_WAKING] = { GT_WAKING, sizeof(struct gt_wire_switch) },
	[GT_WIRE_TASK] = { GT_TASK, sizeof(struct gt_wire_task) },
	[GT_WIRE_STATE] = { GT_STATE, sizeof(struct gt_wire_switch) },
	[GT_WIRE_EXEC] = { GT_EXEC, sizeof(struct gt_wire_exec) },
	[GT_WIRE_RENAME] = { GT_RENAME, sizeof(struct gt_wire_rename) },
	[GT_WIRE_EXIT] = { GT_EXIT, sizeof(struct gt_wire_hdr) },
	[GT_WIRE_AFFINITY] = { GT_AFFINITY, sizeof(struct gt_wire_affinity) },
	[GT_WIRE_CPU] = { GT_CPU, sizeof(struct gt_wire_cpu) },
	[GT_WIRE_ON_CPU] = { GT_ON_CPU, sizeof(struct gt_wire_hdr) },
	[GT_WIRE_TASK_SUM] = { GT_TASK_SUM, sizeof(struct gt_wire_task_sum) },
	[GT_WIRE_CPU_SUM] = { GT_CPU_SUM, sizeof(struct gt_wire_cpu_sum) },
	[GT_WIRE_LOST] = { GT_LOST, sizeof(struct gt_wire_lost) },
	[GT_WIRE_LOCK] = { GT_LOCK, sizeof(struct gt_wire_lock) },
	[GT_WIRE_STACK_OF] = { GT_STACK_OF, sizeof(struct gt_wire_stack_of) },
	[GT_WIRE_SAMPLE] = { GT_SAMPLE, sizeof(struct gt_wire_sample) },
};

static void from_other(struct collect *c, struct gt_event *ev, const void *data)
{
	const struct gt_wire_affinity *affinity = data;
	const struct gt_wire_task_sum *task_sum = data;
	const struct gt_wire_cpu_sum *cpu_sum = data;
	const struct gt_wire_rename *name = data;
	const struct gt_wire_lost *lost = data;
	const struct gt_wire_lock *lock = data;
	const struct gt_wire_cpu *span = data;
	const struct gt_wire_stack_of *stack_of = data;
	const struct gt_wire_sample *sample = data;

	switch (ev->kind) {
	case GT_TASK:
		from_task(c, ev, data);
		break;
	case GT_EXEC:
		from_exec(c, ev, data);
		break;
	case GT_RENAME:
		memcpy(ev->u.comm, name->comm, sizeof(ev->u.comm));
		break;
	case GT_AFFINITY:
		ev->u.affinity.words = affinity->words;
		ev->u.affinity.mask = (const uint64_t *)affinity->mask;
		break;
	case GT_LOCK:
		ev->u.lock.addr = lock->lock;
		ev->u.lock.site = lock->site;
		ev->u.lock.role = lock->role;
		break;
	case GT_CPU:
		ev->u.cpu_span.start = span->start;
		ev->u.cpu_span.idle = span->idle;
		break;
	case GT_TASK_SUM:
		ev->u.task_sum.run = task_sum->run;
		ev->u.task_sum.slices = task_sum->slices;
		break;
	case GT_CPU_SUM:
		ev->u.cpu_sum.traced = cpu_sum->traced;
		ev->u.cpu_sum.other = cpu_sum->other;
		ev->u.cpu_sum.idle = cpu_sum->idle;
		break;
	case GT_LOST:
		ev->u.lost.reason = lost->reason;
		ev->u.lost.count = lost->count;
		ev->u.lost.first = lost->first;
		ev->u.lost.last = lost->last;
		break;
	case GT_STACK_OF:
		ev->u.stack_of.stack = stack_of->stack;
		break;
	case GT_SAMPLE:
		ev->u.sample.stack = sample->stack;
		ev->u.sample.period = sample->period;
		break;
	default:
		break;
	}
}

/* A copied stack, or the kernel's part of one: not for the trace, but to be unwound. */
static int from_stack(struct collect *c, uint32_t cpu, const struct gt_wire_hdr *hdr, size_t size)
{
	const struct lookout_space *s = lookout_of_task(c->lookout, hdr->task);
	int err = collect_stacks_record(c->stacks, cpu, hdr, size, s);

	if (err != -EPROTO && err && !c->err)
		c->err = err;
	return err == -EPROTO ? err : 0;
}

static int on_record(void *ctx, uint32_t cpu, const void *data, size_t size)
{
	const struct gt_wire_hdr *hdr = data;
	struct collect *c = ctx;
	struct gt_event ev;
	int err;

	if (size >= sizeof(*hdr) &&
	    (hdr->kind == GT_WIRE_STACK || hdr->kind == GT_WIRE_KERNEL_STACK ||
	     hdr->kind == GT_WIRE_PYTHON_STACK))
		return from_stack(c, cpu, hdr, size);
	if (size < sizeof(*hdr) || hdr->kind >= sizeof(wire) / sizeof(wire[0]) ||
	    !wire[hdr->kind].kind || size < wire[hdr->kind].size)
		return -EPROTO; /* both sides are built together: this cannot happen */
	memset(&ev, 0, sizeof(ev));
	ev.ts = hdr->ts;
	ev.cpu = cpu;
	ev.kind = wire[hdr->kind].kind;
	ev.flags = hdr->flags;
	ev.task = hdr->task;
	ev.syscall = -1;
	if (ev.kind == GT_SWITCH || ev.kind == GT_WAKING || ev.kind == GT_STATE) {
		ev.state = hdr->state;
		from_switch(c, &ev, data);
	}
	else
		from_other(c, &ev, data);
	err = gt_writer_event(c->writer, &ev);
	if (err && !c->err)
		c->err = err; /* the rings are drained all the same: the kernel side must not stall
			       */
	return 0;
}

/* A record of the collector's own stream. */
static int on_event(void *ctx, const struct gt_event *ev)
{
	struct collect *c = ctx;
	int err = gt_writer_event(c->writer, ev);

	if (err && !c->err)
		c->err = err;
	return 0;
}

static int on_image(void *ctx, const struct inspect_image *image)
{
	struct inspect_image of_none;
	struct collect *c = ctx;

	if (!lookout_left(c->lookout, image->as)) {
		if (image->as && image->python.minor && c->probes)
			probes_python(c->probes, image->as, &image->python);
		return lock_probes_image(c->locks, image, on_event, c);
	}
	/* It is a program's, but not of that address space. */
	of_none = *image;
	of_none.as = 0;
	return lock_probes_image(c->locks, &of_none, on_event, c);
}

static const struct symbols_sink sink = { .symbol = on_event, .image = on_image };

int collect_inspect(struct collect *c, const char *path, int ms)
{
	struct inspect_image image = { .fd = -1 };
	int fd, err;

	if (!c->symbols || !(c->want & ~INSPECT_DEBUG))
		return 0;
	fd = image_file_open(path);
	if (fd < 0)
		return fd;
	err = symbols_inspect_file(c->symbols, fd, path, c->want, ms, &image);
	close(fd);
	if (!err && (image.nplaces || image.note[0])) {
		lock_probes_image(c->locks, &image, on_event, c);
		image.fd = -1;
	}
	inspect_image_release(&image);
	return err;
}

static int know(void *ctx, const struct gt_wire_stack_key *key,
		const struct gt_wire_stack_shape *shape)
{
	return probes_know(ctx, key, shape);
}

void collect_listen(struct collect *c, struct probes *p)
{
	c->probes = p;
	probes_listen(p, on_record, c);
}

int collect_round(struct collect *c, struct probes *p)
{
	uint64_t mark;
	int err = probes_drain(p, &mark), failed;

	failed = collect_stacks_round(c->stacks, know, p);
	if (failed && !c->err)
		c->err = failed;

	if (c->symbols) {
		symbols_collect(c->symbols, &sink, c);
		lookout_round(c->lookout, clock_monotonic(), look_into, c);
	}
	if (!err && mark && mark >= c->round_end) {
		err = gt_writer_mark(c->writer, mark);
		c->round_end = mark + ROUND_NS;
	}
	return c->err ? c->err : err;
}

bool collect_soon(const struct collect *c)
{
	return c->symbols && lookout_young(c->lookout);
}

static int on_futex(void *ctx, const struct gt_wire_futex_key *key, uint64_t count)
{
	struct collect *c = ctx;
	struct gt_event ev = own_event(GT_FUTEX_COUNT);

	ev.ts = c->round_end;
	ev.u.futex_count.addr = key->addr;
	ev.u.futex_count.as = key->as;
	ev.u.futex_count.process = key->process;
	ev.u.futex_count.op = key->op;
	ev.u.futex_count.result = key->result;
	ev.u.futex_count.count = count;
	return gt_writer_event(c->writer, &ev);
}

int collect_finish(struct collect *c, struct probes *p)
{
	int err = probes_drain_last(p), failed;

	failed = collect_stacks_finish(c->stacks, STACKS_MS);
	if (failed && !c->err)
		c->err = failed;
	if (c->symbols)
		symbols_stop(c->symbols, 1000, &sink, c);
	c->round_end = clock_monotonic(); /* the counts are told last, in the same stream */
	if (!err)
		err = probes_read_futex(p, on_futex, c);
	if (!err)
		err = gt_writer_mark(c->writer, UINT64_MAX);
	return c->err ? c->err : err;
}

uint64_t collect_skipped(const struct collect *c)
{
	return collect_stacks_skipped(c->stacks);
}
