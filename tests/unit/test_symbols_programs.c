/* SPDX-License-Identifier: MIT */
/* Names of words in other programs: running, ended, deleted, hidden, and linked in every way. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "symbols_fixture.h"
#include "user/helper/maps.h"

int test_symbols_global[8] = { 1 };
char test_symbols_bss[3 << 20];

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

/*
 * Run shell command `line`, which becomes program `path`; that prints the addresses of a word in
 * .data and one in .bss and reads its input to the end.
 */
static void launch_by(struct program *p, const char *command, const char *path)
{
	int in[2], out[2];
	char line[128] = "";

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->pipe = in[1];
	p->data = 0;
	if (read(out[0], line, sizeof(line) - 1) > 0 &&
	    sscanf(line, "%" SCNx64 " %" SCNx64, &p->data, &p->bss) == 2)
		learn_exec(p, path);
	close(out[0]);
}

static void launch(struct program *p, const char *path)
{
	char command[PATH_MAX + 32];

	snprintf(command, sizeof(command), "exec '%s' --words", path);
	launch_by(p, command, path);
	assert_true(p->data != 0);
}

static void end_program(struct program *p)
{
	close(p->pipe);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

static void *read_to_end(void *unused)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		;
	_exit(0);
}

/* What `launch` expects, done by this program itself; a byte of input ends its first thread only.
 */
static int print_words(void)
{
	pthread_t reader;
	char byte;

	printf("%" PRIxPTR " %" PRIxPTR "\n", (uintptr_t)&test_symbols_global[2],
	       (uintptr_t)(test_symbols_bss + (1 << 20)));
	fflush(stdout);
	if (read(0, &byte, 1) == 0)
		return 0;
	if (pthread_create(&reader, NULL, read_to_end, NULL))
		return 1;
	pthread_exit(NULL);
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

static char state_of(pid_t pid)
{
	char path[64], text[512] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	return strrchr(text, ')')[2];
}

/* Other threads live on in the memory that the first one no longer shows. */
static void first_thread_ended(void **state)
{
	struct fixture *f = *state;
	struct program p;

	launch(&p, f->self);
	assert_int_equal(write(p.pipe, "x", 1), 1);
	for (int i = 0; i < PATIENCE_MS && state_of(p.pid) != 'Z'; i++)
		poll(NULL, 0, 1);
	expect_words(f, &p, NULL, f->self);
	expect_words(f, &p, &p.exec, f->self);
	end_program(&p);
}

/* Without address randomization the heap follows .bss at once. */
static void not_randomized(void **state)
{
	struct fixture *f = *state;
	char command[PATH_MAX + 64];
	struct program p;

	snprintf(command, sizeof(command), "exec setarch -R '%s' --words", f->self);
	launch_by(&p, command, f->self);
	if (p.data)
		expect_words(f, &p, &p.exec, f->self);
	end_program(&p);
	if (!p.data)
		skip(); /* not allowed here */
}

/* As in a container: the path means something only to the process. */
static void other_mount_namespace(void **state)
{
	struct fixture *f = *state;
	char command[5 * PATH_MAX], path[PATH_MAX];
	struct program p;

	in_dir(f, "inside", path);
	snprintf(
		command, sizeof(command),
		"exec unshare -m sh -c \"mount -t tmpfs none '%s' && cp '%s' '%s' && exec '%s' --words\"",
		f->dir, f->self, path, path);
	launch_by(&p, command, path);
	if (p.data)
		expect_words(f, &p, &p.exec, path);
	end_program(&p);
	if (!p.data)
		skip(); /* not allowed here */
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(another_process),
		TEST(first_thread_ended),
		TEST(not_randomized),
		TEST(other_mount_namespace),
		TEST(ended_process_known_before),
		TEST(ended_process_by_exec),
		TEST(relative_program),
		TEST(number_used_again),
		TEST(deleted_program),
		TEST(odd_file_name),
		TEST(kinds_of_programs),
		TEST(foreign_debug_file),
	};

	if (argc == 2 && !strcmp(argv[1], "--words"))
		return print_words();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
