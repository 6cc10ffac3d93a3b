/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A recording has a few thousand of each; more than this is a hostile trace's. */
#define FRAMES_MAX (1U << 20)
#define STACKS_MAX (1U << 20)
#define LIST_MAX (1U << 25)   /* frames of all stacks together */
#define TEXT_MAX (256U << 20) /* bytes of all names together */

/* A number of the trace and where it went. */
struct numbered {
	uint32_t id, index;
};

struct numbers {
	struct numbered *at;
	uint32_t n, cap;
};

struct stacks {
	struct numbers frame_ids, stack_ids; /* in order of arrival, then sorted */
	struct result_frame *frames;
	struct result_stack *stacks; /* their frames are the trace's numbers until resolve() */
	uint32_t nframes, nstacks, frames_cap, stacks_cap;
	size_t list, text;
	uint32_t not_kept; /* index of the stack that stands for those never told */
	uint64_t left_out;
	int err;
};

/* Room for one more of `size` bytes, all of it zero. NULL: out of memory. */
static void *room(void **at, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t bigger = *cap ? *cap * 2 : 256;
	char *p;

	if (n == *cap) {
		p = realloc(*at, bigger * size);
		if (!p)
			return NULL;
		memset(p + n * size, 0, (bigger - n) * size);
		*at = p;
		*cap = bigger;
	}
	return (char *)*at + n * size;
}

static int number(struct numbers *ids, uint32_t id, uint32_t index)
{
	struct numbered *p = room((void **)&ids->at, ids->n, &ids->cap, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct numbered){ id, index };
	ids->n++;
	return 0;
}

/* Of one number the first that was told comes first. */
static int numbered_cmp(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void sort(struct numbers *ids)
{
	if (ids->n)
		qsort(ids->at, ids->n, sizeof(*ids->at), numbered_cmp);
}

/* Index, or UINT32_MAX. */
static uint32_t find(const struct numbers *ids, uint32_t id)
{
	uint32_t low = 0, high = ids->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ids->at[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ids->n && ids->at[low].id == id ? ids->at[low].index : UINT32_MAX;
}

static int copy(struct stacks *s, const char *from, char **out)
{
	if (!from || !*from)
		return 0;
	*out = strdup(from);
	s->text += strlen(from);
	return *out ? 0 : -ENOMEM;
}

/* The strings are copied. 0 or -ENOMEM. */
static int add_frame(struct stacks *s, const struct result_frame *frame)
{
	struct result_frame *f = room((void **)&s->frames, s->nframes, &s->frames_cap, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	s->nframes++;
	f->kind = frame->kind < GT_FRAME_KINDS ? frame->kind : GT_FRAME_UNKNOWN;
	f->line = frame->line;
	err = copy(s, frame->name && *frame->name ? frame->name : "[no name]", &f->name);
	err = err ?: copy(s, frame->image, &f->image);
	return err ?: copy(s, frame->file, &f->file);
}

static int add_stack(struct stacks *s, uint32_t flags, const uint32_t *frames, uint32_t n)
{
	struct result_stack *stack =
		room((void **)&s->stacks, s->nstacks, &s->stacks_cap, sizeof(*stack));

	if (!stack)
		return -ENOMEM;
	stack->frames = calloc(n + 1, sizeof(*stack->frames));
	if (!stack->frames)
		return -ENOMEM;
	if (n)
		memcpy(stack->frames, frames, n * sizeof(*frames));
	stack->nframes = n;
	stack->flags = flags;
	s->nstacks++;
	s->list += n;
	return 0;
}

static int frame_told(struct stacks *s, const struct gt_event *ev)
{
	struct result_frame frame = {
		.kind = ev->u.frame.kind,
		.line = ev->u.frame.line,
		.name = (char *)ev->u.frame.name,
		.image = (char *)ev->u.frame.image,
		.file = (char *)ev->u.frame.file,
	};
	int err;

	if (s->nframes >= FRAMES_MAX || s->text > TEXT_MAX) {
		s->left_out++;
		return 0;
	}
	err = number(&s->frame_ids, ev->u.frame.frame, s->nframes);
	return err ? err : add_frame(s, &frame);
}

static int stack_told(struct stacks *s, const struct gt_event *ev)
{
	int err;

	if (s->nstacks >= STACKS_MAX || s->list > LIST_MAX || !ev->u.stack.stack) {
		s->left_out++;
		return 0;
	}
	err = number(&s->stack_ids, ev->u.stack.stack, s->nstacks);
	return err ? err : add_stack(s, ev->u.stack.flags, ev->u.stack.frames, ev->u.stack.nframes);
}

static void record(void *ctx, const struct model *m, const struct gt_event *ev)
{
	struct stacks *s = ctx;

	if (!s->err && ev->kind == GT_FRAME)
		s->err = frame_told(s, ev);
	else if (!s->err && ev->kind == GT_STACK)
		s->err = stack_told(s, ev);
}

static const struct model_sink sink = { .record = record };

static void stacks_free(void *self)
{
	struct stacks *s = self;

	if (!s)
		return;
	for (uint32_t i = 0; i < s->nframes; i++) {
		free(s->frames[i].name);
		free(s->frames[i].image);
		free(s->frames[i].file);
	}
	for (uint32_t i = 0; i < s->nstacks; i++)
		free(s->stacks[i].frames);
	free(s->frames);
	free(s->stacks);
	free(s->frame_ids.at);
	free(s->stack_ids.at);
	free(s);
}

static void *stacks_new(struct analysis_context *ctx)
{
	ctx->stacks = calloc(1, sizeof(*ctx->stacks));
	return ctx->stacks;
}

/* ---- results ---- */

/* Frames of ours, behind the trace's. */
enum { NOT_KEPT, NOT_UNWOUND, NO_FRAME, OWN_FRAMES };

static int add_own(struct stacks *s)
{
	static const char *const names[OWN_FRAMES] = {
		[NOT_KEPT] = "[stack not kept]",
		[NOT_UNWOUND] = "[stack not unwound]",
		[NO_FRAME] = "[frame not kept]",
	};
	int err = 0;

	for (int i = 0; i < OWN_FRAMES && !err; i++)
		err = add_frame(s, &(struct result_frame){ .kind = GT_FRAME_UNKNOWN,
							   .name = (char *)names[i] });
	return err;
}

/* From numbers to indices; what has no frames, or not those it names, says so. */
static void resolve(struct stacks *s, uint32_t own)
{
	for (uint32_t i = 0; i < s->nstacks; i++) {
		struct result_stack *stack = &s->stacks[i];

		for (uint32_t k = 0; k < stack->nframes; k++) {
			uint32_t at = find(&s->frame_ids, stack->frames[k]);

			stack->frames[k] = at == UINT32_MAX ? own + NO_FRAME : at;
		}
		if (stack->nframes)
			continue;
		stack->frames[stack->nframes++] = own + NOT_UNWOUND;
		stack->flags &= ~GT_STACK_COMPLETE;
	}
}

static int stacks_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct stacks *s = self;
	uint32_t own = s->nframes;

	out->losses.left_out += s->left_out;
	if (!s->err)
		s->err = add_own(s);
	if (s->err)
		return s->err;
	sort(&s->frame_ids);
	sort(&s->stack_ids);
	resolve(s, own);
	s->not_kept = s->nstacks;
	s->err = add_stack(s, GT_STACK_SKIPPED, &(uint32_t){ own + NOT_KEPT }, 1);
	if (s->err)
		return s->err;
	out->frames = s->frames;
	out->nframes = s->nframes;
	out->stacks = s->stacks;
	out->nstacks = s->nstacks;
	s->frames = NULL;
	s->stacks = NULL;
	s->nframes = s->nstacks = 0;
	return 0;
}

uint32_t stacks_index(const struct stacks *s, uint32_t id)
{
	uint32_t at = id ? find(&s->stack_ids, id) : 0;

	if (!id)
		return 0;
	return (at == UINT32_MAX ? s->not_kept : at) + 1;
}

const struct analysis stacks_analysis = {
	.name = "stacks",
	.wanted = analysis_stacks_wanted,
	.sink = &sink,
	.new = stacks_new,
	.results = stacks_results,
	.free = stacks_free,
};
