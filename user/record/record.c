/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect.h"
#include "user/inspect/inspect.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "machine.h"
#include "probes.h"
#include "user/helper/helper.h"
#include "user/helper/stacks.h"
#include "user/helper/symbols.h"
#include "version.h"

/*
 * The rings are emptied this often. At first, and while a program is young, more often: short ones
 * should get their words named and their locks probed while they live.
 */
#define ROUND_MS 50
#define ROUND_EARLY_MS 10
#define EARLY_NS 500000000ull

#define COUNT_NS 1000000000ull /* how often who is traced is counted, once nobody asked for is left */

#define INSPECT_MS 500 /* for looking into the program before it is run */

#define FAILED 125 /* exit status for giltrace's own failures */

enum phase { PHASE_TRACING, PHASE_DONE };

/* One recording under way. Everything here is released by recording_release(), however far it got.
 */
struct recording {
	const struct record_request *request;
	struct record_outcome *out;
	struct target *target;
	struct symbols *symbols;
	struct stacks *stacks;
	struct probes *probes;
	struct gt_writer *writer;
	struct collect *collect;
	struct gt_meta meta;
	sigset_t signals_before;
	int signal_fd;
	unsigned int interrupts; /* SIGINTs seen */
	cpu_set_t kept_off;	 /* the workload's CPUs, when giltrace last chose its own */
	uint64_t began;		 /* when record() was called */
	uint64_t counted_at;	 /* when it was last counted who is traced */
	uint64_t own_cpu;	 /* own_cpu() when the window opened */
	enum phase phase;
};

static int signals_take(struct recording *r)
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

/* The process whose cgroup and CPUs stand for the target's. */
static pid_t target_process(const struct recording *r)
{
	if (r->target)
		return target_pid(r->target);
	return r->request->npids ? r->request->pids[0] : 0;
}

/*
 * Run where the workload may not, if there is such a CPU; where there is none the scheduler finds
 * the idlest. Failing costs nothing but the courtesy.
 */
static void keep_off(struct recording *r)
{
	cpu_set_t used, left;
	pid_t pid = target_process(r);
	long ncpus = sysconf(_SC_NPROCESSORS_CONF);

	if (!pid || sched_getaffinity(pid, sizeof(used), &used) || CPU_EQUAL(&used, &r->kept_off))
		return;
	r->kept_off = used;
	CPU_ZERO(&left);
	for (long cpu = 0; cpu < ncpus && cpu < CPU_SETSIZE; cpu++)
		if (!CPU_ISSET(cpu, &used))
			CPU_SET(cpu, &left);
	if (!CPU_COUNT(&left))
		for (long cpu = 0; cpu < ncpus && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, &left);
	sched_setaffinity(0, sizeof(left), &left);
}

static char **argv_copy(char **argv)
{
	size_t n = 0;
	char **copy;

	while (argv[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = strdup(argv[i]);
	return copy;
}

static int meta_begin(struct recording *r)
{
	const struct record_request *q = r->request;
	struct gt_meta *m = &r->meta;

	m->giltrace = strdup(GILTRACE_VERSION);
	m->target = q->target;
	m->futex_calls = probes_count_futex(r->probes);
	m->futex_tax = probes_tax_calls(r->probes);
	m->lock_probes = q->probe_locks;
	m->no_usdt = !q->usdt;
	m->stacks = q->stacks;
	m->sample_hz = q->sample_hz;
	if (r->target) {
		m->command = argv_copy(q->command.argv);
		m->exe = strdup(target_path(r->target));
	}
	if (q->npids) {
		m->pids = calloc(q->npids, sizeof(*m->pids));
		if (!m->pids)
			return -ENOMEM;
		memcpy(m->pids, q->pids, q->npids * sizeof(*m->pids));
		m->npids = q->npids;
	}
	m->start = clock_monotonic();
	return machine_describe(m, target_process(r));
}

static int probes_begin(struct recording *r)
{
	const struct record_request *q = r->request;
	pid_t left_out[3] = { getpid() };
	struct probes_config config = {
		.trace_all = q->target == GT_TARGET_ALL,
		.count_futex = q->futex_calls,
		.lock_probes = r->symbols && (q->probe_locks || q->usdt),
		.ring_bytes = q->ring_bytes,
		.tables = q->tables,
		.stacks = q->stacks,
		.sample_hz = q->sample_hz,
		.left_out = left_out,
		.nleft_out = 1,
	};

	if (r->symbols)
		left_out[config.nleft_out++] = symbols_pid(r->symbols);
	if (r->stacks)
		left_out[config.nleft_out++] = stacks_pid(r->stacks);
	return probes_prepare(&config, &r->probes);
}

static int tracing_begin(struct recording *r)
{
	const struct record_request *q = r->request;
	pid_t child = r->target ? target_pid(r->target) : 0;
	char *cwd = getcwd(NULL, 0);
	struct collect_parts parts = {
		.writer = r->writer,
		.symbols = r->symbols,
		.stacks = r->stacks,
		.locks = probes_locks(r->probes),
		.want = (q->usdt ? INSPECT_USDT : 0) | (q->probe_locks ? INSPECT_LOCKS : 0),
		.cwd = cwd,
	};
	int err;

	r->collect = collect_new(&parts);
	free(cwd);
	if (!r->collect)
		return -ENOMEM;
	collect_listen(r->collect, r->probes);
	err = meta_begin(r);
	if (!err)
		err = gt_writer_meta(r->writer, &r->meta);
	if (!err)
		err = r->target ? probes_start(r->probes, &child, 1)
				: probes_start(r->probes, q->pids, q->npids);
	if (!err && !probes_found(r->probes))
		err = -ESRCH;
	/* A command's own probes are there before its first instruction. */
	if (!err && r->target)
		collect_inspect(r->collect, target_path(r->target), INSPECT_MS);
	/* The window opens when everybody's state is known; a command's when its gate does. */
	r->meta.start = clock_monotonic();
	return err;
}

/* CPU time of this process and its helpers. */
static uint64_t own_cpu(const struct recording *r)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
	       (r->symbols ? helper_cpu(symbols_pid(r->symbols)) : 0) +
	       (r->stacks ? helper_cpu(stacks_pid(r->stacks)) : 0);
}

/* Up to the opened gate. 0, or the exit status of what failed, reported. */
static int recording_begin(struct recording *r, int trace_fd)
{
	const struct record_request *q = r->request;
	uint64_t throttled;
	int err, status;

	r->writer = gt_writer_new(trace_fd);
	if (!r->writer) {
		log_error("cannot write the trace: %s", strerror(errno));
		return FAILED;
	}
	/* Names are worth having, not worth failing for. */
	err = symbols_start(&r->symbols);
	if (err)
		log_warn("no names for locks: cannot start the symbol helper: %s", strerror(-err));
	err = q->stacks ? stacks_start(&r->stacks) : 0;
	if (err)
		log_warn("no frames for stacks: cannot start the unwinding helper: %s",
			 strerror(-err));
	if (q->target == GT_TARGET_COMMAND) {
		status = target_launch(&q->command, &r->target);
		if (status)
			return status;
	}
	if (probes_begin(r))
		return FAILED; /* it has told */
	err = tracing_begin(r);
	if (err) {
		log_error("cannot begin to trace: %s", strerror(-err));
		return FAILED;
	}
	keep_off(r);
	throttled = machine_throttled(target_process(r));
	r->meta.throttled = throttled;
	r->own_cpu = own_cpu(r);
	if (r->target) {
		r->meta.start = clock_monotonic();
		status = target_release(r->target);
		if (status)
			return status;
	}
	r->meta.overhead.startup = clock_monotonic() - r->began;
	return 0;
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

static void wait_for_something(struct recording *r, int ms)
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

/* Until the window closes. 0 or -errno of writing the trace. */
static int trace_window(struct recording *r)
{
	int err = 0;

	while (!err && r->phase == PHASE_TRACING) {
		wait_for_something(r, next_round_ms(r));
		if (window_over(r))
			break;
		keep_off(r);
		err = collect_round(r->collect, r->probes);
	}
	return err;
}

/* A process that ends at once takes a stack or two with it: worth a word where it is more than
 * that. */
static void stacks_told(const struct recording *r)
{
	uint64_t skipped = collect_skipped(r->collect), copied = r->meta.stack_counts.copied;

	if (skipped > copied / 100 + 2)
		log_info(
			"%" PRIu64 " of %" PRIu64
			" stacks were copied but not unwound; their time is in the report all the same",
			skipped, copied);
}

static void meta_finish(struct recording *r)
{
	struct gt_meta *m = &r->meta;

	m->throttled = machine_throttled(target_process(r)) - m->throttled;
	m->exited = r->out->exited;
	m->exit_code = r->out->exit_code;
	m->exit_signal = r->out->exit_signal;
	if (probes_alive(r->probes))
		m->left_running = (uint32_t)probes_count_alive(r->probes);
	probes_read_meta(r->probes, m);
	stacks_told(r);
	m->stack_counts.skipped += collect_skipped(r->collect);
	m->overhead.collector_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	gt_writer_size(r->writer, &m->overhead.bytes, &m->overhead.records);
}

/* Close the window and the trace. 0 or -errno. */
static int tracing_end(struct recording *r)
{
	uint64_t own;
	int err, failed;

	/* Room in the rings for the closing sums, and for what is still to be told about losses. */
	err = collect_round(r->collect, r->probes);
	failed = probes_stop(r->probes);
	if (!err)
		err = failed;
	r->meta.end = clock_monotonic();
	own = own_cpu(r);
	r->meta.overhead.window_cpu = own > r->own_cpu ? own - r->own_cpu : 0;
	failed = collect_finish(r->collect, r->probes);
	if (!err)
		err = failed;
	meta_finish(r);
	failed = gt_writer_meta(r->writer, &r->meta);
	if (!err)
		err = failed;
	failed = gt_writer_finish(r->writer);
	return err ? err : failed;
}

/* The command runs on after the window (-d, or a trace that could not be written): its status is
 * wanted. */
static void wait_for_command(struct recording *r)
{
	probes_free_later(r->probes);
	r->probes = NULL;
	while (r->phase != PHASE_DONE && !r->out->exited)
		wait_for_something(r, -1);
}

static void recording_release(struct recording *r)
{
	collect_free(r->collect);
	symbols_free(r->symbols);
	stacks_free(r->stacks);
	if (r->request->settle)
		probes_free(r->probes);
	else
		probes_free_later(r->probes);
	gt_writer_free(r->writer);
	target_free(r->target);
	gt_meta_free(&r->meta);
	if (r->signal_fd >= 0)
		close(r->signal_fd);
	sigprocmask(SIG_SETMASK, &r->signals_before, NULL);
}

int record(const struct record_request *request, int trace_fd, struct record_outcome *out)
{
	struct recording r = {
		.request = request, .out = out, .signal_fd = -1, .began = clock_monotonic()
	};
	int status, err;

	memset(out, 0, sizeof(*out));
	if (signals_take(&r)) {
		log_error("cannot take signals: %s", strerror(errno));
		close(trace_fd);
		return FAILED;
	}
	status = recording_begin(&r, trace_fd);
	if (!status) {
		err = trace_window(&r);
		if (err)
			probes_stop(r.probes);
		else
			err = tracing_end(&r);
		if (err) {
			log_error("cannot write the trace: %s; what was written is kept",
				  strerror(-err));
			status = FAILED;
		}
		if (r.target && !r.out->exited)
			wait_for_command(&r);
	}
	recording_release(&r);
	return status;
}
