/* SPDX-License-Identifier: MIT */
/*
 * The kernel side's life: prepare (load and attach, nothing recorded yet), start (find who is to be
 * traced, begin), stop (end of the window), read (totals), free. collect.h moves the records in
 * between.
 */
#ifndef USER_PROBES_H
#define USER_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <giltrace/trace.h>
#include <giltrace/wire.h>

struct lock_probes;
struct probes;

enum probes_count {
	PROBES_COUNT_NO,
	PROBES_COUNT_IF_FREE, /* where other system calls do not pay for it */
	PROBES_COUNT_YES,
};

struct probes_config {
	bool trace_all;	       /* -a */
	enum probes_count count_futex; /* futex calls by (process, address, operation, result) */
	bool lock_probes;      /* there will be places to probe: see lock_probes.h */
	uint32_t stacks;       /* enum gt_stacks: what to take stacks of */
	uint32_t sample_hz;    /* with GT_STACKS_ONCPU */
	size_t ring_bytes;     /* per CPU; a power of two multiple of the page size; 0: default */
	const uint32_t *tables; /* entries by enum table (user/tables.h); 0: default */
	const pid_t *left_out; /* processes that are never traced: giltrace and its helper */
	size_t nleft_out;
};

/* Reports failures itself, with what to do. 0 or -errno. */
int probes_prepare(const struct probes_config *config, struct probes **out);

/*
 * A record of CPU `cpu`, `data` is a struct gt_wire_*. Return non-zero to stop draining.
 */
typedef int (*probes_record)(void *ctx, uint32_t cpu, const void *data, size_t size);

/* Who gets the records: to be said before probes_start(). */
void probes_listen(struct probes *p, probes_record record, void *ctx);

/* Trace these processes, their threads and descendants (or all, with trace_all) from now on. Hands over records
 * where there are many. 0 or -errno. */
int probes_start(struct probes *p, const pid_t *pids, size_t npids);

/* Are futex calls counted? Asked for is not enough: it takes tracefs, which is root's alone. */
bool probes_count_futex(const struct probes *p);

/* And does every system call of the machine pay for it? */
bool probes_tax_calls(const struct probes *p);

/* What puts probes on locks; lives as long as the probes do. */
struct lock_probes *probes_locks(const struct probes *p);

/* How many of the tasks given to probes_start were found. */
uint32_t probes_found(const struct probes *p);

/* Hand over every record committed so far. Sets `*mark` to a time that no later record can precede.
 */
int probes_drain(struct probes *p, uint64_t *mark);

/* The same after probes_stop(): there will be none later. */
int probes_drain_last(struct probes *p);

/* Readable when the rings should be emptied before the time: a new program has had its first stack
 * taken. */
int probes_bell(const struct probes *p);

/* How to know a stack again, from now on. 0 or -errno. */
int probes_know(struct probes *p, const struct gt_wire_stack_key *key,
		const struct gt_wire_stack_shape *shape);

/* How address space `as` keeps Python frames. 0 or -errno. */
int probes_python(struct probes *p, uint32_t as, const struct gt_wire_python *how);

/* End of the window: closing snapshots and sums are in the rings when it returns, or were handed over. */
int probes_stop(struct probes *p);

/* A futex call count (GT_FUTEX_COUNT's fields). */
typedef int (*probes_futex)(void *ctx, const struct gt_wire_futex_key *key, uint64_t count);
int probes_read_futex(struct probes *p, probes_futex futex, void *ctx);

/* Totals: losses by reason, stacks, and the overhead's BPF figures, into `meta`. */
void probes_read_meta(struct probes *p, struct gt_meta *meta);

/* Traced threads that have not ended, by the kernel side's count. Too many where the kernel has
 * not shown an end. */
uint64_t probes_alive(const struct probes *p);

/* The same, counted anew: goes over all tasks of the machine. */
uint64_t probes_count_alive(struct probes *p);

void probes_free(struct probes *p); /* detaches everything; NULL ok */

/* The same, but for locks' probes, on a thread of its own: the kernel takes up to half a second. */
void probes_free_later(struct probes *p);

#endif
