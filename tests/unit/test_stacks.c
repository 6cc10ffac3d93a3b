/* SPDX-License-Identifier: MIT */
/* Stacks of another process, copied while it waits, come back as frames with names. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stacks_fixture.h"

__attribute__((noinline)) static int deeper(struct child *c, int depth)
{
	int result = depth > 0 ? deeper(c, depth - 1) : child_wait(c);

	STAY();
	return result + 1;
}

__attribute__((noinline)) static int recurse(struct child *c)
{
	int result = deeper(c, 5);

	STAY();
	return result;
}

static void recursion(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	unwind_child(f, &c, c.pid);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	assert_int_equal(count_frames(f, "deeper"), 6);
	assert_true(frame_at(f, "child_wait") < frame_at(f, "deeper"));
	assert_true(frame_at(f, "deeper") < frame_at(f, "recurse"));
	assert_true(frame_at(f, "recurse") < frame_at(f, "main"));
	assert_int_equal(frame_at(f, "_start"), (int)f->stack.nframes - 1);
	child_end(&c);
}

/* What the kernel side needs to know the stack again. */
static void shape(void **state)
{
	struct fixture *f = *state;
	uint64_t fold = 0, value;
	uint32_t called = 0;
	struct child c;

	child_start(&c, recurse);
	unwind_child(f, &c, c.pid);
	assert_true(f->has_shape);
	assert_int_equal(f->key.ip, f->question.ip);
	assert_int_equal(f->key.sp, f->question.sp);
	assert_int_equal(f->key.as, f->question.as);
	assert_int_equal(f->shape.stack, f->question.stack);
	for (uint32_t i = 0; i < f->stack.nframes; i++)
		called += f->frames[i].kind != GT_FRAME_INLINED;
	assert_int_equal(f->shape.slots, called - 1);
	for (uint32_t i = 0; i < f->shape.slots; i++) {
		assert_true(f->shape.slot[i] + sizeof(value) <= f->question.bytes);
		memcpy(&value, f->bytes + f->shape.slot[i], sizeof(value));
		fold = gt_stack_fold(fold, value);
	}
	assert_int_equal(fold, f->shape.fold);
	child_end(&c);
}

/* The kernel side need not wait for names. */
static void shape_before_names(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	unwind_child(f, &c, c.pid);
	assert_true(f->has_shape);
	assert_int_equal(f->told_before_shape, 0);
	assert_true(f->last_frame > 0);
	child_end(&c);
}

static void deeper_than_the_copy(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	copy_child(f, &c, c.pid);
	f->question.bytes = 256;
	unwind_copy(f, &c);
	assert_int_equal(f->stack.flags, GT_STACK_TRUNCATED);
	assert_true(f->stack.nframes > 1);
	assert_int_equal(frame_at(f, "main"), -1);
	assert_false(f->has_shape);
	child_end(&c);
}

static void stack_pointer_to_nowhere(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	copy_child(f, &c, c.pid);
	f->question.sp = 16;
	f->question.bytes = 0;
	unwind_copy(f, &c);
	assert_int_equal(f->stack.nframes, 1);
	assert_true(f->stack.flags == GT_STACK_BROKEN || f->stack.flags == GT_STACK_TRUNCATED);
	child_end(&c);
}

/* Its maps were read while it lived; then it is gone. */
static void ended_process(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	unwind_child(f, &c, c.pid);
	child_end(&c);
	poll(NULL, 0, 1100); /* maps are trusted for a second */
	unwind_copy(f, &c);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	assert_int_equal(count_frames(f, "deeper"), 6);
}

static void never_seen_process(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	copy_child(f, &c, c.pid);
	child_end(&c);
	unwind_copy(f, &c);
	assert_int_equal(f->stack.flags, GT_STACK_SKIPPED);
}

static void kernel_frames(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, recurse);
	copy_child(f, &c, c.pid);
	f->kernel.frames = 2;
	f->kernel.ip[0] = 0xffffffff00000001;
	f->kernel.ip[1] = 0xffffffff00000002;
	unwind_copy(f, &c);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	assert_int_equal(f->frames[0].kind, GT_FRAME_KERNEL);
	assert_int_equal(f->frames[1].kind, GT_FRAME_KERNEL);
	assert_int_equal(f->frames[2].kind, GT_FRAME_NATIVE);
	assert_true(frame_at(f, "main") > 2);
	child_end(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(recursion),
		TEST(shape),
		TEST(shape_before_names),
		TEST(deeper_than_the_copy),
		TEST(stack_pointer_to_nowhere),
		TEST(ended_process),
		TEST(never_seen_process),
		TEST(kernel_frames),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	STAY();
	return failed;
}
