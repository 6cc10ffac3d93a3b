/* SPDX-License-Identifier: MIT */
/* What the files of record share: record.c has the recording's begin and end, record_window.c the
 * time in between, record_meta.c what the trace says of it. */
#ifndef USER_RECORD_PRIVATE_H
#define USER_RECORD_PRIVATE_H

#include <sched.h>
#include <signal.h>

#include "record.h"

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
	struct cgroup_limits *limits; /* as they were when the window opened */
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

/* The process whose cgroup and CPUs stand for the target's; 0: none does. */
pid_t record_process(const struct recording *r);

/* From now on signals are taken by record_window_wait(). 0 or -errno. */
int record_window_signals(struct recording *r);

/* Until something happens, for `ms` at most (-1: as long as it takes). Takes the command's end and
 * signals. */
void record_window_wait(struct recording *r, int ms);

/* Until the window closes. 0 or -errno of writing the trace. */
int record_window(struct recording *r);

/* What is known of the run before it: 0 or -errno. */
int record_meta_begin(struct recording *r);

/* And after it: totals, and what became of the command. */
void record_meta_finish(struct recording *r);

#endif
