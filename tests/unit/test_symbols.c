/* SPDX-License-Identifier: MIT */
/* Names of this process's own words, and a helper that is asked too much, crashes or is killed. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "symbols_fixture.h"

int test_symbols_global[8] = { 1 };
static int test_symbols_static[8] = { 1 };
char test_symbols_bss[3 << 20]; /* far larger than the last page of the file's mapping */

/* ---- words of this process ---- */

static void own_variables(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const void *addr;
		const char *name;
	} rows[] = {
		{ test_symbols_global, "test_symbols_global" },
		{ &test_symbols_global[3], "test_symbols_global+0xc" },
		{ test_symbols_static, "test_symbols_static" },
		{ &test_symbols_static[1], "test_symbols_static+0x4" },
		{ test_symbols_bss, "test_symbols_bss" },
		{ test_symbols_bss + (2 << 20) + 1, "test_symbols_bss+0x200001" },
	};
	struct answer a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(f, getpid(), rows[i].addr, NULL, &a);
		assert_string_equal(a.name, rows[i].name);
		assert_string_equal(a.image, f->self);
		assert_int_equal(a.ino, 0);
	}
}

/* The offset is that in the file: reading the file there gives what the word was initialised to. */
static void offset_in_file(void **state)
{
	static const uint64_t mark[2] = { 0x6b6f6f6c2d6c6967ull, 0x7972617465636172ull };
	struct fixture *f = *state;
	int fd = open("/proc/self/exe", O_RDONLY);
	uint64_t read_back = 0;
	struct answer a;

	ask(f, getpid(), &mark[1], NULL, &a);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &read_back, sizeof(read_back), (off_t)a.offset),
			 sizeof(read_back));
	assert_true(read_back == mark[1]);
	close(fd);
}

static void library_variables(void **state)
{
	struct fixture *f = *state;
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	const char *bss;
	struct answer a;

	if (!libc)
		skip(); /* another C library */
	ask(f, getpid(), (char *)stdout + 4, NULL, &a);
	assert_string_equal(a.name, "_IO_2_1_stdout_+0x4");
	assert_non_null(strstr(a.image, "/libc.so.6"));
	bss = dlsym(libc, "optarg");
	assert_non_null(bss);
	ask(f, getpid(), bss, NULL, &a);
	assert_string_equal(a.name, "optarg");
	assert_non_null(strstr(a.image, "/libc.so.6"));
	dlclose(libc);
}

static void memory_without_a_file(void **state)
{
	struct fixture *f = *state;
	int on_stack;
	void *anon =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *heap = sbrk(64);
	struct answer a;

	ask(f, getpid(), heap, NULL, &a);
	assert_string_equal(a.image, "[heap]");
	assert_string_equal(a.name, "");
	ask(f, getpid(), &on_stack, NULL, &a);
	assert_string_equal(a.image, "[stack]");
	ask(f, getpid(), (char *)anon + 4096, NULL, &a);
	assert_string_equal(a.image, "[anon]");
	assert_string_equal(a.name, "");
	munmap(anon, 1 << 20);
	ask(f, getpid(), NULL, NULL, &a);
	assert_string_equal(a.image, "");
}

/* Mapped after the address space's maps were first read: they are read again. */
static void memory_mapped_later(void **state)
{
	struct fixture *f = *state;
	struct answer a;
	void *anon;

	ask_as(f, 1000, getpid(), test_symbols_global, NULL, &a);
	anon = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < PATIENCE_MS && strcmp(a.image, "[anon]"); i++) {
		ask_as(f, 1000, getpid(), anon, NULL, &a);
		poll(NULL, 0, 1);
	}
	assert_string_equal(a.image, "[anon]");
	munmap(anon, 1 << 20);
}

/* `fd` mapped shared from `offset` on: who else maps it must get the same identity. */
static void assert_shared(struct fixture *f, int fd, off_t offset)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	struct answer a, b;
	struct stat st;
	char *other;

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(fstat(fd, &st), 0);
	ask(f, getpid(), at + 12, NULL, &a);
	assert_int_equal(a.ino, st.st_ino);
	assert_int_equal(a.shared_offset, offset + 12);
	other = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(other, MAP_FAILED);
	ask(f, getpid(), other + offset + 12, NULL, &b);
	assert_int_equal(a.dev, b.dev);
	assert_int_equal(a.ino, b.ino);
	assert_int_equal(a.shared_offset, b.shared_offset);
	assert_string_equal(a.image, b.image);
	munmap(at, 4096);
	munmap(other, 8192);
}

static void shared_memory(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	int fd;

	in_dir(f, "shared", path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_shared(f, fd, 4096);
	unlink(path);
	assert_shared(f, fd, 4096);
	close(fd);
	fd = memfd_create("locks", 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_shared(f, fd, 4096);
	close(fd);
}

static void shared_with_a_child(void **state)
{
	struct fixture *f = *state;
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct answer a, b;
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	ask(f, getpid(), at + 4100, NULL, &a);
	ask(f, child, at + 4100, NULL, &b);
	assert_true(a.ino != 0);
	assert_int_equal(a.ino, b.ino);
	assert_int_equal(a.dev, b.dev);
	assert_int_equal(a.shared_offset, 4100);
	assert_int_equal(b.shared_offset, 4100);
	assert_string_equal(a.image, "[anon]");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* A private mapping of a file is no shared futex's home, and no image unless it is loaded like one.
 */
static void file_read_through_memory(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->self, O_RDONLY);
	char *at = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 4096);
	struct answer a;

	ask(f, getpid(), at + 4100, NULL, &a);
	assert_string_equal(a.image, f->self);
	assert_int_equal(a.offset, 8196);
	assert_int_equal(a.ino, 0);
	munmap(at, 8192);
	close(fd);
}

/* ---- the helper ---- */

static void crashed_worker(void **state)
{
	struct fixture *f = *state;
	struct answer a;
	pid_t worker;

	ask(f, getpid(), test_symbols_global, NULL, &a);
	worker = worker_of(f);
	if (!worker)
		skip(); /* this kernel does not list children */
	kill(worker, SIGSEGV);
	ask(f, getpid(), test_symbols_global, NULL, &a);
	assert_string_equal(a.name, "test_symbols_global");
	assert_int_not_equal(worker_of(f), worker);
}

static void killed_helper(void **state)
{
	struct fixture *f = *state;
	struct answer a = { 0 };
	int err = 0;

	kill(symbols_pid(f->symbols), SIGKILL);
	for (int i = 0; i < PATIENCE_MS && err != -EPIPE; i++) {
		err = symbols_ask(f->symbols, 1, getpid(), 4096, NULL);
		poll(NULL, 0, 1);
	}
	assert_int_equal(err, -EPIPE);
	for (err = 0; err != -EPIPE;)
		err = symbols_collect(f->symbols, &answers, &a);
	assert_int_equal(symbols_ask(f->symbols, 1, getpid(), 4096, NULL), -EPIPE);
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, &answers, &a), 0);
}

static int count(void *ctx, const struct gt_event *ev)
{
	assert_string_equal(ev->u.symbol.name, "test_symbols_global");
	++*(int *)ctx;
	return 0;
}

/* A helper that does not keep up makes asking fail, not wait; what was asked is answered at the
 * end. */
static void too_many_questions(void **state)
{
	struct fixture *f = *state;
	int asked = 0, answered = 0, err;

	kill(symbols_pid(f->symbols), SIGSTOP);
	if (worker_of(f))
		kill(worker_of(f), SIGSTOP);
	while (!(err = symbols_ask(f->symbols, 1, getpid(), (uintptr_t)test_symbols_global, NULL)))
		asked++;
	assert_int_equal(err, -EAGAIN);
	assert_true(asked > 50);
	if (worker_of(f))
		kill(worker_of(f), SIGCONT);
	kill(symbols_pid(f->symbols), SIGCONT);
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, &(struct symbols_sink){ count }, &answered), 0);
	assert_int_equal(answered, asked);
}

static int refuse(void *ctx, const struct gt_event *ev)
{
	return -ENOSPC;
}

static void taker_that_fails(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symbols_ask(f->symbols, 1, getpid(), 4096, NULL), 0);
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, &(struct symbols_sink){ refuse }, NULL), -ENOSPC);
}

static void helper_ends_with_its_parent(void **state)
{
	int out[2];
	pid_t child, helper = 0;
	struct symbols *s;

	assert_int_equal(pipe(out), 0);
	child = fork();
	if (!child) {
		if (symbols_start(&s))
			_exit(1);
		helper = symbols_pid(s);
		if (write(out[1], &helper, sizeof(helper)) != sizeof(helper))
			_exit(1);
		pause();
	}
	assert_int_equal(read(out[0], &helper, sizeof(helper)), sizeof(helper));
	kill(helper, SIGINT);
	kill(helper, SIGTERM);
	/* All writers of this pipe gone: neither helper nor worker kept a copy, though made after
	 * it. */
	close(out[1]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(read(out[0], &helper, 1), 0);
	for (int i = 0; i < PATIENCE_MS && !kill(helper, 0); i++)
		poll(NULL, 0, 1);
	assert_int_equal(kill(helper, 0), -1);
	close(out[0]);
}

static void freed_without_a_stop(void **state)
{
	struct symbols *s;

	symbols_free(NULL);
	assert_int_equal(symbols_start(&s), 0);
	assert_int_equal(symbols_ask(s, 1, getpid(), 4096, NULL), 0);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(own_variables),
		TEST(offset_in_file),
		TEST(library_variables),
		TEST(memory_without_a_file),
		TEST(memory_mapped_later),
		TEST(shared_memory),
		TEST(shared_with_a_child),
		TEST(file_read_through_memory),
		TEST(crashed_worker),
		TEST(killed_helper),
		TEST(too_many_questions),
		TEST(taker_that_fails),
		TEST(helper_ends_with_its_parent),
		TEST(freed_without_a_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
