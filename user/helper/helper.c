/* SPDX-License-Identifier: MIT */
#include "confine.h"
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/clock.h"

#define MAX_WORKERS 100 /* workers lost to crashes and deadlines before the work is given up */
#define LEAVE_MS 100	/* for the helper to end by itself, and its worker with it */
#define REAP_MS 1000	/* a killed helper that is stuck in the kernel is left behind */

static void set_limits(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0 });
	confine_memory();
}

static void oom_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* Nothing is lost but order if this fails. */
	if (fd >= 0 && write(fd, "1000", 4) != 4)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

/* Keep `sock`, as descriptor 0, and nothing else that giltrace had open: no pipe waits for this
 * process. */
static bool leave_descriptors(int sock)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(sock, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		return false;
	return !close_range(STDERR_FILENO + 1, ~0u, 0) && !chdir("/");
}

/* Ctrl-C and the like are meant for giltrace; this process ends with it. */
static void set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP };
	sigset_t none;

	for (int i = 1; i < SIGRTMIN; i++)
		signal(i, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool die_with(pid_t parent)
{
	return !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent;
}

static _Noreturn void worker(const struct helper_job *job, void *shared, pid_t supervisor)
{
	void *state;

	if (!die_with(supervisor))
		_exit(EXIT_FAILURE);
	set_limits();
	state = job->open(shared);
#ifndef __SANITIZE_ADDRESS__ /* which starts programs and threads of its own */
	/* Before the first question. A kernel without filters leaves it root's rights; giltrace
	 * doctor says so. */
	confine();
#endif
	while (state && job->serve(state, shared))
		;
	_exit(state ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Run one worker to its end. True: it was lost over a question, another may go on with the next. */
static bool supervise(const struct helper_job *job, void *shared)
{
	pid_t self = getpid(), child = fork();
	int status;

	if (!child)
		worker(job, shared, self);
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFSIGNALED(status) && job->lost(shared);
}

static _Noreturn void run(const struct helper_job *job, int sock, pid_t parent)
{
	void *shared;

	set_signals();
	if (!die_with(parent) || !leave_descriptors(sock))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, job->name);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	oom_first();
	shared = mmap(NULL, job->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		_exit(EXIT_FAILURE);
	for (int i = 0; i < MAX_WORKERS && supervise(job, shared); i++)
		;
	_exit(EXIT_SUCCESS);
}

int helper_start(const struct helper_job *job, pid_t *pid, int *sock)
{
	pid_t self = getpid();
	int ends[2];
	int err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	*pid = fork();
	if (!*pid)
		run(job, ends[1], self);
	if (*pid < 0) {
		err = -errno;
		close(ends[0]);
		*pid = 0;
	}
	close(ends[1]);
	*sock = err ? -1 : ends[0];
	return err;
}

static uint64_t cpu_of(pid_t pid)
{
	clockid_t clock;

	return pid > 0 && !clock_getcpuclockid(pid, &clock) ? clock_ns(clock) : 0;
}

uint64_t helper_cpu(pid_t pid)
{
	uint64_t ns = cpu_of(pid);
	char path[64];
	FILE *file;
	int child;

	/* Kernels without this file (CONFIG_PROC_CHILDREN) leave the worker's out. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	while (file && fscanf(file, "%d", &child) == 1)
		ns += cpu_of(child);
	if (file)
		fclose(file);
	return ns;
}

void helper_end(pid_t pid)
{
	struct pollfd fd = { .events = POLLIN };

	fd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd.fd < 0 || poll(&fd, 1, LEAVE_MS) <= 0)
		kill(pid, SIGKILL);
	if (fd.fd < 0 || poll(&fd, 1, REAP_MS) > 0)
		waitpid(pid, NULL, 0);
	if (fd.fd >= 0)
		close(fd.fd);
}
