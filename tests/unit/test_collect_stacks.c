/* SPDX-License-Identifier: MIT */
/* Stacks between the rings, the helper and the trace: every id is explained, once, and a place has
 * four ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <giltrace/trace.h>
#include "user/record/collect_stacks.h"
#include "user/record/lookout.h"
#include "user/helper/stacks.h"

#define ASKED_MAX 16

/* The helper, played by the test: it notes what it is asked and answers when told to. */
struct stacks {
	int refuse; /* what stacks_ask() says */
	bool gone;
	uint32_t asked[ASKED_MAX], kernel_frames[ASKED_MAX], python_frames[ASKED_MAX];
	pid_t tgid[ASKED_MAX];
	uint32_t n;
	const struct stacks_sink *sink;
	void *sink_ctx;
	void (*answer)(struct stacks *s); /* in the next stacks_collect() */
};

int stacks_ask(struct stacks *s, const struct gt_wire_stack *stack, const void *bytes,
	       const struct gt_wire_kernel_stack *kernel, const struct gt_wire_python_stack *python,
	       pid_t tgid, const struct symbols_exec *exec)
{
	if (s->refuse)
		return s->refuse;
	assert_true(s->n < ASKED_MAX);
	s->kernel_frames[s->n] = kernel ? kernel->frames : 0;
	s->python_frames[s->n] = python ? python->frames : 0;
	s->tgid[s->n] = tgid;
	s->asked[s->n++] = stack->stack;
	return 0;
}

int stacks_collect(struct stacks *s, const struct stacks_sink *sink, void *ctx)
{
	s->sink = sink;
	s->sink_ctx = ctx;
	if (s->answer)
		s->answer(s);
	s->answer = NULL;
	return s->gone ? -EPIPE : 0;
}

int stacks_stop(struct stacks *s, int ms, const struct stacks_sink *sink, void *ctx)
{
	return stacks_collect(s, sink, ctx);
}

static void answer_stack(struct stacks *s, uint32_t stack, uint32_t flags)
{
	struct gt_event ev = { .kind = GT_STACK, .cpu = GT_CPU_COLLECTOR, .syscall = -1 };

	ev.u.stack.stack = stack;
	ev.u.stack.flags = flags;
	assert_int_equal(s->sink->event(s->sink_ctx, &ev), 0);
}

/* What the kernel side was told. */
struct told {
	struct gt_wire_stack_key key[ASKED_MAX];
	uint32_t stack[ASKED_MAX];
	uint32_t n;
};

static struct told told;

static int know(void *ctx, const struct gt_wire_stack_key *key,
		const struct gt_wire_stack_shape *shape)
{
	assert_true(told.n < ASKED_MAX);
	told.key[told.n] = *key;
	told.stack[told.n++] = shape->stack;
	return 0;
}

struct scene {
	struct stacks helper;
	struct gt_writer *writer;
	struct collect_stacks *c;
	char path[64];
};

static int open_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	int fd;

	assert_non_null(s);
	memset(&told, 0, sizeof(told));
	strcpy(s->path, "/tmp/test_collect_stacks.XXXXXX");
	fd = mkstemp(s->path);
	assert_true(fd >= 0);
	s->writer = gt_writer_new(fd);
	assert_non_null(s->writer);
	s->c = collect_stacks_new(s->writer, &s->helper);
	assert_non_null(s->c);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;

	collect_stacks_free(s->c);
	gt_writer_free(s->writer);
	unlink(s->path);
	free(s);
	return 0;
}

static int copy_taken(struct scene *s, uint32_t stack, const struct lookout_space *space)
{
	struct gt_wire_stack r = { .hdr.kind = GT_WIRE_STACK, .stack = stack, .as = 3 };

	return collect_stacks_record(s->c, 0, &r.hdr, sizeof(r), space);
}

static void kernel_taken_on(struct scene *s, uint32_t cpu, uint32_t stack, uint32_t frames)
{
	struct gt_wire_kernel_stack r = { .hdr.kind = GT_WIRE_KERNEL_STACK,
					  .stack = stack,
					  .frames = frames };

	assert_int_equal(collect_stacks_record(s->c, cpu, &r.hdr, sizeof(r), NULL), 0);
}

static void kernel_taken(struct scene *s, uint32_t stack, uint32_t frames)
{
	kernel_taken_on(s, 0, stack, frames);
}

/* A PYTHON_STACK that says it has `frames` frames and is as long as one with `sent` of them. */
static int python_taken(struct scene *s, uint32_t stack, uint16_t frames, size_t sent)
{
	struct gt_wire_python_stack r = { .hdr.kind = GT_WIRE_PYTHON_STACK,
					  .stack = stack,
					  .frames = frames };

	return collect_stacks_record(s->c, 0, &r.hdr,
				     offsetof(struct gt_wire_python_stack, frame) +
					     sent * sizeof(r.frame[0]),
				     NULL);
}

/* Flags of `stack` in the finished trace, which must have it exactly once. */
static uint32_t flags_of(struct scene *s, uint32_t stack)
{
	const struct gt_event *ev;
	struct gt_reader *reader;
	uint32_t flags = 0, n = 0;
	int err;

	gt_writer_mark(s->writer, UINT64_MAX);
	assert_int_equal(gt_writer_finish(s->writer), 0);
	reader = gt_reader_open(s->path, &err);
	assert_non_null(reader);
	while (gt_reader_next(reader, &ev) == 1) {
		if (ev->kind == GT_STACK && ev->u.stack.stack == stack) {
			flags = ev->u.stack.flags;
			n++;
		}
	}
	gt_reader_free(reader);
	assert_int_equal(n, 1);
	return flags;
}

static void test_the_kernels_part_goes_with_its_stack(void **state)
{
	struct scene *s = *state;

	kernel_taken(s, 1, 7);
	copy_taken(s, 1, NULL);
	copy_taken(s, 2, NULL);
	kernel_taken(s, 3, 9); /* whose STACK found no room */
	copy_taken(s, 4, NULL);
	assert_int_equal(s->helper.n, 3);
	assert_int_equal(s->helper.kernel_frames[0], 7);
	assert_int_equal(s->helper.kernel_frames[1], 0);
	assert_int_equal(s->helper.kernel_frames[2], 0);
}

/* A ring is left between the two records when a drain goes on to the next CPU's. */
static void test_parts_of_two_cpus_stacks_are_kept_apart(void **state)
{
	struct gt_wire_stack r = { .hdr.kind = GT_WIRE_STACK, .as = 3, .more = 0x1234 };
	struct scene *s = *state;

	kernel_taken_on(s, 0, 1, 7);
	kernel_taken_on(s, 1, 2, 9);
	r.stack = 2;
	assert_int_equal(collect_stacks_record(s->c, 1, &r.hdr, sizeof(r), NULL), 0);
	r.stack = 1;
	assert_int_equal(collect_stacks_record(s->c, 0, &r.hdr, sizeof(r), NULL), 0);
	assert_int_equal(s->helper.n, 2);
	assert_int_equal(s->helper.kernel_frames[0], 9);
	assert_int_equal(s->helper.kernel_frames[1], 7);
}

/* It would be known again, and without its part stand for whoever comes with it. */
static void test_a_stack_without_its_part_is_skipped(void **state)
{
	struct gt_wire_stack r = { .hdr.kind = GT_WIRE_STACK, .stack = 1, .as = 3, .more = 0x1234 };
	struct scene *s = *state;

	assert_int_equal(collect_stacks_record(s->c, 0, &r.hdr, sizeof(r), NULL), 0);
	assert_int_equal(s->helper.n, 0);
	assert_int_equal(flags_of(s, 1), GT_STACK_SKIPPED);
}

static void test_python_frames_go_with_their_stack(void **state)
{
	struct scene *s = *state;

	kernel_taken(s, 1, 7);
	assert_int_equal(python_taken(s, 1, 5, 5), 0);
	copy_taken(s, 1, NULL);
	assert_int_equal(python_taken(s, 2, 6, 6), 0); /* whose STACK found no room */
	copy_taken(s, 3, NULL);
	assert_int_equal(python_taken(s, 4, 6, 5), -EPROTO);
	assert_int_equal(python_taken(s, 4, GT_PYTHON_FRAMES_MAX + 1, GT_PYTHON_FRAMES_MAX),
			 -EPROTO);
	copy_taken(s, 4, NULL);
	assert_int_equal(s->helper.n, 3);
	assert_int_equal(s->helper.kernel_frames[0], 7);
	assert_int_equal(s->helper.python_frames[0], 5);
	assert_int_equal(s->helper.python_frames[1], 0);
	assert_int_equal(s->helper.python_frames[2], 0);
}

static void test_a_program_that_is_gone_is_not_asked_about(void **state)
{
	struct scene *s = *state;
	struct lookout_space now = { .as = 3, .tgid = 77 }, other = { .as = 4, .tgid = 77 };

	copy_taken(s, 1, &now);
	copy_taken(s, 2, &other);
	assert_int_equal(s->helper.tgid[0], 77);
	assert_int_equal(s->helper.tgid[1], 0);
}

static void test_cut_records_are_refused(void **state)
{
	struct scene *s = *state;
	struct gt_wire_stack r = { .hdr.kind = GT_WIRE_STACK, .stack = 1, .bytes = 1 };

	assert_int_equal(collect_stacks_record(s->c, 0, &r.hdr, sizeof(r), NULL), -EPROTO);
	assert_int_equal(collect_stacks_record(s->c, 0, &r.hdr, sizeof(r) - 1, NULL), -EPROTO);
	r.hdr.kind = GT_WIRE_KERNEL_STACK;
	assert_int_equal(collect_stacks_record(s->c, 0, &r.hdr, sizeof(r), NULL), -EPROTO);
}

static void test_what_the_helper_refuses_is_told(void **state)
{
	struct scene *s = *state;

	s->helper.refuse = -EAGAIN;
	assert_int_equal(copy_taken(s, 1, NULL), 0);
	assert_int_equal(collect_stacks_skipped(s->c), 1);
	assert_int_equal(flags_of(s, 1), GT_STACK_SKIPPED);
}

static void answers_first(struct stacks *s)
{
	answer_stack(s, 1, GT_STACK_COMPLETE);
	answer_stack(s, 1, GT_STACK_BROKEN);   /* once more: not believed */
	answer_stack(s, 9, GT_STACK_COMPLETE); /* never asked */
}

static void test_what_is_never_answered_is_told(void **state)
{
	struct scene *s = *state;

	copy_taken(s, 1, NULL);
	copy_taken(s, 2, NULL);
	s->helper.answer = answers_first;
	assert_int_equal(collect_stacks_round(s->c, know, NULL), 0);
	assert_int_equal(collect_stacks_finish(s->c, 10), 0);
	assert_int_equal(collect_stacks_skipped(s->c), 1);
	assert_int_equal(flags_of(s, 1), GT_STACK_COMPLETE);
	assert_int_equal(flags_of(s, 2), GT_STACK_SKIPPED);
}

static void test_a_helper_that_dies_takes_no_id_with_it(void **state)
{
	struct scene *s = *state;

	copy_taken(s, 1, NULL);
	s->helper.gone = true;
	assert_int_equal(collect_stacks_round(s->c, know, NULL), 0);
	copy_taken(s, 2, NULL);
	assert_int_equal(collect_stacks_skipped(s->c), 2);
	assert_int_equal(s->helper.n, 1);
	assert_int_equal(flags_of(s, 1), GT_STACK_SKIPPED);
	assert_int_equal(flags_of(s, 2), GT_STACK_SKIPPED);
}

static void shape(struct stacks *s, uint64_t ip, uint64_t more, uint32_t stack, uint64_t fold)
{
	struct gt_wire_stack_key key = { .ip = ip, .sp = 0x7000, .more = more, .as = 3 };
	struct gt_wire_stack_shape shape = { .stack = stack, .slots = 1, .fold = fold };

	s->sink->shape(s->sink_ctx, &key, &shape);
}

static void shapes(struct stacks *s)
{
	for (uint32_t i = 0; i < 5; i++)
		shape(s, 0x400, 0, 10 + i, 100 + i);
	shape(s, 0x400, 0, 20, 104); /* copied before 14 was known: the same stack */
	shape(s, 0x500, 0, 21, 104); /* the same addresses, elsewhere */
	shape(s, 0x400, GT_STACK_ONCE | 2, 22, 105); /* a sample's */
}

static void test_a_place_has_four_ways_in_turn(void **state)
{
	static const uint32_t stack[] = { 10, 11, 12, 13, 14, 21 }, way[] = { 0, 1, 2, 3, 0, 0 };
	struct scene *s = *state;

	s->helper.answer = shapes;
	collect_stacks_round(s->c, know, NULL);
	assert_int_equal(told.n, 6);
	for (uint32_t i = 0; i < told.n; i++) {
		assert_int_equal(told.stack[i], stack[i]);
		assert_int_equal(told.key[i].way, way[i]);
	}
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
		SCENE(test_the_kernels_part_goes_with_its_stack),
		SCENE(test_parts_of_two_cpus_stacks_are_kept_apart),
		SCENE(test_a_stack_without_its_part_is_skipped),
		SCENE(test_python_frames_go_with_their_stack),
		SCENE(test_a_program_that_is_gone_is_not_asked_about),
		SCENE(test_cut_records_are_refused),
		SCENE(test_what_the_helper_refuses_is_told),
		SCENE(test_what_is_never_answered_is_told),
		SCENE(test_a_helper_that_dies_takes_no_id_with_it),
		SCENE(test_a_place_has_four_ways_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
