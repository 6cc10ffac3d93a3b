/* SPDX-License-Identifier: MIT */
/*
 * One socket pair is gate and messenger. The child sends what it found, then waits for a byte.
 * Whichever side ends, the other reads end of file: a child whose giltrace is gone ends without
 * running anything, a giltrace whose child is gone notices. Both ends close on exec, so end of file
 * after the release means "executed".
 */
#include "target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lib/log.h>

#include "become.h"
#include "user/invoker.h"
#include "program.h"
#include "user/shown.h"
#include "user/status.h"

struct target {
	pid_t pid;
	int pidfd;
	int socket;
	bool released;
	bool reaped;
	char path[PATH_MAX];
	char *name; /* argv[0], for messages */
};

/* What the child says: first what it found, then, should it come back from exec, why. */
struct news {
	enum { NEWS_FOUND, NEWS_NO_USER, NEWS_NO_PROGRAM, NEWS_NO_EXEC } what;
	int err;
	char path[PATH_MAX];
};

void target_signals_save(struct target_signals *signals)
{
	struct sigaction action;

	sigprocmask(SIG_SETMASK, NULL, &signals->mask);
	sigemptyset(&signals->ignored);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigaddset(&signals->ignored, sig);
}

static void restore_signals(const struct target_signals *signals)
{
	for (int sig = 1; sig < NSIG; sig++) {
		bool ignored = sigismember(&signals->ignored, sig) == 1;

		signal(sig, ignored ? SIG_IGN
				    : SIG_DFL); /* refuses SIGKILL and kin, which never changed */
	}
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

/* ---- the child ---- */

static void tell(int socket, const struct news *news)
{
	/* A parent that is gone needs no answer; the child then ends at the gate. */
	(void)!send(socket, news, sizeof(*news), MSG_NOSIGNAL);
}

static void __attribute__((noreturn))
child(const struct target_command *command, const struct target_signals *signals,
      const struct invoker *who, int socket)
{
	struct news news = { .what = NEWS_FOUND };
	char byte;

	restore_signals(signals);
	if (who) {
		news.err = become(who);
		if (news.err)
			news.what = NEWS_NO_USER;
	}
	if (!news.err) {
		news.err = program_find(command->argv[0], news.path);
		if (news.err)
			news.what = NEWS_NO_PROGRAM;
	}
	tell(socket, &news);
	if (news.err || recv(socket, &byte, 1, 0) != 1)
		_exit(STATUS_FAILED);
	news.err = program_exec(news.path, command->argv);
	news.what = NEWS_NO_EXEC;
	tell(socket, &news);
	_exit(STATUS_FAILED);
}

/* ---- the parent ---- */

/* Who the command runs as: 1 and `*who`, 0 for no change, -errno after saying why. */
static int find_user(const struct target_command *command, struct invoker *who)
{
	int found;

	if (command->as_root)
		return 0;
	if (!command->user) {
		found = invoker_find(who);
		if (found < 0)
			log_error("cannot tell from SUDO_UID, DOAS_USER or PKEXEC_UID who called; "
				  "use --user NAME or --as-root");
		return found;
	}
	if (geteuid() != 0) {
		log_error("running a command as another user needs root");
		return -EPERM;
	}
	found = invoker_named(command->user, who);
	if (found < 0)
		log_error("cannot run as user %s: %s", SHOWN(command->user),
			  found == -ENOENT ? "there is no such user" : strerror(-found));
	return found < 0 ? found : 1;
}

/* The words for what the child could not do, and the exit status. */
static int refuse(const struct target *t, const struct news *news)
{
	if (news->what == NEWS_NO_USER) {
		log_error("cannot switch to the workload's user: %s", strerror(news->err));
		return STATUS_FAILED;
	}
	if (!*t->name) {
		log_error("the command is empty");
		return STATUS_NOT_FOUND;
	}
	if (news->what == NEWS_NO_PROGRAM && news->err == ENOENT) {
		log_error("%s: no such command", SHOWN(t->name));
		return STATUS_NOT_FOUND;
	}
	if (news->err == ENOENT) {
		log_error("cannot run %s: the interpreter or loader it names does not exist",
			  SHOWN(t->path));
		return STATUS_NOT_FOUND;
	}
	log_error("cannot run %s: %s", SHOWN(t->name),
		  news->err == EISDIR ? "it is a directory" : strerror(news->err));
	return STATUS_NO_EXEC;
}

/* Reads the child's news. 1: there are some, 0: the socket closed, -errno. */
static int listen_to_child(const struct target *t, struct news *news)
{
	ssize_t n;

	do
		n = recv(t->socket, news, sizeof(*news), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != sizeof(*news))
		return 0;
	news->path[sizeof(news->path) - 1] = '\0';
	return 1;
}

static int reap(struct target *t, int *status)
{
	pid_t pid;

	do
		pid = waitpid(t->pid, status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return -errno;
	t->reaped = true;
	return 0;
}

static int say_ended(struct target *t)
{
	int status;

	if (reap(t, &status) == 0 && WIFSIGNALED(status))
		log_error("%s was ended before it started, by signal %d", SHOWN(t->name),
			  WTERMSIG(status));
	else
		log_error("%s could not be started", SHOWN(t->name));
	return STATUS_FAILED;
}

static int await_found(struct target *t)
{
	struct news news;
	int n = listen_to_child(t, &news);

	if (n < 0) {
		log_error("cannot start %s: %s", SHOWN(t->name), strerror(-n));
		return STATUS_FAILED;
	}
	if (n == 0)
		return say_ended(t);
	if (news.what != NEWS_FOUND)
		return refuse(t, &news);
	memcpy(t->path, news.path, sizeof(t->path));
	return 0;
}

/* Fork up to the gate. 0 or -errno. */
static int fork_child(struct target *t, const struct target_command *command,
		      const struct invoker *who)
{
	struct target_signals now;
	int ends[2];

	if (!command->signals)
		target_signals_save(&now);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	t->pid = fork();
	if (t->pid == 0) {
		close(ends[0]);
		child(command, command->signals ? command->signals : &now, who, ends[1]);
	}
	close(ends[1]);
	t->socket = ends[0];
	if (t->pid < 0)
		return -errno;
	t->pidfd = pidfd_open(t->pid, 0);
	return t->pidfd < 0 ? -errno : 0;
}

static const char *name_of(const struct invoker *who)
{
	return who->name ? who->name : "a user without a name";
}

static int launch(struct target *t, const struct target_command *command)
{
	struct invoker who = { 0 };
	int change = find_user(command, &who), err, status;

	if (change < 0)
		return STATUS_FAILED;
	err = fork_child(t, command, change ? &who : NULL);
	if (err) {
		log_error("cannot start %s: %s", SHOWN(t->name), strerror(-err));
		status = STATUS_FAILED;
	} else {
		status = await_found(t);
	}
	if (!status) /* sudo may have picked another program of that name than the user would have
			got */
		log_info("running %s%s%s", SHOWN(t->path), change ? " as " : "",
			 change ? name_of(&who) : "");
	invoker_free(&who);
	return status;
}

int target_launch(const struct target_command *command, struct target **out)
{
	struct target *t = calloc(1, sizeof(*t));
	int status = STATUS_FAILED;

	*out = NULL;
	if (t) {
		t->pid = t->pidfd = t->socket = -1;
		t->name = strdup(command->argv[0]);
	}
	if (!t || !t->name)
		log_error("out of memory");
	else
		status = launch(t, command);
	if (status)
		target_free(t);
	else
		*out = t;
	return status;
}

pid_t target_pid(const struct target *t)
{
	return t->pid;
}

const char *target_path(const struct target *t)
{
	return t->path;
}

int target_pidfd(const struct target *t)
{
	return t->pidfd;
}

int target_release(struct target *t)
{
	struct news news;
	int status, n;

	if (send(t->socket, "", 1, MSG_NOSIGNAL) != 1)
		return say_ended(t);
	t->released = true;
	n = listen_to_child(t, &news);
	if (n <=
	    0) /* executed, or ended by a signal on the way there: either is for target_reap() */
		return 0;
	reap(t, &status);
	return refuse(t, &news);
}

int target_reap(struct target *t, int *status)
{
	return reap(t, status);
}

void target_free(struct target *t)
{
	int status;

	if (!t)
		return;
	if (t->pid > 0 && !t->released && !t->reaped) {
		kill(t->pid, SIGKILL);
		reap(t, &status);
	}
	if (t->socket >= 0)
		close(t->socket);
	if (t->pidfd >= 0)
		close(t->pidfd);
	free(t->name);
	free(t);
}
