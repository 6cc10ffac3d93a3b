/* SPDX-License-Identifier: MIT */
#include "stack_paths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/lock_kind.h>
#include <analysis/model.h>
#include <lib/map.h>

#define NO_NAME "[no name]"
#define FRAMES_AROUND 8 /* of a path, at most, beside those of its stacks */

static const char *const state_names[STATE_COUNT] = {
	[STATE_RUNNABLE] = "[runnable]",
	[STATE_LOCK] = "[lock]",
	[STATE_EVENT] = "[event]",
	[STATE_IO] = "[io]",
	[STATE_KERNEL_LOCK] = "[kernel lock]",
	[STATE_SLEEP] = "[sleep]",
	[STATE_OTHER] = "[other]",
	[STATE_UNKNOWN] = "[unknown]",
};

/* What the C library puts before a program's and a thread's own first function. */
static const char *const starters[] = {
	"_start",
	"__libc_start_main",
	"__libc_start_main_impl",
	"__libc_start_call_main",
	"__clone",
	"__clone3",
	"clone",
	"clone3",
	"start_thread",
};

struct stack_paths {
	const struct results *r;
	enum stack_kind kind;
	bool programs;
	size_t next;		     /* into r->weights */
	struct map threads;	     /* by id: index into r->threads */
	struct map processes, locks; /* likewise */
	char **others;	    /* labels by thread: "[woken by …]"; made when first needed */
	char **lock_labels; /* likewise, by lock */
	const char *renamed, *rename; /* a program, and what it goes by */
	struct stack_frame *frames;   /* of the path at hand */
	size_t nframes;
};

void stack_paths_free(struct stack_paths *p)
{
	if (!p)
		return;
	for (size_t i = 0; p->others && i < p->r->nthreads; i++)
		free(p->others[i]);
	for (size_t i = 0; p->lock_labels && i < p->r->nlocks; i++)
		free(p->lock_labels[i]);
	free(p->others);
	free(p->lock_labels);
	free(p->frames);
	map_free(&p->threads);
	map_free(&p->processes);
	map_free(&p->locks);
	free(p);
}

/* The longest path there can be. */
static size_t longest(const struct results *r)
{
	size_t frames = 0;

	for (size_t i = 0; i < r->nstacks; i++)
		if (r->stacks[i].nframes > frames)
			frames = r->stacks[i].nframes;
	return 2 * frames + FRAMES_AROUND;
}

static int index_ids(struct stack_paths *p)
{
	int err = 0;

	for (size_t i = 0; i < p->r->nthreads && !err; i++)
		err = map_put(&p->threads, p->r->threads[i].id, i);
	for (size_t i = 0; i < p->r->nprocesses && !err; i++)
		err = map_put(&p->processes, p->r->processes[i].id, i);
	for (size_t i = 0; i < p->r->nlocks && !err; i++)
		err = map_put(&p->locks, p->r->locks[i].id, i);
	return err;
}

struct stack_paths *stack_paths_new(const struct results *r, enum stack_kind kind, bool programs)
{
	struct stack_paths *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->r = r;
	p->kind = kind;
	p->programs = programs;
	p->others = calloc(r->nthreads + 1, sizeof(*p->others));
	p->lock_labels = calloc(r->nlocks + 1, sizeof(*p->lock_labels));
	p->frames = calloc(longest(r), sizeof(*p->frames));
	if (!p->others || !p->lock_labels || !p->frames || index_ids(p)) {
		stack_paths_free(p);
		return NULL;
	}
	return p;
}

void stack_paths_rename(struct stack_paths *p, const char *from, const char *to)
{
	p->renamed = from;
	p->rename = to;
}

/* ---- names ---- */

static const char *or_none(const char *name)
{
	return name && *name ? name : NO_NAME;
}

static const struct result_thread *thread_of(const struct stack_paths *p, uint32_t id)
{
	uint64_t at;

	return map_get(&p->threads, id, &at) ? &p->r->threads[at] : NULL;
}

static const char *thread_name(const struct stack_paths *p, uint32_t id)
{
	const struct result_thread *t = thread_of(p, id);
	const char *program = NULL;
	uint64_t at;

	if (!p->programs)
		return or_none(t ? t->comm : NULL);
	if (t && map_get(&p->processes, t->process, &at))
		program = or_none(p->r->processes[at].comm);
	if (program && p->renamed && !strcmp(program, p->renamed))
		return p->rename;
	return or_none(program);
}

/* "[woken by worker]"; NULL when out of memory. */
static const char *other_label(struct stack_paths *p, uint32_t id)
{
	uint64_t at;

	if (!map_get(&p->threads, id, &at))
		return NO_NAME;
	if (!p->others[at] &&
	    asprintf(&p->others[at], "[%s %s]", p->kind == STACK_WAKE ? "wakes" : "woken by",
		     thread_name(p, id)) < 0)
		p->others[at] = NULL;
	return p->others[at];
}

static int make_lock_label(char **out, const struct result_lock *l)
{
	const char *kind = lock_kind_name(l->kind);
	int n;

	if (l->name && *l->name)
		n = asprintf(out, "[lock %s (%s)]", l->name, kind);
	else if (l->nwords)
		n = asprintf(out, "[lock 0x%" PRIx64 " (%s)]", l->words[0].addr, kind);
	else
		n = asprintf(out, "[lock (%s)]", kind);
	if (n < 0)
		*out = NULL;
	return n < 0 ? -ENOMEM : 0;
}

/* "[lock the_gil+0x48 (gil)]"; NULL when out of memory. */
static const char *lock_label(struct stack_paths *p, uint32_t id)
{
	uint64_t at;

	if (!map_get(&p->locks, id, &at))
		return "[lock]";
	if (!p->lock_labels[at])
		make_lock_label(&p->lock_labels[at], &p->r->locks[at]);
	return p->lock_labels[at];
}

/* ---- frames ---- */

static struct stack_frame *add(struct stack_paths *p, enum stack_part part, const char *name)
{
	struct stack_frame *f = &p->frames[p->nframes++];

	*f = (struct stack_frame){ .part = part, .name = name };
	return f;
}

static void add_code(struct stack_paths *p, enum stack_part part, uint32_t index)
{
	const struct result_frame *from = &p->r->frames[index];
	struct stack_frame *f = add(p, part, or_none(from->name));

	f->kind = from->kind;
	f->line = from->line;
	f->image = from->image;
	f->file = from->file;
	f->source = index + 1;
}

static bool starts_up(const struct result_frame *f)
{
	for (size_t i = 0; i < sizeof(starters) / sizeof(starters[0]); i++)
		if (f->kind == GT_FRAME_NATIVE && f->name && !strcmp(f->name, starters[i]))
			return true;
	return false;
}

/* Frames that are shown: all, or without those that only start a thread or a program. */
static uint32_t frames_of(const struct stack_paths *p, const struct result_stack *s)
{
	uint32_t n = s->nframes;

	while (p->programs && n > 1 && starts_up(&p->r->frames[s->frames[n - 1]]))
		n--;
	return n;
}

/* Why the stack does not go on at its outer end; NULL: it need not, or its last frame says so. */
static const char *breaks_off(const struct stack_paths *p, const struct result_stack *s)
{
	if (s->flags & GT_STACK_COMPLETE)
		return NULL;
	if (s->nframes && p->r->frames[s->frames[s->nframes - 1]].kind == GT_FRAME_UNKNOWN)
		return NULL;
	return s->flags & GT_STACK_TRUNCATED ? "[stack cut off]" : "[stack breaks off]";
}

static void add_stack(struct stack_paths *p, uint32_t stack)
{
	const struct result_stack *s;
	const char *end;

	if (!stack) {
		add(p, STACK_PART_NOTE, "[no stack taken]");
		return;
	}
	s = &p->r->stacks[stack - 1];
	end = breaks_off(p, s);
	if (end)
		add(p, STACK_PART_NOTE, end);
	for (uint32_t i = frames_of(p, s); i; i--)
		add_code(p, STACK_PART_CODE, s->frames[i - 1]);
}

/* Downwards, so that what made the lock available stands next to the lock. */
static void add_other_stack(struct stack_paths *p, uint32_t stack)
{
	const struct result_stack *s = &p->r->stacks[stack - 1];
	const char *end = breaks_off(p, s);
	uint32_t n = frames_of(p, s);

	for (uint32_t i = 0; i < n; i++)
		add_code(p, STACK_PART_OTHER_CODE, s->frames[i]);
	if (end)
		add(p, STACK_PART_NOTE, end);
}

static int add_label(struct stack_paths *p, enum stack_part part, const char *label)
{
	if (label)
		add(p, part, label);
	return label ? 0 : -ENOMEM;
}

static int add_waker(struct stack_paths *p, const struct result_weight *w)
{
	int err = add_label(p, STACK_PART_LOCK, lock_label(p, w->lock));

	if (!err && w->other_thread)
		err = add_label(p, STACK_PART_OTHER, other_label(p, w->other_thread));
	if (!err && w->other)
		add_other_stack(p, w->other);
	return err;
}

int stack_paths_of(struct stack_paths *p, const struct result_weight *w, struct stack_path *out)
{
	int err = 0;

	p->nframes = 0;
	add(p, STACK_PART_THREAD, thread_name(p, w->thread));
	if (p->kind == STACK_OFFCPU && w->state < STATE_COUNT && state_names[w->state])
		add(p, STACK_PART_STATE, state_names[w->state])->state = w->state;
	add_stack(p, w->stack);
	if (p->kind == STACK_LOCK)
		err = add_waker(p, w);
	else if (p->kind == STACK_WAKE)
		err = add_label(p, STACK_PART_OTHER, other_label(p, w->other_thread));
	*out = (struct stack_path){
		.frames = p->frames,
		.n = p->nframes,
		.weight = w,
		.complete = w->stack && p->r->stacks[w->stack - 1].flags & GT_STACK_COMPLETE,
	};
	return err;
}

int stack_paths_next(struct stack_paths *p, struct stack_path *out)
{
	int err;

	while (p->next < p->r->nweights && p->r->weights[p->next].kind != p->kind)
		p->next++;
	if (p->next == p->r->nweights)
		return 0;
	err = stack_paths_of(p, &p->r->weights[p->next++], out);
	return err ? err : 1;
}

/* ---- what a trace has ---- */

const char *stack_paths_missing(const struct results *r, enum stack_kind kind)
{
	static const char *const missing[STACK_KINDS] = {
		[STACK_LOCK] = "this trace has no stacks; record with --stacks lock",
		[STACK_OFFCPU] = "this trace has no off-CPU stacks; record with --stacks offcpu",
		[STACK_ONCPU] = "this trace has no on-CPU samples; record with -F 99",
		[STACK_CRITICAL] = "this trace has no on-CPU samples; record with -F 99",
		[STACK_WAKE] = "this trace has no stacks of wakers; record with --stacks wake",
	};

	if (kind >= STACK_KINDS)
		return "there is no such kind of stacks";
	return r->meta && stack_kind_taken(kind, r->meta->stacks) ? NULL : missing[kind];
}
