/* SPDX-License-Identifier: MIT */
#include "collect_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/map.h"
#include "lookout.h"
#include "user/helper/own_event.h"
#include "user/helper/stacks.h"

#define WAYS 4 /* as many as the kernel side looks at */

/* Places of which it is remembered what the kernel side was told; then all is forgotten, and ways
 * are given out anew. */
#define PLACES_MAX 65536

/* Stacks with one and the same ip, sp and `more`. */
struct place {
	struct gt_wire_stack_key key;
	uint64_t fold[WAYS];
	uint32_t told;	    /* of `fold`, up to WAYS */
	uint32_t next;	    /* to be replaced when all are taken */
	struct place *less; /* another one whose key has the same hash */
};

/* What came before its STACK, which may come in the next drain only, after other CPUs' records. */
struct waiting {
	struct gt_wire_kernel_stack kernel; /* stack 0: none */
	struct gt_wire_python_stack python; /* likewise */
};

struct collect_stacks {
	struct gt_writer *writer;
	struct stacks *helper;
	struct map asked;		      /* ids that have no GT_STACK yet */
	struct map places;		      /* hash → struct place */
	struct waiting *waiting[GT_MAX_CPUS]; /* NULL: nothing ever was */
	uint64_t skipped;
	collect_stacks_know know;
	void *know_ctx;
	int err; /* the writer's */
};

struct collect_stacks *collect_stacks_new(struct gt_writer *writer, struct stacks *helper)
{
	struct collect_stacks *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->writer = writer;
	c->helper = helper;
	return c;
}

static void forget_places(struct collect_stacks *c)
{
	uint64_t key, value;
	size_t pos = 0;

	while (map_next(&c->places, &pos, &key, &value)) {
		struct place *p = (void *)(uintptr_t)value, *less;

		for (; p; p = less) {
			less = p->less;
			free(p);
		}
	}
	map_free(&c->places);
}

void collect_stacks_free(struct collect_stacks *c)
{
	if (!c)
		return;
	forget_places(c);
	map_free(&c->asked);
	for (uint32_t i = 0; i < GT_MAX_CPUS; i++)
		free(c->waiting[i]);
	free(c);
}

uint64_t collect_stacks_skipped(const struct collect_stacks *c)
{
	return c->skipped;
}

static void write_event(struct collect_stacks *c, const struct gt_event *ev)
{
	int err = gt_writer_event(c->writer, ev);

	if (err && !c->err)
		c->err = err;
}

/* A stack of which there will be no frames. */
static void skip(struct collect_stacks *c, uint32_t stack)
{
	struct gt_event ev = own_event(GT_STACK);

	ev.u.stack.stack = stack;
	ev.u.stack.flags = GT_STACK_SKIPPED;
	c->skipped++;
	write_event(c, &ev);
}

static int ask(struct collect_stacks *c, const struct gt_wire_stack *s, const struct waiting *w,
	       const struct lookout_space *space)
{
	const struct gt_wire_kernel_stack *kernel = w && w->kernel.stack == s->stack ? &w->kernel
										     : NULL;
	const struct gt_wire_python_stack *python = w && w->python.stack == s->stack ? &w->python
										     : NULL;
	const struct symbols_exec *exec = NULL;
	pid_t tgid = 0;
	int err;

	/* A part of it is missing: without, it would pass for another stack. */
	if (!c->helper || (!kernel && !python && s->more & ~(uint64_t)GT_STACK_ONCE))
		return -EPIPE;
	/* Else it has gone on to another program. */
	if (space && space->as == s->as) {
		tgid = space->tgid;
		exec = space->exec.path ? &space->exec : NULL;
	}
	err = stacks_ask(c->helper, s, s + 1, kernel, python, tgid, exec);
	return err ? err : map_put(&c->asked, s->stack, 1);
}

static int take_stack(struct collect_stacks *c, struct waiting *w, const struct gt_wire_stack *s,
		      size_t size, const struct lookout_space *space)
{
	if (size < sizeof(*s) || s->bytes > size - sizeof(*s))
		return -EPROTO;
	if (ask(c, s, w, space))
		skip(c, s->stack);
	if (w)
		w->kernel.stack = w->python.stack = 0;
	return c->err;
}

static int take_kernel(struct waiting *w, const struct gt_wire_kernel_stack *k, size_t size)
{
	if (size < sizeof(*k))
		return -EPROTO;
	if (w)
		memcpy(&w->kernel, k, sizeof(*k));
	return 0;
}

static int take_python(struct waiting *w, const struct gt_wire_python_stack *p, size_t size)
{
	const size_t head = offsetof(struct gt_wire_python_stack, frame);

	if (size < head || p->frames > GT_PYTHON_FRAMES_MAX ||
	    size - head < p->frames * sizeof(p->frame[0]))
		return -EPROTO;
	if (w)
		memcpy(&w->python, p, head + p->frames * sizeof(p->frame[0]));
	return 0;
}

/* NULL: out of memory, or no such CPU. Stacks that have parts are skipped, then. */
static struct waiting *waiting_on(struct collect_stacks *c, uint32_t cpu)
{
	if (cpu >= GT_MAX_CPUS)
		return NULL;
	if (!c->waiting[cpu])
		c->waiting[cpu] = calloc(1, sizeof(*c->waiting[cpu]));
	return c->waiting[cpu];
}

int collect_stacks_record(struct collect_stacks *c, uint32_t cpu, const struct gt_wire_hdr *record,
			  size_t size, const struct lookout_space *space)
{
	struct waiting *w = waiting_on(c, cpu);

	if (record->kind == GT_WIRE_STACK)
		return take_stack(c, w, (const struct gt_wire_stack *)record, size, space);
	if (record->kind == GT_WIRE_PYTHON_STACK)
		return take_python(w, (const struct gt_wire_python_stack *)record, size);
	return take_kernel(w, (const struct gt_wire_kernel_stack *)record, size);
}

static uint64_t hash_key(const struct gt_wire_stack_key *key)
{
	return hash_pair(hash_pair(hash_pair(key->as, key->ip), key->sp), key->more);
}

static struct place *find_place(struct collect_stacks *c, const struct gt_wire_stack_key *key)
{
	uint64_t hash = hash_key(key);
	struct place *first, *p;

	first = map_get_ptr(&c->places, hash);
	for (p = first; p; p = p->less)
		if (p->key.ip == key->ip && p->key.sp == key->sp && p->key.more == key->more &&
		    p->key.as == key->as)
			return p;
	if (map_len(&c->places) >= PLACES_MAX) {
		forget_places(c);
		first = NULL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = *key;
	p->less = first;
	if (map_put_ptr(&c->places, hash, p)) {
		free(p);
		return NULL;
	}
	return p;
}

/*
 * Before the first of its kind is known again, more of them may have been copied: one is enough. A
 * stack that comes to a place where all ways are taken replaces the one that came first.
 */
static void on_shape(void *ctx, const struct gt_wire_stack_key *key,
		     const struct gt_wire_stack_shape *shape)
{
	struct collect_stacks *c = ctx;
	struct gt_wire_stack_key way = *key;
	struct place *p;

	if (key->more & GT_STACK_ONCE || !c->know || shape->slots > GT_STACK_SLOTS_MAX)
		return;
	p = find_place(c, key);
	if (!p)
		return;
	for (uint32_t i = 0; i < p->told; i++)
		if (p->fold[i] == shape->fold)
			return;
	way.way = p->next;
	if (c->know(c->know_ctx, &way, shape))
		return; /* it is copied again, then */
	p->fold[p->next] = shape->fold;
	p->next = (p->next + 1) % WAYS;
	if (p->told < WAYS)
		p->told++;
}

static int on_event(void *ctx, const struct gt_event *ev)
{
	struct collect_stacks *c = ctx;

	if (ev->kind == GT_STACK) {
		/* Not asked, or answered before: it is not what the id stands for. */
		if (!map_del(&c->asked, ev->u.stack.stack))
			return 0;
		if (ev->u.stack.flags & GT_STACK_SKIPPED)
			c->skipped++;
	}
	write_event(c, ev);
	return c->err;
}

static const struct stacks_sink sink = { .event = on_event, .shape = on_shape };

/* Nobody will answer any more. */
static void skip_asked(struct collect_stacks *c)
{
	uint64_t id, one;
	size_t pos = 0;

	while (map_next(&c->asked, &pos, &id, &one))
		skip(c, (uint32_t)id);
	map_free(&c->asked);
}

int collect_stacks_round(struct collect_stacks *c, collect_stacks_know know, void *ctx)
{
	if (!c->helper)
		return c->err;
	c->know = know;
	c->know_ctx = ctx;
	if (stacks_collect(c->helper, &sink, c) == -EPIPE) {
		skip_asked(c);
		c->helper = NULL;
	}
	return c->err;
}

int collect_stacks_finish(struct collect_stacks *c, int ms)
{
	c->know = NULL; /* nothing more is compared */
	if (c->helper)
		stacks_stop(c->helper, ms, &sink, c);
	c->helper = NULL;
	skip_asked(c);
	return c->err;
}
