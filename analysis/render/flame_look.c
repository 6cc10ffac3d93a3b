/* SPDX-License-Identifier: MIT */
#include "flame_look.h"

#include <math.h>

#include <analysis/model.h>

enum look {
	LOOK_ALL,
	LOOK_THREAD,
	LOOK_RUNNABLE,
	LOOK_STATE_LOCK,
	LOOK_EVENT,
	LOOK_IO,
	LOOK_KERNEL_LOCK,
	LOOK_SLEEP,
	LOOK_OTHER_STATE,
	LOOK_NATIVE,
	LOOK_INLINED,
	LOOK_KERNEL,
	LOOK_PYTHON,
	LOOK_JIT,
	LOOK_UNKNOWN,
	LOOK_LOCK,
	LOOK_WAKER,
	LOOK_WAKER_CODE,
	LOOK_NOTE,
	LOOK_SHRANK_MUCH,
	LOOK_SHRANK,
	LOOK_SHRANK_LITTLE,
	LOOK_SAME,
	LOOK_GREW_LITTLE,
	LOOK_GREW,
	LOOK_GREW_MUCH,
	LOOK_COUNT
};

static const struct flame_look looks[LOOK_COUNT] = {
	[LOOK_ALL] = { "all", NULL },
	[LOOK_THREAD] = { "thread", "thread" },
	[LOOK_RUNNABLE] = { "runnable", "runnable" },
	[LOOK_STATE_LOCK] = { "on-lock", "lock" },
	[LOOK_EVENT] = { "event", "event" },
	[LOOK_IO] = { "io", "io" },
	[LOOK_KERNEL_LOCK] = { "kernel-lock", "kernel lock" },
	[LOOK_SLEEP] = { "sleep", "sleep" },
	[LOOK_OTHER_STATE] = { "other", "other state" },
	[LOOK_NATIVE] = { "native", "native code" },
	[LOOK_INLINED] = { "inlined", "inlined" },
	[LOOK_KERNEL] = { "kernel", "kernel" },
	[LOOK_PYTHON] = { "python", "Python" },
	[LOOK_JIT] = { "jit", "JIT-compiled" },
	[LOOK_UNKNOWN] = { "unknown", "unknown code" },
	[LOOK_LOCK] = { "lock", "the lock" },
	[LOOK_WAKER] = { "waker", NULL },
	[LOOK_WAKER_CODE] = { "waker-code", "who let go" },
	[LOOK_NOTE] = { "note", "stack is not complete" },
	[LOOK_SHRANK_MUCH] = { "shrank-much", "shrank by 10 points or more" },
	[LOOK_SHRANK] = { "shrank", "2 points" },
	[LOOK_SHRANK_LITTLE] = { "shrank-little", "0.5 points" },
	[LOOK_SAME] = { "same", "less than 0.5" },
	[LOOK_GREW_LITTLE] = { "grew-little", "grew by 0.5 points or more" },
	[LOOK_GREW] = { "grew", "2 points" },
	[LOOK_GREW_MUCH] = { "grew-much", "10 points" },
};

static const uint8_t of_state[STATE_COUNT] = {
	[STATE_NONE] = LOOK_OTHER_STATE,
	[STATE_RUNNING] = LOOK_OTHER_STATE,
	[STATE_RUNNABLE] = LOOK_RUNNABLE,
	[STATE_LOCK] = LOOK_STATE_LOCK,
	[STATE_EVENT] = LOOK_EVENT,
	[STATE_IO] = LOOK_IO,
	[STATE_KERNEL_LOCK] = LOOK_KERNEL_LOCK,
	[STATE_SLEEP] = LOOK_SLEEP,
	[STATE_OTHER] = LOOK_OTHER_STATE,
	[STATE_UNKNOWN] = LOOK_OTHER_STATE,
	[STATE_FUTEX] = LOOK_OTHER_STATE,
};

static const uint8_t of_kind[GT_FRAME_KINDS] = {
	[GT_FRAME_NATIVE] = LOOK_NATIVE,   [GT_FRAME_INLINED] = LOOK_INLINED,
	[GT_FRAME_KERNEL] = LOOK_KERNEL,   [GT_FRAME_PYTHON] = LOOK_PYTHON,
	[GT_FRAME_JIT] = LOOK_JIT,	   [GT_FRAME_VDSO] = LOOK_NATIVE,
	[GT_FRAME_UNKNOWN] = LOOK_UNKNOWN,
};

unsigned int flame_look_of(const struct stack_frame *f)
{
	switch (f->part) {
	case STACK_PART_ALL:
		return LOOK_ALL;
	case STACK_PART_THREAD:
		return LOOK_THREAD;
	case STACK_PART_STATE:
		return f->state < STATE_COUNT ? of_state[f->state] : LOOK_OTHER_STATE;
	case STACK_PART_CODE:
		return f->kind < GT_FRAME_KINDS ? of_kind[f->kind] : LOOK_UNKNOWN;
	case STACK_PART_LOCK:
		return LOOK_LOCK;
	case STACK_PART_OTHER:
		return LOOK_WAKER;
	case STACK_PART_OTHER_CODE:
		return LOOK_WAKER_CODE;
	default:
		return LOOK_NOTE;
	}
}

/* Fixed steps, not the graph's own extremes: colours of two graphs mean the same. */
unsigned int flame_look_of_change(double before, double after)
{
	static const double steps[] = { 0.005, 0.02, 0.1 };
	int grade = 0;

	while (grade < 3 && fabs(after - before) >= steps[grade])
		grade++;
	return after > before ? LOOK_SAME + grade : LOOK_SAME - grade;
}

const struct flame_look *flame_look_at(unsigned int look)
{
	return look < LOOK_COUNT ? &looks[look] : NULL;
}
