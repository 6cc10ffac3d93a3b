/* SPDX-License-Identifier: MIT */
/* Stacks as compilers, the C library, interpreters and code made at run time leave them. */
#include <alloca.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "stacks_fixture.h"

static struct child *waiting; /* for functions that are not given it */

static void expect_order(const struct fixture *f, const char *inner, const char *outer)
{
	if (frame_at(f, inner) < 0 || frame_at(f, inner) >= frame_at(f, outer)) {
		for (uint32_t i = 0; i < f->stack.nframes; i++)
			print_error("%u: %s\n", i, f->frames[i].name);
		fail_msg("%s is not called by %s", inner, outer);
	}
}

/* ---- frames whose size is not known before they run ---- */

__attribute__((noinline)) static int with_alloca(struct child *c, size_t size)
{
	volatile char *memory = alloca(size);
	int result;

	memory[0] = 1;
	result = child_wait(c);
	return result + memory[size - 1];
}

static int allocate(struct child *c)
{
	int result = with_alloca(c, (size_t)getpid() % 5000 + 100);

	STAY();
	return result;
}

static void moving_frame(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, allocate);
	unwind_child(f, &c, c.pid);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "child_wait", "with_alloca");
	expect_order(f, "with_alloca", "main");
	child_end(&c);
}

/* ---- threads ---- */

__attribute__((noinline)) static void *in_thread(void *c)
{
	int result = child_wait(c);

	STAY();
	return result ? c : NULL;
}

static int run_thread(struct child *c)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, in_thread, c) || pthread_join(thread, NULL);
}

static void another_thread(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, run_thread);
	assert_int_not_equal(c.tid, c.pid);
	unwind_child(f, &c, c.tid);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "child_wait", "in_thread");
	assert_int_equal(frame_at(f, "main"), -1);
	/* The C library's own part, which may be without symbols. */
	assert_true((uint32_t)frame_at(f, "in_thread") < f->stack.nframes - 1);
	assert_non_null(strstr(f->frames[f->stack.nframes - 1].image, "libc"));
	child_end(&c);
}

/* ---- signals ---- */

__attribute__((noinline)) static void on_signal(int sig)
{
	child_wait(waiting);
	STAY();
}

#ifdef __x86_64__
/* Stops at its first instruction: one byte before it is another function. */
__asm__(".text\n.type before_the_fault, @function\nbefore_the_fault:\n.cfi_startproc\nnop\nnop\nret\n"
	".cfi_endproc\n.size before_the_fault, . - before_the_fault\n"
	".globl faults_at_once\n.type faults_at_once, @function\nfaults_at_once:\n.cfi_startproc\n"
	"ud2\nret\n.cfi_endproc\n.size faults_at_once, . - faults_at_once\n");
void faults_at_once(void);

__attribute__((noinline)) static int fault(struct child *c)
{
	waiting = c;
	signal(SIGILL, on_signal);
	faults_at_once();
	STAY();
	return 0;
}

static void fault_at_the_first_instruction(void **state)
{
	struct fixture *f = *state;
	struct child c;
	int at;

	child_start(&c, fault);
	unwind_child(f, &c, c.pid);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "child_wait", "on_signal");
	expect_order(f, "on_signal", "faults_at_once");
	expect_order(f, "faults_at_once", "fault");
	at = frame_at(f, "faults_at_once");
	assert_int_equal(frame_at(f, "fault"), at + 1);
	/* The C library's return from the handler, by whatever name, lies between. */
	assert_int_equal(frame_at(f, "on_signal"), at - 2);
	child_end(&c);
}
#endif

static int on_another_stack(struct child *c)
{
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	waiting = c;
	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	STAY();
	return 0;
}

/* The interrupted stack is somewhere else: it was not copied. */
static void handler_on_another_stack(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, on_another_stack);
	unwind_child(f, &c, c.pid);
	assert_int_equal(f->stack.flags, GT_STACK_TRUNCATED);
	expect_order(f, "child_wait", "on_signal");
	assert_false(f->has_shape);
	child_end(&c);
}

/* ---- functions compiled into others ---- */

static int line_in_inner, line_of_call;

static inline __attribute__((always_inline)) int inner(struct child *c)
{
	int result;

	line_in_inner = __LINE__ + 1;
	result = child_wait(c);
	STAY();
	return result;
}

__attribute__((noinline)) static int outer(struct child *c)
{
	int result;

	line_of_call = __LINE__ + 1;
	result = inner(c);
	STAY();
	return result;
}

static void inlined(void **state)
{
	struct fixture *f = *state;
	struct child c;
	int at;

	outer(NULL); /* for the line numbers */
	child_start(&c, outer);
	unwind_child(f, &c, c.pid);
	at = frame_at(f, "outer");
	assert_true(at > 0);
	if (!f->frames[at].line)
		skip(); /* built without debug information */
	assert_string_equal(f->frames[at - 1].name, "inner");
	assert_int_equal(f->frames[at - 1].kind, GT_FRAME_INLINED);
	assert_int_equal(f->frames[at].kind, GT_FRAME_NATIVE);
	assert_int_equal(f->frames[at - 1].line, line_in_inner);
	assert_int_equal(f->frames[at].line, line_of_call);
	assert_non_null(strstr(f->frames[at].file, "test_stacks_programs.c"));
	child_end(&c);
}

/* ---- code made at run time ---- */

#ifdef __x86_64__
/* push %rbp; mov %rsp, %rbp; call *%rsi; pop %rbp; ret */
static const uint8_t with_frame_pointer[] = { 0x55, 0x48, 0x89, 0xe5, 0xff,
					      0xd6, 0x90, 0x5d, 0xc3 }; /* a nop: no trampoline */
/* The same with rbp used for something else: xor %ebp, %ebp */
static const uint8_t without[] = { 0x55, 0x31, 0xed, 0xff, 0xd6, 0x90, 0x5d, 0xc3 };
/* And one that is seen to take its frame down: push %rbp; sub $16, %rsp; xor %ebp, %ebp; call *%rsi;
 * add $16, %rsp; pop %rbp; ret */
static const uint8_t trampoline[] = { 0x55, 0x48, 0x83, 0xec, 0x10, 0x31, 0xed, 0xff,
				      0xd6, 0x48, 0x83, 0xc4, 0x10, 0x5d, 0xc3 };

static int run_made(struct child *c, const uint8_t *bytes, size_t len)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int (*made)(struct child *, int (*)(struct child *));
	char path[64];
	FILE *list;
	int result;

	memcpy(code, bytes, len);
	memcpy(&made, &code, sizeof(made));
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	list = fopen(path, "w");
	fprintf(list, "%lx %zx made_up\n", (unsigned long)code, len);
	fclose(list);
	result = made(c, child_wait);
	STAY();
	return result;
}

static int run_with_frame_pointer(struct child *c)
{
	return run_made(c, with_frame_pointer, sizeof(with_frame_pointer));
}

static int run_without(struct child *c)
{
	return run_made(c, without, sizeof(without));
}

static int run_trampoline(struct child *c)
{
	return run_made(c, trampoline, sizeof(trampoline));
}

static void forget_list(const struct child *c)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", c->pid);
	unlink(path);
}

static void made_at_run_time(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, run_with_frame_pointer);
	unwind_child(f, &c, c.pid);
	forget_list(&c);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "child_wait", "made_up");
	assert_int_equal(f->frames[frame_at(f, "made_up")].kind, GT_FRAME_JIT);
	expect_order(f, "made_up", "main");
	child_end(&c);
}

/* As CPython makes them with -X perf. */
static void made_trampoline(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, run_trampoline);
	unwind_child(f, &c, c.pid);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "child_wait", "made_up");
	expect_order(f, "made_up", "main");
	assert_true(f->has_shape);
	/* Also when its process has ended before another copy comes. */
	child_end(&c);
	poll(NULL, 0, 1100); /* maps are trusted for a second */
	unwind_copy(f, &c);
	forget_list(&c);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	assert_true(frame_at(f, "made_up") >= 0);
}

static void made_without_frame_pointer(void **state)
{
	struct fixture *f = *state;
	struct child c;

	child_start(&c, run_without);
	unwind_child(f, &c, c.pid);
	forget_list(&c);
	assert_int_equal(f->stack.flags, GT_STACK_BROKEN);
	assert_int_equal(frame_at(f, "made_up"), (int)f->stack.nframes - 1);
	assert_false(f->has_shape);
	child_end(&c);
}
#endif

/* ---- other programs ---- */

/* All threads of `command` once `nthreads` of them wait: the first in read(), others in futex(). */
static void expect_complete(struct fixture *f, char *const command[], int nthreads)
{
	char path[64];
	struct dirent *d;
	int in[2], n;
	pid_t pid;
	DIR *dir;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		execv(command[0], command);
		_exit(127);
	}
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for (int i = 0; i < PATIENCE_MS; i++) {
		dir = opendir(path);
		n = 0;
		while (dir && (d = readdir(dir)))
			n += *d->d_name != '.';
		closedir(dir);
		if (n == nthreads)
			break;
		poll(NULL, 0, 1);
	}
	assert_int_equal(n, nthreads);
	dir = opendir(path);
	while ((d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (!tid)
			continue;
		copy_thread(f, pid, tid, tid == pid ? SYS_read : SYS_futex);
		unwind_copy_of(f, pid);
		assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
		assert_true(frame_at(f, "_PyEval_EvalFrameDefault") > 0);
		if (tid == pid)
			assert_true(frame_at(f, "Py_BytesMain") > 0);
	}
	closedir(dir);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(in[0]);
	close(in[1]);
}

/* Debian's is stripped and has no frame pointers. */
static void python(void **state)
{
	char *command[] = { "/usr/bin/python3", "-c",
			    "import threading, sys\n"
			    "for i in range(3):\n"
			    " threading.Thread(target=threading.Event().wait).start()\n"
			    "sys.stdin.read()",
			    NULL };

	if (access(command[0], X_OK))
		skip();
	expect_complete(*state, command, 4);
}

/* ---- files and helpers that go away ---- */

static char self[PATH_MAX], copy[PATH_MAX];

static int run_copy(struct child *c)
{
	char ready[16], go[16];

	snprintf(ready, sizeof(ready), "%d", c->ready[1]);
	snprintf(go, sizeof(go), "%d", c->go[0]);
	execl(copy, copy, ready, go, NULL);
	return -1;
}

__attribute__((noinline)) static int as_a_copy(char **argv)
{
	struct child c = { .ready = { -1, atoi(argv[1]) }, .go = { atoi(argv[2]), -1 } };
	int result = child_wait(&c);

	STAY();
	return result;
}

static void replaced_program(void **state)
{
	struct fixture *f = *state;
	char command[4 * PATH_MAX];
	struct child c;

	snprintf(copy, sizeof(copy), "/tmp/giltrace-stacks-%d", getpid());
	snprintf(command, sizeof(command), "cp '%s' '%s'", self, copy);
	assert_int_equal(system(command), 0);
	child_start(&c, run_copy);
	snprintf(command, sizeof(command), "cp /bin/true '%s.new' && mv '%s.new' '%s'", copy, copy,
		 copy);
	assert_int_equal(system(command), 0);
	unwind_child(f, &c, c.pid);
	unlink(copy);
	/* What it runs is still named, not what has its name now. */
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "child_wait", "as_a_copy");
	expect_order(f, "as_a_copy", "main");
	child_end(&c);
}

static int wait_only(struct child *c)
{
	int result = child_wait(c);

	STAY();
	return result;
}

static pid_t worker_of(pid_t helper)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", helper, helper);
	f = fopen(path, "r");
	assert_non_null(f);
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

/* The next one goes on with the numbers. */
static void lost_worker(void **state)
{
	struct fixture *f = *state;
	pid_t worker;
	struct child c;

	child_start(&c, wait_only);
	unwind_child(f, &c, c.pid);
	worker = worker_of(stacks_pid(f->stacks));
	assert_true(worker > 0);
	kill(worker, SIGKILL);
	for (int i = 0; i < PATIENCE_MS && worker_of(stacks_pid(f->stacks)) == worker; i++)
		poll(NULL, 0, 1);
	unwind_copy(f, &c);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "wait_only", "main");
	child_end(&c);
}

/* Nothing is taken from the helper: sooner or later it takes no more, and all that it took is
 * answered. */
static void too_many(void **state)
{
	static const struct stacks_sink sink = { take_event, NULL };
	struct fixture *f = *state;
	int err = 0, asked = 0;
	struct child c;

	child_start(&c, wait_only);
	copy_child(f, &c, c.pid);
	f->question.bytes = GT_STACK_BYTES_MAX;
	while (!err && asked < 1000000) {
		err = stacks_ask(f->stacks, &f->question, f->bytes, NULL, NULL, c.pid, NULL);
		asked += !err;
	}
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(stacks_outstanding(f->stacks), asked);
	assert_int_equal(stacks_stop(f->stacks, PATIENCE_MS, &sink, f), 0);
	assert_int_equal(stacks_outstanding(f->stacks), 0);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	child_end(&c);
}

/* Names are not worth a young program's CPUs: it is unwound at once, and named when no more is asked. */
static void young(void **state)
{
	static const struct stacks_sink sink = { take_event, take_shape };
	struct fixture *f = *state;
	struct child c;

	child_start(&c, wait_only);
	copy_child(f, &c, c.pid);
	f->question.stack = ++f->stack_number;
	assert_int_equal(stacks_ask(f->stacks, &f->question, f->bytes, NULL, NULL, c.pid, NULL), 0);
	for (int i = 0; i < PATIENCE_MS && !f->has_shape; i++) {
		assert_int_equal(stacks_collect(f->stacks, &sink, f), 0);
		poll(NULL, 0, 1);
	}
	assert_true(f->has_shape);
	poll(NULL, 0, 100); /* several times as long as naming waits for in an old one */
	assert_int_equal(stacks_collect(f->stacks, &sink, f), 0);
	assert_false(f->here);
	child_end(&c); /* its names do without it */
	assert_int_equal(stacks_stop(f->stacks, PATIENCE_MS, &sink, f), 0);
	assert_true(f->here);
	assert_int_equal(f->stack.flags, GT_STACK_COMPLETE);
	expect_order(f, "wait_only", "main");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(moving_frame),
		TEST(another_thread),
		TEST(handler_on_another_stack),
		TEST(inlined),
#ifdef __x86_64__
		TEST(fault_at_the_first_instruction),
		TEST(made_at_run_time),
		TEST(made_trampoline),
		TEST(made_without_frame_pointer),
#endif
		TEST(python),
		TEST(replaced_program),
		TEST(lost_worker),
		TEST(too_many),
		TEST(young),
	};
	int failed;

	if (argc == 3) {
		failed = as_a_copy(argv);
	} else {
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
			return 1;
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	}
	STAY();
	return failed;
}
