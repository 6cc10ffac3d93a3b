/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "cgroup.h"
#include "collect.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "record_private.h"
#include "user/helper/helper.h"
#include "user/helper/stacks.h"
#include "user/helper/symbols.h"
#include "user/inspect/inspect.h"
#include "user/shown.h"

#define INSPECT_MS 500 /* for looking into the program before it is run */

#define FAILED 125 /* exit status for giltrace's own failures */

pid_t record_process(const struct recording *r)
{
	if (r->target)
		return target_pid(r->target);
	return r->request->npids ? r->request->pids[0] : 0;
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
		.want = (q->usdt ? INSPECT_USDT : 0) | (q->probe_locks ? INSPECT_LOCKS : 0) |
			(r->stacks ? INSPECT_DEBUG : 0),
		.cwd = cwd,
	};
	int err;

	r->collect = collect_new(&parts);
	free(cwd);
	if (!r->collect)
		return -ENOMEM;
	collect_listen(r->collect, r->probes);
	err = record_meta_begin(r);
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

static void say_not_begun(const struct recording *r, int err)
{
	if (err == -ESRCH && r->target) /* still behind its gate: Ctrl-C in the first moments */
		log_error("%s was ended before tracing began", SHOWN(target_path(r->target)));
	else if (err == -ESRCH)
		log_error("nothing to trace: what was to be watched ended before tracing began");
	else
		log_error("cannot begin to trace: %s", strerror(-err));
}

/* Up to the opened gate. 0, or the exit status of what failed, reported. */
static int recording_begin(struct recording *r, int trace_fd)
{
	const struct record_request *q = r->request;
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
		say_not_begun(r, err);
		return FAILED;
	}
	aside_keep(record_process(r), &r->kept_off);
	r->limits = cgroup_limits_new(record_process(r)); /* without it, no throttling is told */
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
	record_meta_finish(r);
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
		record_window_wait(r, -1);
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
	cgroup_limits_free(r->limits);
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
	if (record_window_signals(&r)) {
		log_error("cannot take signals: %s", strerror(errno));
		close(trace_fd);
		return FAILED;
	}
	status = recording_begin(&r, trace_fd);
	if (!status) {
		err = record_window(&r);
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
