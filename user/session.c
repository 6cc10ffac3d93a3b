/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lib/log.h>

#include "features.h"
#include "output.h"
#include "shown.h"
#include "wanted.h"

/* Exactly one of command, -p and -a, and only the options that go with it. */
static int check_usage(const struct cmd *cmd, const struct cmd_input *in, char **argv)
{
	const struct options *o = in->options;
	int targets = (argv != NULL) + (o->npids > 0) + (o->all != 0);

	if (targets == 0)
		return cmd_usage(cmd, "nothing to trace: name a command, or use -p PID or -a");
	if (targets > 1)
		return cmd_usage(cmd, "a command, -p and -a exclude each other");
	if (!argv && (o->user || o->as_root || o->wait_all))
		return cmd_usage(cmd, "--user, --as-root and --wait-all need a command");
	if (o->user && o->as_root)
		return cmd_usage(cmd, "--user and --as-root exclude each other");
	if (o->output && strcmp(o->output, "-") == 0)
		return cmd_usage(cmd, "a trace cannot go to standard output; give -o a file name");
	return 0;
}

/* What /proc says of a process. */
struct process_status {
	char state;   /* 'Z' and 'X' have ended; 0: unknown */
	pid_t leader; /* the process that it is a thread of; 0: unknown */
	int threads;  /* that have not been reaped, the leader among them */
};

static struct process_status process_status(pid_t pid)
{
	struct process_status s = { 0 };
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "State: %c", &s.state);
		sscanf(line, "Tgid: %d", &s.leader);
		sscanf(line, "Threads: %d", &s.threads);
	}
	if (file)
		fclose(file);
	return s;
}

static int check_pid(pid_t pid)
{
	struct process_status s = process_status(pid);

	if (kill(pid, 0) != 0 && errno != EPERM)
		log_error("cannot trace process %d: there is no such process", pid);
	else if ((s.state == 'Z' || s.state == 'X') && s.threads <= 1) /* others outlive main() */
		log_error("cannot trace process %d: it has ended", pid);
	else if (s.leader && s.leader != pid)
		log_error("cannot trace process %d: it is a thread of process %d", pid, s.leader);
	else if (pid == getpid())
		log_error("cannot trace process %d: that is giltrace itself", pid);
	else
		return 0;
	return STATUS_FAILED;
}

/* By default strangers do not pay: with -p and -a all are there for something else. */
static enum probes_count futex_wish(const struct options *o, bool launches)
{
	if (o->futex_calls == OPTS_FUTEX_DEFAULT)
		return launches ? PROBES_COUNT_YES : PROBES_COUNT_IF_FREE;
	return o->futex_calls == OPTS_FUTEX_ON ? PROBES_COUNT_YES : PROBES_COUNT_NO;
}

static int check_pids(const struct options *o)
{
	int status = 0;

	for (size_t i = 0; i < o->npids && !status; i++)
		status = check_pid(o->pids[i]);
	return status;
}

int session_request(const struct cmd *cmd, const struct cmd_input *in, char **argv,
		    struct record_request *out)
{
	const struct options *o = in->options;
	enum gt_target target = argv ? GT_TARGET_COMMAND : o->all ? GT_TARGET_ALL : GT_TARGET_PIDS;
	struct wanted wanted = { 0 };
	int status = check_usage(cmd, in, argv);
	const char *wrong = status ? NULL : wanted_stacks(o, target, &wanted);

	if (wrong)
		return cmd_usage(cmd, "%s", wrong);
	if (status)
		return status;
	if (features_check_privileges() != 0)
		return STATUS_FAILED;
	*out = (struct record_request){
		.target = target,
		.command = { .argv = argv,
			     .user = o->user,
			     .as_root = o->as_root,
			     .signals = in->signals },
		.pids = o->pids,
		.npids = o->npids,
		.duration = o->duration,
		.ring_bytes = o->ring_bytes,
		.tables = o->tables,
		.futex_calls = futex_wish(o, argv != NULL),
		.stacks = wanted.stacks,
		.sample_hz = wanted.sample_hz,
		.probe_locks = o->probe_locks,
		.usdt = !o->no_usdt,
		.wait_all = o->wait_all,
	};
	return check_pids(o);
}

/* A trace that holds nothing is not left lying under the user's name for it. */
static void remove_empty(const char *path, int file)
{
	struct gt_reader *reader;
	struct stat st, now;
	int err = 0, copy = fcntl(file, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return;
	reader = gt_reader_open_fd(copy, &err);
	gt_reader_free(reader);
	if (!reader && (err == -ENODATA || err == -EPROTO) && fstat(file, &st) == 0 &&
	    S_ISREG(st.st_mode) && lstat(path, &now) == 0 && now.st_dev == st.st_dev &&
	    now.st_ino == st.st_ino)
		unlink(path);
}

/* Written to the end, but under no name any more: whoever asked for it will not find it. */
static bool removed(int file)
{
	struct stat st;

	return fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0;
}

void session_record(const struct record_request *request, const char *path, struct session *out)
{
	cpu_set_t cpus;
	bool kept;
	int trace;

	*out = (struct session){ .own = STATUS_FAILED, .file = -1 };
	trace = path ? output_create(path) : output_temporary();
	if (trace < 0)
		return;
	/* The writer closes its descriptor at the end; this one reads what it wrote, with or
	 * without a name. */
	out->file = fcntl(trace, F_DUPFD_CLOEXEC, 0);
	if (out->file < 0) {
		log_error("cannot keep the trace open: %s", strerror(errno));
		close(trace);
		return;
	}
	/* record() keeps giltrace off the workload's CPUs; the next workload is not to inherit
	 * that. */
	kept = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
	out->own = record(request, trace, &out->outcome);
	if (kept)
		sched_setaffinity(0, sizeof(cpus), &cpus);
	if (out->own && path) {
		remove_empty(path, out->file);
	} else if (path && removed(out->file)) {
		log_error("%s was removed while the trace was written to it", SHOWN(path));
		out->own = STATUS_FAILED;
	} else if (path) {
		log_info("the trace is in %s", SHOWN(path));
	}
	/* After a failure there is something to report on only if the workload ran. */
	if (out->own && !out->outcome.exited) {
		close(out->file);
		out->file = -1;
	}
}

int session_load(struct session *s, const char *name, unsigned int jobs, struct loaded *out)
{
	int file = s->file;

	s->file = -1;
	return load(name, NULL, file, jobs, out);
}

int session_status(const struct session *s, bool passed)
{
	if (s->own)
		return s->own;
	if (s->outcome.exited && s->outcome.exit_signal)
		return 128 + s->outcome.exit_signal;
	if (s->outcome.exited && s->outcome.exit_code)
		return s->outcome.exit_code;
	if (!s->outcome.exited && s->outcome.stopped_by)
		return 128 + s->outcome.stopped_by;
	return passed ? STATUS_OK : STATUS_GATE;
}

void session_free(struct session *s)
{
	if (s->file >= 0)
		close(s->file);
	s->file = -1;
}
