/* SPDX-License-Identifier: MIT */
/*
 * late_gil LIBRARY count N: load a library that has a lock with probes, wait until they are traced,
 * take the lock N times.
 * late_gil LIBRARY loop N: the same without waiting, some 10 us of work each; prints the ns it
 * took. late_gil LIBRARY watch: until standard input ends; say "traced" when all of the probes are;
 * then how many were traced at most, and how many still are; with "gone" as soon as none is, or
 * after 20 s.
 */
#include <dlfcn.h>
#include <poll.h>

#include "small.h"

static int (*traced)(void);
static void (*hold)(void (*work)(void));

static void nothing(void)
{
}

static void some_work(void)
{
	for (volatile int i = 0; i < 40000; i++)
		;
}

static void load(const char *library)
{
	void *handle;

	sleep_ns(100 * MS); /* as plugins do: long after the start */
	handle = dlopen(library, RTLD_NOW);
	traced = handle ? (int (*)(void))dlsym(handle, "late_gil_traced") : NULL;
	hold = handle ? (void (*)(void (*)(void)))dlsym(handle, "late_gil_hold") : NULL;
	if (!traced || !hold) {
		fprintf(stderr, "late_gil: %s\n", dlerror());
		exit(1);
	}
	if (traced() < 0) {
		puts("no probes");
		exit(0);
	}
}

static int count(long n)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + 20000 * MS;

	while (traced() < 3) {
		if (clock_now(CLOCK_MONOTONIC) > end) {
			puts("not traced");
			return 1;
		}
		sleep_ns(MS);
	}
	sleep_ns(50 * MS); /* counted up one after the other, the probes themselves as well */
	while (n--)
		hold(nothing);
	return 0;
}

static int loop(long n)
{
	uint64_t start = clock_now(CLOCK_MONOTONIC);

	while (n--)
		hold(some_work);
	printf("%llu\n", (unsigned long long)(clock_now(CLOCK_MONOTONIC) - start));
	return 0;
}

static int watch(bool gone)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int now, most = 0;

	while (poll(&in, 1, 5) == 0) {
		now = traced();
		if (now == 3 && most < 3) {
			puts("traced");
			fflush(stdout);
		}
		most = now > most ? now : most;
	}
	for (int i = 0; gone && i < 2000 && traced(); i++)
		sleep_ns(10 * MS);
	printf("most %d, now %d\n", most, traced());
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	load(argv[1]);
	if (strcmp(argv[2], "watch") == 0)
		return watch(argc > 3);
	if (argc < 4)
		return 2;
	return strcmp(argv[2], "count") == 0 ? count(atol(argv[3])) : loop(atol(argv[3]));
}
