/* SPDX-License-Identifier: MIT */
/*
 * books [-g FILE]... OUT CMD [ARG]...: run CMD and write to OUT what the kernel charged it and all
 * its children for, as wait4 tells when they are gone. With -g CMD first moves into the cgroups of
 * these cgroup.procs files; what it had run before that is in OUT too.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "small.h"

struct shared {
	uint64_t moved; /* CLOCK_PROCESS_CPUTIME_ID of the child when it had moved */
};

static void move(const char *procs)
{
	FILE *file = fopen(procs, "we");

	if (!file || fputs("0", file) < 0 || fclose(file)) {
		perror(procs);
		_exit(126);
	}
}

static uint64_t ns_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_usec * 1000;
}

int main(int argc, char **argv)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int first = 1, status = 0;
	struct rusage usage;
	FILE *out;
	pid_t pid;

	while (first + 1 < argc && strcmp(argv[first], "-g") == 0)
		first += 2;
	if (shared == MAP_FAILED || first + 1 >= argc)
		return 2;
	pid = fork();
	if (pid == 0) {
		for (int i = 1; i < first; i += 2)
			move(argv[i + 1]);
		shared->moved = clock_now(CLOCK_PROCESS_CPUTIME_ID);
		execvp(argv[first + 1], &argv[first + 1]);
		perror(argv[first + 1]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 125;
	out = fopen(argv[first], "we");
	if (!out)
		return 125;
	fprintf(out,
		"{\"keeper\": %d, \"pid\": %d, \"cpu\": %llu, \"moved\": %llu, "
		"\"voluntary\": %ld, \"involuntary\": %ld}\n",
		(int)getpid(), (int)pid,
		(unsigned long long)(ns_of(&usage.ru_utime) + ns_of(&usage.ru_stime)),
		(unsigned long long)shared->moved, usage.ru_nvcsw, usage.ru_nivcsw);
	if (fclose(out))
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
