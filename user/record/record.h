/* SPDX-License-Identifier: MIT */
/*
 * One recording: start the target, load the probes, move records into a trace file until the window
 * ends. Every command that traces (run, record, compare -- …) goes through here.
 */
#ifndef USER_RECORD_H
#define USER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <giltrace/trace.h>

#include "probes.h"
#include "target.h"

struct record_request {
	enum gt_target target;
	struct target_command command; /* GT_TARGET_COMMAND */
	const pid_t *pids;	       /* GT_TARGET_PIDS */
	size_t npids;
	uint64_t duration; /* ns, 0: until the target ends or Ctrl-C */
	size_t ring_bytes; /* 0: default */
	const uint32_t *tables; /* entries by enum table; 0: default */
	enum probes_count futex_calls; /* count futex calls */
	uint32_t stacks;   /* enum gt_stacks: what stacks to take */
	uint32_t sample_hz; /* with GT_STACKS_ONCPU: a second and CPU */
	bool probe_locks;  /* probe interpreters' functions that take and let go of locks */
	bool usdt;	   /* probe what programs have in their own locks */
	bool wait_all;	   /* the window ends with the last descendant, not with the command */
	bool settle; /* return only when the kernel has let go of every probe: another run follows
		      */
};

struct record_outcome {
	bool exited;		    /* the command ended and was reaped */
	int exit_code, exit_signal; /* signal 0: exited with code */
	int stopped_by;		    /* the signal that made giltrace stop early, 0: none */
};

/*
 * Record into `trace_fd`, which it owns from now on. Failures are reported. Returns 0, or the exit
 * status of cli.md for giltrace's own failure (125, 126, 127). A failure after the workload was
 * released (a full disk) leaves the workload running to its end, waits for it, and still fills
 * `out`.
 */
int record(const struct record_request *request, int trace_fd, struct record_outcome *out);

#endif
