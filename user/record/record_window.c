/* SPDX-License-Identifier: MIT */
/* The time while a recording goes on: what is waited for, how often the rings are emptied, and what
 * ends it. */
#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aside.h"
#include "collect.h"
#include "lib/clock.h"
#include "record_private.h"

/*
 * The rings are emptied this often. At first, and while a program is young, more often: short ones
 * should get their words named and their locks probed while they live.
 */
#define ROUND_MS 50
#define ROUND_EARLY_MS 10
#define EARLY_NS 500000000ull

#define COUNT_NS                                                                                   \
	1000000000ull /* how often who is traced is counted, once nobody asked for is left */

int record_window_signals(struct recording *r)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	/* nohup means it. (SIGINT, which shells ignore for what they run in the background, is
	 * still how a script ends a recording.) */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &r->signals_before))
		return -errno;
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signal_fd < 0 ? -errno : 0;
}

static void target_ended(struct recording *r)
{
	int status;

	if (target_reap(r->target, &status))
		return;
	r->out->exited = true;
	r->out->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	r->out->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/*
 * Ctrl-C and Ctrl-\ go to the whole foreground group: the command has got its own and decides; a
 * second Ctrl-C is for giltrace. Without a command the first one is.
 */
static void signal_taken(struct recording *r, int number)
{
	if (r->target && (number == SIGQUIT || (number == SIGINT && r->interrupts++ == 0)))
		return;
	if (r->target || number != SIGINT)
		r->out->stopped_by = number;
	r->phase = PHASE_DONE;
}

void record_window_wait(struct recording *r, int ms)
{
	struct pollfd fds[3] = {
		{ .fd = r->signal_fd, .events = POLLIN },
		{ .fd = r->target && !r->out->exited ? target_pidfd(r->target) : -1,
		  .events = POLLIN },
		{ .fd = r->probes ? probes_bell(r->probes) : -1, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	if (poll(fds, 3, ms) <= 0)
		return;
	if (fds[1].revents)
		target_ended(r);
	if (fds[0].revents)
		while (read(r->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			signal_taken(r, (int)info.ssi_signo);
}

/* Is any of the processes asked for still there? One may be another by that number by now. */
static bool asked_for_is_there(const struct recording *r)
{
	const struct record_request *q = r->request;
	bool there = r->target && !r->out->exited;

	for (size_t i = 0; i < q->npids && !there; i++)
		there = !kill(q->pids[i], 0) || errno != ESRCH;
	return there;
}

/* Has everybody traced ended? Ends that the kernel has not shown come to light by a count. */
static bool all_ended(struct recording *r)
{
	uint64_t now = clock_monotonic();

	if (probes_alive(r->probes) == 0)
		return true;
	if (now - r->counted_at < COUNT_NS || asked_for_is_there(r))
		return false;
	r->counted_at = now;
	return probes_count_alive(r->probes) == 0;
}

/* Has the window closed by itself? */
static bool window_over(struct recording *r)
{
	const struct record_request *q = r->request;

	if (q->duration && clock_monotonic() - r->meta.start >= q->duration)
		return true;
	if (q->target == GT_TARGET_ALL)
		return false;
	if (r->target && !q->wait_all)
		return r->out->exited;
	return all_ended(r);
}

static int next_round_ms(const struct recording *r)
{
	uint64_t now = clock_monotonic(), since = now - r->meta.start, left;
	int ms = since < EARLY_NS || collect_soon(r->collect) ? ROUND_EARLY_MS : ROUND_MS;

	if (r->request->duration && since < r->request->duration) {
		left = (r->request->duration - since) / 1000000 + 1;
		if (left < (uint64_t)ms)
			ms = (int)left;
	}
	return ms;
}

int record_window(struct recording *r)
{
	int err = 0;

	while (!err && r->phase == PHASE_TRACING) {
		record_window_wait(r, next_round_ms(r));
		if (window_over(r))
			break;
		aside_keep(record_process(r), &r->kept_off);
		err = collect_round(r->collect, r->probes);
	}
	return err;
}
