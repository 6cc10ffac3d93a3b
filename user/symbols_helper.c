/* SPDX-License-Identifier: MIT */
#include "symbols_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCK STDIN_FILENO

/* A filesystem of the traced program's own making may never answer: the worker is then ended. */
#define ANSWER_SECONDS 5
#define MAX_WORKERS 100 /* workers lost to crashes and deadlines before naming is given up */

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	/* A lower limit that is already set stays. */
	if (!getrlimit(resource, &now) && now.rlim_max > value)
		setrlimit(resource, &(struct rlimit){ value, value });
}

static void set_limits(void)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	limit(RLIMIT_AS, 2ull << 30);
#endif
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

/* The question at work, seen by the supervisor: should it kill the worker, its answer is "unknown".
 */
struct desk {
	volatile bool busy;
	volatile uint32_t as;
	volatile uint64_t addr;
};

static bool reply(uint32_t as, uint64_t addr, const struct naming_answer *a)
{
	struct symbols_reply head = { .addr = addr,
				      .image_offset = a->image_offset,
				      .shared_dev = a->shared_dev,
				      .shared_ino = a->shared_ino,
				      .shared_offset = a->shared_offset,
				      .as = as,
				      .name_len = (uint16_t)strlen(a->name),
				      .image_len = (uint16_t)strlen(a->image) };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)a->name, head.name_len },
		{ (void *)a->image, head.image_len },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 3 };
	ssize_t sent;

	do {
		sent = sendmsg(SOCK, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

/* The exec's strings, cut out of the packet into `path` and `cwd`; false when nothing is known of
 * it. */
static bool read_exec(const struct symbols_question *q, const char *strings, char path[PATH_MAX],
		      char cwd[PATH_MAX], struct symbols_exec *out)
{
	if (!q->path_len)
		return false;
	memcpy(path, strings, q->path_len);
	path[q->path_len] = '\0';
	memcpy(cwd, strings + q->path_len, q->cwd_len);
	cwd[q->cwd_len] = '\0';
	*out = (struct symbols_exec){ .path = path,
				      .cwd = q->cwd_len ? cwd : NULL,
				      .dev = q->dev,
				      .ino = q->ino,
				      .start_code = q->start_code };
	return true;
}

static bool well_formed(const struct symbols_question *q, size_t len)
{
	return len >= sizeof(*q) && q->path_len < PATH_MAX && q->cwd_len < PATH_MAX &&
	       len == sizeof(*q) + q->path_len + q->cwd_len;
}

static ssize_t receive(char packet[SYMBOLS_QUESTION_MAX], int flags)
{
	ssize_t len;

	do {
		len = recv(SOCK, packet, SYMBOLS_QUESTION_MAX, flags);
	} while (len < 0 && errno == EINTR);
	return len;
}

/*
 * Answer one question, which stays in the socket until its name is found: a worker that is killed
 * while it waits takes none with it. False: there will be no more.
 */
static bool serve(struct naming *names, struct desk *desk)
{
	char packet[SYMBOLS_QUESTION_MAX], path[PATH_MAX], cwd[PATH_MAX];
	struct naming_answer answer;
	struct symbols_question q;
	struct symbols_exec exec;
	bool known;
	ssize_t len;

	len = receive(packet, MSG_PEEK);
	if (len <= 0)
		return false;
	memcpy(&q, packet, (size_t)len < sizeof(q) ? (size_t)len : sizeof(q));
	if (!well_formed(&q, (size_t)len))
		return receive(packet, 0) > 0;
	known = read_exec(&q, packet + sizeof(q), path, cwd, &exec);
	desk->as = q.as;
	desk->addr = q.addr;
	desk->busy = true;
	alarm(ANSWER_SECONDS);
	naming_word(names, q.as, q.tgid, q.addr, known ? &exec : NULL, &answer);
	alarm(0);
	desk->busy = false;
	return receive(packet, 0) > 0 && reply(q.as, q.addr, &answer);
}

static _Noreturn void worker(struct desk *desk, pid_t supervisor)
{
	struct naming *names;

	if (!die_with(supervisor))
		_exit(EXIT_FAILURE);
	set_limits();
	names = naming_new();
	while (names && serve(names, desk))
		;
	_exit(names ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Run one worker to its end. True: it was lost over a question, another may go on with the next. */
static bool supervise(struct desk *desk)
{
	static const struct naming_answer unknown;
	char packet[SYMBOLS_QUESTION_MAX];
	pid_t self = getpid(), child = fork();
	int status;

	if (!child)
		worker(desk, self);
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	if (!WIFSIGNALED(status))
		return false;
	if (!desk->busy)
		return true;
	desk->busy = false;
	return receive(packet, 0) > 0 && reply(desk->as, desk->addr, &unknown);
}

_Noreturn void symbols_helper(int sock, pid_t parent)
{
	struct desk *desk;

	set_signals();
	if (!die_with(parent) || !leave_descriptors(sock))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "giltrace-names");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	oom_first();
	desk = mmap(NULL, sizeof(*desk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (desk == MAP_FAILED)
		_exit(EXIT_FAILURE);
	for (int i = 0; i < MAX_WORKERS && supervise(desk); i++)
		;
	_exit(EXIT_SUCCESS);
}
