/* SPDX-License-Identifier: MIT */
/* Names of words in processes that live, have ended, were deleted, or mean harm. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/image.h"
#include "user/maps.h"
#include "user/symbols.h"

#define PATIENCE_MS 20000 /* a test that waits this long has failed; none measures time */

int test_symbols_global[8] = { 1 };
static int test_symbols_static[8] = { 1 };
char test_symbols_bss[3 << 20]; /* far larger than the last page of the file's mapping */

struct answer {
	bool here;
	uint32_t as;
	uint64_t addr;
	char name[1024], image[PATH_MAX];
	uint64_t offset, dev, ino, shared_offset;
};

struct fixture {
	struct symbols *symbols;
	uint32_t as;	     /* the last one used */
	char dir[PATH_MAX];  /* for files of the test */
	char self[PATH_MAX]; /* this program */
};

static int take(void *ctx, const struct gt_event *ev)
{
	struct answer *a = ctx;

	assert_int_equal(ev->kind, GT_SYMBOL);
	assert_int_equal(ev->cpu, GT_CPU_COLLECTOR);
	a->here = true;
	a->as = ev->u.symbol.as;
	a->addr = ev->u.symbol.addr;
	snprintf(a->name, sizeof(a->name), "%s", ev->u.symbol.name);
	snprintf(a->image, sizeof(a->image), "%s", ev->u.symbol.image);
	a->offset = ev->u.symbol.image_offset;
	a->dev = ev->u.symbol.shared_dev;
	a->ino = ev->u.symbol.shared_ino;
	a->shared_offset = ev->u.symbol.shared_offset;
	return 0;
}

static void ask_as(struct fixture *f, uint32_t as, pid_t pid, const void *addr,
		   const struct symbols_exec *exec, struct answer *a)
{
	*a = (struct answer){ 0 };
	assert_int_equal(symbols_ask(f->symbols, as, pid, (uintptr_t)addr, exec), 0);
	for (int i = 0; i < PATIENCE_MS && !a->here; i++) {
		int n = symbols_collect(f->symbols, take, a);

		assert_true(n >= 0);
		if (!n)
			poll(NULL, 0, 1);
	}
	assert_true(a->here);
	assert_int_equal(a->as, as);
	assert_int_equal(a->addr, (uintptr_t)addr);
}

static void ask(struct fixture *f, pid_t pid, const void *addr, const struct symbols_exec *exec,
		struct answer *a)
{
	ask_as(f, ++f->as, pid, addr, exec, a);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "%s/giltrace-symbols-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	assert_true(readlink("/proc/self/exe", f->self, sizeof(f->self) - 1) > 0);
	assert_int_equal(symbols_start(&f->symbols), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[PATH_MAX + 16];

	symbols_free(f->symbols);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void in_dir(const struct fixture *f, const char *name, char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", f->dir, name) < PATH_MAX);
}

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

static uint32_t kernel_dev(dev_t dev)
{
	return major(dev) << 20 | minor(dev);
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

/* ---- words of other programs ---- */

struct program {
	pid_t pid;
	int pipe; /* closing it ends the program */
	uint64_t data, bss;
	struct symbols_exec exec; /* path is the caller's */
};

static void learn_exec(struct program *p, const char *path)
{
	char name[64], text[2048], *at;
	struct maps m = { 0 };
	FILE *stat_file;
	int maps_fd;
	size_t len;

	snprintf(name, sizeof(name), "/proc/%d/stat", p->pid);
	stat_file = fopen(name, "r");
	assert_non_null(stat_file);
	len = fread(text, 1, sizeof(text) - 1, stat_file);
	fclose(stat_file);
	text[len] = '\0';
	at = strrchr(text, ')') + 1;
	for (int field = 3; field < 26; field++)
		at = strchr(at + 1, ' ');
	p->exec = (struct symbols_exec){ .path = path, .start_code = strtoull(at, NULL, 10) };
	snprintf(name, sizeof(name), "/proc/%d/maps", p->pid);
	maps_fd = open(name, O_RDONLY);
	assert_int_equal(maps_read(&m, maps_fd), 0);
	close(maps_fd);
	assert_non_null(maps_find(&m, p->exec.start_code));
	p->exec.dev = maps_find(&m, p->exec.start_code)->dev;
	p->exec.ino = maps_find(&m, p->exec.start_code)->ino;
	maps_release(&m);
}

/* Run `path`, which prints the addresses of a word in .data and one in .bss and reads its input to
 * the end. */
static void launch(struct program *p, const char *path)
{
	int in[2], out[2];
	char line[128] = "";

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path, path, "--words", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->pipe = in[1];
	assert_true(read(out[0], line, sizeof(line) - 1) > 0);
	close(out[0]);
	assert_int_equal(sscanf(line, "%" SCNx64 " %" SCNx64, &p->data, &p->bss), 2);
	learn_exec(p, path);
}

static void end_program(struct program *p)
{
	close(p->pipe);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

/* What `launch` expects, done by this program itself. */
static int print_words(void)
{
	char byte;

	printf("%" PRIxPTR " %" PRIxPTR "\n", (uintptr_t)&test_symbols_global[2],
	       (uintptr_t)(test_symbols_bss + (1 << 20)));
	fflush(stdout);
	return read(0, &byte, 1) == 0 ? 0 : 1;
}

static void expect_words(struct fixture *f, const struct program *p,
			 const struct symbols_exec *exec, const char *image)
{
	struct answer a;

	ask(f, p->pid, (void *)(uintptr_t)p->data, exec, &a);
	assert_string_equal(a.name, "test_symbols_global+0x8");
	assert_string_equal(a.image, image);
	ask(f, p->pid, (void *)(uintptr_t)p->bss, exec, &a);
	assert_string_equal(a.name, "test_symbols_bss+0x100000");
	assert_string_equal(a.image, image);
}

static void another_process(void **state)
{
	struct fixture *f = *state;
	struct program p;

	launch(&p, f->self);
	expect_words(f, &p, NULL, f->self);
	expect_words(f, &p, &p.exec, f->self);
	end_program(&p);
}

static void ended_process_known_before(void **state)
{
	struct fixture *f = *state;
	struct program p;
	struct answer a;

	launch(&p, f->self);
	ask_as(f, 2000, p.pid, (void *)(uintptr_t)p.data, NULL, &a);
	end_program(&p);
	ask_as(f, 2000, p.pid, (void *)(uintptr_t)p.bss, NULL, &a);
	assert_string_equal(a.name, "test_symbols_bss+0x100000");
}

static void ended_process_by_exec(void **state)
{
	struct fixture *f = *state;
	struct symbols_exec other;
	struct program p;
	struct answer a;

	launch(&p, f->self);
	end_program(&p);
	expect_words(f, &p, &p.exec, f->self);
	/* Not without knowing the program, not another file, not memory that was never the
	 * program's. */
	ask(f, p.pid, (void *)(uintptr_t)p.data, NULL, &a);
	assert_string_equal(a.image, "");
	other = p.exec;
	other.ino++;
	ask(f, p.pid, (void *)(uintptr_t)p.data, &other, &a);
	assert_string_equal(a.image, "");
	ask(f, p.pid, (void *)(uintptr_t)(p.data ^ 1ull << 40), &p.exec, &a);
	assert_string_equal(a.image, "");
}

static void relative_program(void **state)
{
	struct fixture *f = *state;
	char *slash = strrchr(f->self, '/'), cwd[PATH_MAX], name[PATH_MAX];
	struct program p;
	struct answer a;

	launch(&p, f->self);
	end_program(&p);
	snprintf(cwd, sizeof(cwd), "%.*s", (int)(slash - f->self), f->self);
	snprintf(name, sizeof(name), "./%s", slash + 1);
	p.exec.path = name;
	p.exec.cwd = cwd;
	expect_words(f, &p, &p.exec, f->self);
	p.exec.cwd = NULL;
	ask(f, p.pid, (void *)(uintptr_t)p.data, &p.exec, &a);
	assert_string_equal(a.image, "");
}

/* A number that by now is another program's: its mappings are not those that were asked about. */
static void number_used_again(void **state)
{
	struct fixture *f = *state;
	struct symbols_exec exec = {
		.path = "/nowhere", .dev = 1, .ino = 1, .start_code = 0x400000
	};
	struct answer a;

	ask(f, getpid(), test_symbols_global, &exec, &a);
	assert_string_equal(a.image, "");
	assert_string_equal(a.name, "");
}

static void copy_file(const char *from, const char *to)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static void deleted_program(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct program p;

	if (geteuid())
		skip(); /* only root may open what is mapped and has no name */
	in_dir(f, "soon gone", path);
	copy_file(f->self, path);
	launch(&p, path);
	unlink(path);
	expect_words(f, &p, &p.exec, path);
	end_program(&p);
}

static void odd_file_name(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], seen[PATH_MAX];
	struct program p;

	if (geteuid())
		skip(); /* as above: the kernel's spelling of the name cannot be opened */
	in_dir(f, "new\nline (deleted)x", path);
	in_dir(f, "new\\012line (deleted)x", seen);
	copy_file(f->self, path);
	launch(&p, path);
	expect_words(f, &p, &p.exec, seen);
	end_program(&p);
}

/* ---- the ways programs are linked ---- */

static const char program_source[] =
	"#include <stdio.h>\n"
	"int test_symbols_global[8] = { 1 };\n"
	"char test_symbols_bss[3 << 20];\n"
	"int main(void)\n"
	"{\n"
	"	printf(\"%lx %lx\\n\", (long)&test_symbols_global[2], (long)(test_symbols_bss + (1 << 20)));\n"
	"	fflush(stdout);\n"
	"	return getchar() == EOF ? 0 : 1;\n"
	"}\n";

static bool run(const struct fixture *f, const char *command)
{
	char line[PATH_MAX + 512];

	snprintf(line, sizeof(line), "cd '%s' && { %s; } >/dev/null 2>&1", f->dir, command);
	return system(line) == 0;
}

static void write_source(const struct fixture *f)
{
	char path[PATH_MAX];
	FILE *file;

	in_dir(f, "program.c", path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(program_source, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void kinds_of_programs(void **state)
{
	struct fixture *f = *state;
	static const char *const commands[] = {
		"gcc -pie -fPIE program.c -o program",
		"gcc -no-pie -fno-pie program.c -o program",
		"gcc -static program.c -o program",
		"gcc -static-pie -fPIE program.c -o program",
		"gcc -Wl,-z,noseparate-code program.c -o program",
		"gcc -Wl,-z,now,-z,relro program.c -o program",
		"gcc -Wl,-z,max-page-size=0x200000 program.c -o program",
		/* Without its own table: the debug file beside it. */
		"gcc program.c -o program && objcopy --only-keep-debug program program.debug &&"
		" strip program && objcopy --add-gnu-debuglink=program.debug program",
		/* Without any: what it exports. */
		"gcc -rdynamic program.c -o program && strip program && rm -f program.debug",
	};
	char path[PATH_MAX];
	struct program p;

	write_source(f);
	if (!run(f, "gcc -static-pie -fPIE program.c -o program"))
		skip(); /* no compiler */
	in_dir(f, "program", path);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		unlink(path);
		assert_true(run(f, commands[i]));
		launch(&p, path);
		expect_words(f, &p, &p.exec, path);
		end_program(&p);
		expect_words(f, &p, &p.exec, path);
	}
}

static void foreign_debug_file(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct program p;
	struct answer a;

	write_source(f);
	if (!run(f,
		 "gcc program.c -o program && objcopy --only-keep-debug program program.debug &&"
		 "strip program && objcopy --add-gnu-debuglink=program.debug program &&"
		 "sed -i s/1/2/ program.c && gcc program.c -o other && objcopy --only-keep-debug other program.debug"))
		skip(); /* no compiler */
	in_dir(f, "program", path);
	launch(&p, path);
	ask(f, p.pid, (void *)(uintptr_t)p.data, &p.exec, &a);
	assert_string_equal(a.name, "");
	assert_string_equal(a.image, path);
	end_program(&p);
}

/* ---- files that are not what they seem ---- */

static struct image *read_image(const char *path)
{
	int fd = open(path, O_RDONLY), err;
	struct image *img = image_read(fd, path, &err);

	close(fd);
	assert_true(img ? !err : err < 0);
	return img;
}

static void damaged_images(void **state)
{
	struct fixture *f = *state;
	struct image *img = read_image(f->self);
	uint64_t into;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	assert_non_null(img);
	image_free(img);
	in_dir(f, "damaged", path);
	copy_file(f->self, path);
	fd = open(path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	/* Every byte of the header, then of the section headers at the end. */
	for (off_t i = 0; i < 2112; i++) {
		off_t at = i < 1088 ? i : st.st_size - 1 - (i - 1088) * 3;
		unsigned char was, now;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		now = (unsigned char)~was;
		assert_int_equal(pwrite(fd, &now, 1, at), 1);
		img = read_image(path);
		if (img)
			image_symbol(img, 0x4000, &into);
		image_free(img);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	assert_int_equal(ftruncate(fd, 700), 0);
	image_free(read_image(path));
	close(fd);
}

static void not_an_image(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], *at;
	struct answer a;
	int fd;

	in_dir(f, "text", path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, "words", 5, 4091), 5);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ask(f, getpid(), at + 100, NULL, &a);
	assert_string_equal(a.name, "");
	assert_string_equal(a.image, path);
	assert_int_equal(a.offset, 100);
	munmap(at, 4096);
	/* Too large to be read, whatever it is. */
	in_dir(f, "large", path);
	copy_file(f->self, path);
	assert_int_equal(truncate(path, (off_t)IMAGE_MAX_FILE + 1), 0);
	assert_null(read_image(path));
	close(fd);
}

/* A pipe under the name of the program: opening it would wait for ever. */
static void pipe_for_a_program(void **state)
{
	struct fixture *f = *state;
	struct symbols_exec exec = { .start_code = 0x401000 };
	char path[PATH_MAX];
	struct answer a;
	struct stat st;

	in_dir(f, "pipe", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	exec.path = path;
	exec.dev = kernel_dev(st.st_dev);
	exec.ino = st.st_ino;
	ask(f, 0x3fffff, (void *)0x404000, &exec, &a);
	assert_string_equal(a.image, "");
}

/* Who opens a leased file waits for the lease's holder, here for the one who asks. */
static void leased_file(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], *at;
	struct answer a;
	int fd;

	in_dir(f, "leased", path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 4096), 0);
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	signal(SIGIO, SIG_IGN);
	if (fcntl(fd, F_SETLEASE, F_WRLCK))
		skip(); /* not on this filesystem */
	ask(f, getpid(), at, NULL, &a);
	assert_string_equal(a.image, path);
	munmap(at, 4096);
	close(fd);
}

/* ---- maps files ---- */

static void maps_lines(void **state)
{
	static const char text[] =
		"00400000-00401000 r--p 00000000 fe:00 42                         /bin/a b\\012c\n"
		"00401000-00402000 r-xp 00001000 fe:00 42                         /bin/a b\\012c\n"
		"00402000-00403000 rw-p 00000000 00:00 0 \n"
		"01000000-01001000 rw-p 00000000 00:00 0                          [heap]\n"
		"02000000-02001000 rw-s 00003000 00:01 77                         /memfd:x (deleted)\n"
		"03000000-03001000 rw-p 00000000 00:00 0                          [anon: arena]\n"
		"04000000-04001000 rw-p 00000000 103:0a 18446744073709551615      /[heap]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n";
	static const struct {
		uint64_t addr;
		enum maps_kind kind;
		const char *name;
	} rows[] = {
		{ 0x400000, MAPS_FILE_PRIVATE, "/bin/a b\\012c" },
		{ 0x401fff, MAPS_FILE_PRIVATE, "/bin/a b\\012c" },
		{ 0x402000, MAPS_ANON, "" },
		{ 0x1000fff, MAPS_HEAP, "[heap]" },
		{ 0x2000000, MAPS_FILE_SHARED, "/memfd:x" },
		{ 0x3000000, MAPS_ANON, "[anon: arena]" },
		{ 0x4000000, MAPS_FILE_PRIVATE, "/[heap]" },
		{ 0xffffffffff600fff, MAPS_SPECIAL, "[vsyscall]" },
	};
	static const uint64_t nowhere[] = { 0, 0x3fffff, 0x403000, 0x1001000, UINT64_MAX };
	const struct maps_entry *e;
	struct maps m = { 0 };

	assert_int_equal(maps_parse(&m, text, sizeof(text) - 1), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = maps_find(&m, rows[i].addr);
		assert_non_null(e);
		assert_int_equal(maps_kind(&m, e), rows[i].kind);
		assert_string_equal(maps_name(&m, e), rows[i].name);
	}
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		assert_null(maps_find(&m, nowhere[i]));
	e = maps_find(&m, 0x2000000);
	assert_int_equal(e->offset, 0x3000);
	assert_int_equal(e->flags, MAPS_SHARED | MAPS_WRITE | MAPS_DELETED);
	e = maps_find(&m, 0x4000000);
	assert_int_equal(e->dev, 0x103 << 20 | 10);
	assert_true(e->ino == UINT64_MAX);
	maps_release(&m);
}

static void maps_refused(void **state)
{
	static const char *const lines[] = {
		"\n",
		"00400000-00401000 r--p 00000000 fe:00 42 /no/newline",
		"00401000-00400000 r--p 00000000 fe:00 42 /backwards\n",
		"00400000-00400000 r--p 00000000 fe:00 42 /empty\n",
		"10000000000000000-10000000000001000 r--p 00000000 fe:00 42 /wide\n",
		"00400000-00401000 rwzp 00000000 fe:00 42 /flags\n",
		"00400000-00401000 r--p 00000000 fe:00 -1 /ino\n",
		"00400000-00401000 r--p 00000000 fe:00 18446744073709551616 /ino\n",
		"00400000-00401000 r--p 00000000 fe00 42 /dev\n",
		"00400000-00401000 r--p 00000000 1000:00 42 /dev\n",
		"00400000-00401000 r--p 00000000 fe:00 42x/bin/a\n",
		"0x400000-00401000 r--p 00000000 fe:00 42 /prefix\n",
		" 00400000-00401000 r--p 00000000 fe:00 42 /space\n",
	};
	static const char nul[] = "00400000-00401000 r--p 00000000 fe:00 42 /a\0b\n";
	struct maps m = { 0 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(maps_parse(&m, lines[i], strlen(lines[i])), -EBADMSG);
	assert_int_equal(maps_parse(&m, nul, sizeof(nul) - 1), -EBADMSG);
	assert_int_equal(m.count, 0);
	maps_release(&m);
}

/* Told twice because it grew while the file was read: order and disjointness hold all the same. */
static void maps_overlapping(void **state)
{
	static const char text[] = "00400000-00403000 rw-p 00000000 00:00 0 \n"
				   "00401000-00405000 rw-p 00000000 00:00 0 \n"
				   "00100000-00105000 rw-p 00000000 00:00 0 \n"
				   "00405000-00406000 rw-p 00000000 00:00 0 \n";
	struct maps m = { 0 };

	assert_int_equal(maps_parse(&m, text, sizeof(text) - 1), 0);
	assert_int_equal(m.count, 2);
	assert_non_null(maps_find(&m, 0x402fff));
	assert_null(maps_find(&m, 0x404fff));
	assert_non_null(maps_find(&m, 0x405000));
	maps_release(&m);
}

static void maps_of_any_size(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct maps m = { 0 };
	FILE *file;
	int fd;

	in_dir(f, "maps", path);
	file = fopen(path, "w");
	for (unsigned int i = 1; i <= 100000; i++)
		fprintf(file, "%x000-%x000 rw-p 00000000 00:00 0 %s\n", i, i + 1,
			i % 2 ? "" : "[anon: x]");
	fclose(file);
	fd = open(path, O_RDONLY);
	assert_int_equal(maps_read(&m, fd), 0);
	assert_int_equal(m.count, 100000);
	assert_non_null(maps_find(&m, 99999ull << 12 | 7));
	close(fd);
	file = fopen(path, "a");
	for (unsigned int i = 100001; i <= 300000; i++)
		fprintf(file, "%x000-%x000 rw-p 00000000 00:00 0 \n", i, i + 1);
	fclose(file);
	fd = open(path, O_RDONLY);
	assert_int_equal(maps_read(&m, fd), -E2BIG);
	assert_int_equal(m.count, 0);
	close(fd);
}

/* ---- the helper ---- */

static pid_t worker_of(const struct fixture *f)
{
	char path[64], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", symbols_pid(f->symbols),
		 symbols_pid(f->symbols));
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

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
		err = symbols_collect(f->symbols, take, &a);
	assert_int_equal(symbols_ask(f->symbols, 1, getpid(), 4096, NULL), -EPIPE);
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, take, &a), 0);
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
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, count, &answered), 0);
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
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, refuse, NULL), -ENOSPC);
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
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
		TEST(another_process),
		TEST(ended_process_known_before),
		TEST(ended_process_by_exec),
		TEST(relative_program),
		TEST(number_used_again),
		TEST(deleted_program),
		TEST(odd_file_name),
		TEST(kinds_of_programs),
		TEST(foreign_debug_file),
		TEST(damaged_images),
		TEST(not_an_image),
		TEST(pipe_for_a_program),
		TEST(leased_file),
		TEST(maps_lines),
		TEST(maps_refused),
		TEST(maps_overlapping),
		TEST(maps_of_any_size),
		TEST(crashed_worker),
		TEST(killed_helper),
		TEST(too_many_questions),
		TEST(taker_that_fails),
		TEST(helper_ends_with_its_parent),
		TEST(freed_without_a_stop),
	};

	if (argc == 2 && !strcmp(argv[1], "--words"))
		return print_words();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
