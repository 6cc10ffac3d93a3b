/* SPDX-License-Identifier: MIT */
/* A worker that hostile bytes have taken over can read, and do nothing to anybody. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/helper/confine.h"

static char secret[] = "of the parent";
static char path[] = "/tmp/confine.XXXXXX";

static bool denied(long got)
{
	return got < 0 && errno == EPERM;
}

/* Each bit of the exit status is a thing that went otherwise. */
static int forbidden(void)
{
	char *argv[] = { "true", NULL };
	struct rlimit none = { 0, 0 };
	int bad = 0;

	bad |= denied(open(path, O_WRONLY)) ? 0 : 1;
	bad |= denied(open(path, O_RDONLY | O_TRUNC)) ? 0 : 2;
	bad |= denied(unlink(path)) ? 0 : 4;
	bad |= denied(execve("/bin/true", argv, NULL)) ? 0 : 8;
	bad |= denied(fork()) ? 0 : 16;
	bad |= denied(socket(AF_INET, SOCK_STREAM, 0)) ? 0 : 32;
	bad |= denied(kill(getppid(), SIGTERM)) ? 0 : 64;
	bad |= denied(ptrace(PTRACE_ATTACH, getppid(), 0, 0)) &&
			       denied(prlimit(getppid(), RLIMIT_CPU, &none, NULL))
		       ? 0
		       : 128;
	return bad;
}

static int reading(void)
{
	char copy[sizeof(secret)];
	struct iovec here = { copy, sizeof(copy) }, there = { secret, sizeof(secret) };
	int bad = 0, fd = open(path, O_RDONLY);
	FILE *maps = fopen("/proc/self/maps", "re");

	bad |= fd >= 0 && read(fd, copy, 4) == 4 ? 0 : 1;
	bad |= maps && fgets(copy, sizeof(copy), maps) ? 0 : 2;
	/* As every user may read a child of his own; the parent of a test is traceable. */
	bad |= process_vm_readv(getppid(), &here, 1, &there, 1, 0) == sizeof(copy) || geteuid() ? 0
												: 4;
	return bad;
}

static int capabilities(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[200];
	unsigned long long permitted = ~0ull;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapPrm: %llx", &permitted) == 1)
			break;
	return (permitted >> CAP_SYS_ADMIN & 1 ? 1 : 0) |
	       (permitted >> CAP_DAC_OVERRIDE & 1 ? 2 : 0);
}

static void skip_under_sanitizers(void)
{
#ifdef __SANITIZE_ADDRESS__
	puts("skip: the sanitizer's own threads and programs would be refused");
	skip();
#endif
}

/* Tables as large as a file says must not be had, however many there are; those of real files must. */
static int memory(void)
{
	void *volatile whole, *volatile part;
	size_t had = 0;

	confine_memory();
	part = malloc(CONFINE_MEMORY / 4);
	whole = malloc(CONFINE_MEMORY);
	if (!part || whole)
		return 1;
	for (int i = 0; i < 64; i++) {
		void *volatile more = malloc(CONFINE_MEMORY / 16);

		had += more ? CONFINE_MEMORY / 16 : 0;
	}
	return had < CONFINE_MEMORY ? 0 : 2;
}

static int confined(int (*what)(void))
{
	pid_t child;
	int status;

	skip_under_sanitizers();
	child = fork();
	if (!child)
		_exit(confine() ? 255 : what());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void nothing_can_be_done_to_others(void **state)
{
	assert_int_equal(confined(forbidden), 0);
}

static void files_and_memory_can_be_read(void **state)
{
	assert_int_equal(confined(reading), 0);
}

static void only_capabilities_to_read_are_left(void **state)
{
	assert_int_equal(confined(capabilities), 0);
}

static void memory_is_limited(void **state)
{
	assert_int_equal(confined(memory), 0);
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || write(fd, "text", 4) != 4 || close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_can_be_done_to_others),
		cmocka_unit_test(files_and_memory_can_be_read),
		cmocka_unit_test(only_capabilities_to_read_are_left),
		cmocka_unit_test(memory_is_limited),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
