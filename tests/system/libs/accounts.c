/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: at its end each thread writes what the kernel says of it to the file $ACCOUNTS,
 * one line: tid, CLOCK_MONOTONIC and CLOCK_THREAD_CPUTIME_ID in ns; run, delay in ns and slices of
 * its schedstat; voluntary and other switches. A thread that is ended by another, or by a signal,
 * writes none.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct start {
	void *(*routine)(void *);
	void *argument;
};

/* No stdio: its locks would be futex waits of the program. */
static size_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0 ? (size_t)len : 0;
}

static uint64_t number_after(const char *text, const char *word)
{
	const char *found = strstr(text, word);

	return found ? strtoull(found + strlen(word), NULL, 10) : 0;
}

static void write_account(void)
{
	const char *path = getenv("ACCOUNTS");
	char schedstat[128], status[4096], line[256];
	struct timespec cpu, now;
	int fd, len;

	clock_gettime(CLOCK_MONOTONIC, &now);
	fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
	if (fd < 0)
		return;
	read_file("/proc/thread-self/status", status, sizeof(status));
	if (read_file("/proc/thread-self/schedstat", schedstat, sizeof(schedstat)))
		schedstat[strcspn(schedstat, "\n")] = '\0';
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	len = snprintf(
		line, sizeof(line), "%ld %" PRIu64 " %" PRIu64 " %s %" PRIu64 " %" PRIu64 "\n",
		syscall(SYS_gettid), (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
		(uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec,
		schedstat[0] ? schedstat : "0 0 0",
		number_after(status, "\nvoluntary_ctxt_switches:"),
		number_after(status, "\nnonvoluntary_ctxt_switches:"));
	if (write(fd, line, (size_t)len) != len)
		abort();
	close(fd);
}

static void ended(void *unused)
{
	(void)unused;
	write_account();
}

static void *thread_main(void *data)
{
	struct start start = *(struct start *)data;
	void *result;

	free(data);
	pthread_cleanup_push(ended, NULL);
	result = start.routine(start.argument);
	pthread_cleanup_pop(1);
	return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *),
		   void *argument)
{
	static int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	struct start *start = malloc(sizeof(*start));

	if (!create)
		create = (__typeof__(create))dlsym(RTLD_NEXT, "pthread_create");
	if (!start || !create)
		abort();
	*start = (struct start){ routine, argument };
	return create(thread, attr, thread_main, start);
}

/* The way out of a shell and of a forked child, which runs no destructors. */
void _exit(int status)
{
	write_account();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

__attribute__((destructor)) static void program_ended(void)
{
	write_account();
}
