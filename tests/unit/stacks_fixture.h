/* SPDX-License-Identifier: MIT */
/* A helper that unwinds, children that wait at known depths, and copies of their stacks. */
#ifndef TESTS_UNIT_STACKS_FIXTURE_H
#define TESTS_UNIT_STACKS_FIXTURE_H

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "user/helper/stacks.h"

#define PATIENCE_MS 20000 /* a test that waits this long has failed; none measures time */
#define STAY() __asm__ volatile("" ::: "memory") /* no tail call: the frame stays */
#define MAX_FRAMES 4096				 /* that one test is told of */

struct frame {
	uint32_t kind, line;
	char name[512], image[512], file[512];
};

struct fixture {
	struct stacks *stacks;
	uint32_t as, stack_number;
	struct frame told[MAX_FRAMES]; /* by number */
	/* The copy. */
	struct gt_wire_stack question;
	struct gt_wire_kernel_stack kernel;
	uint8_t bytes[GT_STACK_BYTES_MAX];
	/* What became of it. */
	bool here;
	struct {
		uint32_t stack, flags, nframes;
	} stack;
	struct frame frames[GT_STACK_FRAMES_MAX];
	bool has_shape;
	uint32_t told_before_shape; /* highest frame number */
	uint32_t last_frame;
	struct gt_wire_stack_key key;
	struct gt_wire_stack_shape shape;
};

/* A process that calls `body`, in which somebody calls child_wait(). */
struct child {
	pid_t pid, tid;
	int ready[2], go[2];
};

/* Tell who waits, and wait in a system call. */
__attribute__((noinline)) static int child_wait(struct child *c)
{
	pid_t tid = gettid();
	char byte;

	if (!c)
		return 0;
	if (write(c->ready[1], &tid, sizeof(tid)) != sizeof(tid) || read(c->go[0], &byte, 1) != 0)
		_exit(1);
	return 0;
}

static inline void child_start(struct child *c, int (*body)(struct child *))
{
	assert_int_equal(pipe(c->ready) | pipe(c->go), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(c->go[1]);
		_exit(body(c) < 0);
	}
	close(c->ready[1]);
	close(c->go[0]);
	assert_int_equal(read(c->ready[0], &c->tid, sizeof(c->tid)), sizeof(c->tid));
}

static inline void child_end(struct child *c)
{
	close(c->ready[0]);
	close(c->go[1]);
	kill(c->pid, SIGKILL);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

/* The registers and the stack of thread `tid` of process `pid`, once it sleeps in system call `nr`.
 */
static inline void copy_thread(struct fixture *f, pid_t pid, pid_t tid, unsigned long nr)
{
	struct gt_wire_stack *s = &f->question;
	struct user_regs_struct r;
	size_t want = sizeof(f->bytes);

	assert_int_equal(ptrace(PTRACE_SEIZE, tid, 0, 0), 0);
	do {
		assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
		assert_int_equal(waitpid(tid, NULL, __WALL), tid);
		assert_int_equal(ptrace(PTRACE_GETREGS, tid, 0, &r), 0);
		if (r.orig_rax == nr)
			break;
		ptrace(PTRACE_CONT, tid, 0, 0);
		poll(NULL, 0, 1);
	} while (true);
	*s = (struct gt_wire_stack){ .as = f->as,
				     .ip = r.rip,
				     .sp = r.rsp,
				     .bp = r.rbp,
				     .bx = r.rbx,
				     .r12 = r.r12,
				     .r13 = r.r13,
				     .r14 = r.r14,
				     .r15 = r.r15 };
	for (; want && !s->bytes; want -= 256) {
		struct iovec here = { f->bytes, want }, there = { (void *)r.rsp, want };
		ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

		if (n > 0)
			s->bytes = (uint32_t)n;
	}
	f->kernel.frames = 0;
	assert_int_equal(ptrace(PTRACE_DETACH, tid, 0, 0), 0);
}

/* Of a thread that waits in child_wait(). */
static inline void copy_child(struct fixture *f, const struct child *c, pid_t tid)
{
	copy_thread(f, c->pid, tid, SYS_read);
}

static inline int take_event(void *ctx, const struct gt_event *ev)
{
	struct fixture *f = ctx;

	if (ev->kind == GT_FRAME) {
		struct frame *to = &f->told[ev->u.frame.frame];

		assert_true(ev->u.frame.frame < MAX_FRAMES);
		assert_int_equal(to->name[0], 0); /* told once */
		f->last_frame = ev->u.frame.frame;
		to->kind = ev->u.frame.kind;
		to->line = ev->u.frame.line;
		snprintf(to->name, sizeof(to->name), "%s", ev->u.frame.name);
		snprintf(to->image, sizeof(to->image), "%s", ev->u.frame.image);
		snprintf(to->file, sizeof(to->file), "%s", ev->u.frame.file);
		return 0;
	}
	assert_int_equal(ev->kind, GT_STACK);
	f->here = true;
	f->stack.stack = ev->u.stack.stack;
	f->stack.flags = ev->u.stack.flags;
	f->stack.nframes = ev->u.stack.nframes;
	for (uint32_t i = 0; i < ev->u.stack.nframes; i++)
		f->frames[i] = f->told[ev->u.stack.frames[i]];
	return 0;
}

static inline void take_shape(void *ctx, const struct gt_wire_stack_key *key,
			      const struct gt_wire_stack_shape *shape)
{
	struct fixture *f = ctx;

	assert_false(f->here);
	f->has_shape = true;
	f->told_before_shape = f->last_frame;
	f->key = *key;
	f->shape = *shape;
}

/* Have the copy unwound. */
static inline void unwind_copy_of(struct fixture *f, pid_t pid)
{
	static const struct stacks_sink sink = { take_event, take_shape };

	f->here = f->has_shape = false;
	f->question.stack = ++f->stack_number;
	assert_int_equal(stacks_ask(f->stacks, &f->question, f->bytes,
				    f->kernel.frames ? &f->kernel : NULL, NULL, pid, NULL),
			 0);
	for (int i = 0; i < PATIENCE_MS && !f->here; i++) {
		assert_int_equal(stacks_collect(f->stacks, &sink, f), 0);
		if (!f->here)
			poll(NULL, 0, 1);
	}
	assert_true(f->here);
	assert_int_equal(f->stack.stack, f->question.stack);
	assert_int_equal(stacks_outstanding(f->stacks), 0);
}

static inline void unwind_copy(struct fixture *f, const struct child *c)
{
	unwind_copy_of(f, c->pid);
}

static inline void unwind_child(struct fixture *f, const struct child *c, pid_t tid)
{
	copy_child(f, c, tid);
	unwind_copy(f, c);
}

static inline int frame_at(const struct fixture *f, const char *name)
{
	for (uint32_t i = 0; i < f->stack.nframes; i++) {
		if (!strcmp(f->frames[i].name, name))
			return (int)i;
	}
	return -1;
}

static inline int count_frames(const struct fixture *f, const char *name)
{
	int n = 0;

	for (uint32_t i = 0; i < f->stack.nframes; i++)
		n += !strcmp(f->frames[i].name, name);
	return n;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->as = 7;
	assert_int_equal(stacks_start(&f->stacks), 0);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	stacks_free(f->stacks);
	free(f);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
