/* SPDX-License-Identifier: MIT */
#include "columns_tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/lock_kind.h>
#include <lib/escape.h>


/* ---- names ---- */

static const char *const sort_names[] = {
	[SORT_LOCK] = "lock",
	[SORT_JOIN] = "join",
	[SORT_QUEUE] = "queue",
	[SORT_BARRIER] = "barrier",
	[SORT_TURN_TAKING] = "turn-taking",
	[SORT_UNPROVEN] = "unproven",
};

const char *columns_sort_name(enum lock_sort sort)
{
	return (size_t)sort < COUNT(sort_names) ? sort_names[sort] : "unknown";
}

const char *columns_class_name(enum verdict_class class)
{
	const char *name = verdict_class_name(class);

	return name ? name : "unknown";
}

static const char *const interpreter_names[] = {
	[GT_INTERPRETER_NONE] = "none",	  [GT_INTERPRETER_CPYTHON] = "cpython",
	[GT_INTERPRETER_PYPY] = "pypy",	  [GT_INTERPRETER_RUBY] = "ruby",
	[GT_INTERPRETER_OCAML] = "ocaml",
};

const char *columns_interpreter_name(enum gt_interpreter kind)
{
	return (size_t)kind < GT_INTERPRETER_COUNT ? interpreter_names[kind] : "unknown";
}

const char *column_name(const struct column *c, const void *row)
{
	const void *at = column_at(c, row);

	switch (c->type) {
	case COLUMN_CLASS:
		return columns_class_name(*(const enum verdict_class *)at);
	case COLUMN_KIND:
		return lock_kind_name(*(const enum lock_kind_id *)at);
	case COLUMN_INTERPRETER:
		return columns_interpreter_name(*(const enum gt_interpreter *)at);
	default:
		return columns_sort_name(*(const enum lock_sort *)at);
	}
}

char *columns_printable(const char *text)
{
	size_t length = strlen(text), size = 4 * length + 4; /* \\xNN for each byte, at worst */
	char *copy = malloc(size);

	if (copy)
		escape_to(copy, size, text, length);
	return copy;
}

/* ---- what is known ---- */

static bool interpreted(const void *row)
{
	return ((const struct result_process *)row)->interpreter.kind != GT_INTERPRETER_NONE;
}

static bool futex_calls_counted(const void *row)
{
	const struct results *r = row;

	return r->meta && r->meta->futex_calls;
}

/* A time or count above INT64_MAX is no measurement, and no integer to many readers of JSON. */
bool column_known(const struct column *c, const void *row)
{
	const void *at = column_at(c, row);

	if (c->known && !c->known(row))
		return false;
	switch (c->type) {
	case COLUMN_U64:
		return *(const uint64_t *)at <= INT64_MAX;
	case COLUMN_SUM:
		return *(const uint64_t *)at != 0 && *(const uint64_t *)at <= INT64_MAX;
	case COLUMN_REAL:
		return isfinite(*(const double *)at) && *(const double *)at >= 0;
	case COLUMN_TEXT:
		return *(const char *const *)at != NULL;
	case COLUMN_ID:
		return *(const uint32_t *)at != 0;
	default:
		return true;
	}
}

/* ---- tables: one row a column ---- */

/* clang-format off */

static const struct column verdict_columns[] = {
#define ROW struct result_verdict
	{ "class", COLUMN_CLASS, AT(class) },
	{ "sentence", COLUMN_TEXT, AT(sentence) },
	{ "lock", COLUMN_LOCK, AT(lock) },
	{ "process", COLUMN_ID, AT(process) },
	{ "evidence", COLUMN_TEXTS, MANY(evidence) },
#undef ROW
};
TABLE(columns_verdict, struct result_verdict, verdict_columns);

static const struct column parallelism_columns[] = {
#define ROW struct result_parallelism
	{ "average", COLUMN_REAL, AT(average) },
	{ "attainable", COLUMN_REAL, AT(attainable) },
	{ "efficiency", COLUMN_REAL, AT(efficiency) },
	{ "max", COLUMN_U32, AT(max) },
	{ "cpus", COLUMN_REAL, AT(cpus) },
	{ "active", COLUMN_U64, AT(active) },
	{ "window", COLUMN_U64, AT(window) },
	{ "serialized", COLUMN_U64, AT(serialized) },
	{ "serialized_share", COLUMN_REAL, AT(serialized_share) },
	{ "starved_share", COLUMN_REAL, AT(starved_share) },
	{ "lock_loss", COLUMN_U64, AT(lock_loss) },
	{ "gain_bound", COLUMN_REAL, AT(gain_bound) },
	{ "histogram", COLUMN_TIMES, MANY(histogram) },
#undef ROW
};
TABLE(columns_parallelism, struct result_parallelism, parallelism_columns);

static const struct column cpu_columns[] = {
#define ROW struct result_cpu
	{ "cpu", COLUMN_U32, AT(cpu) },
	{ "workload", COLUMN_U64, AT(workload) },
	{ "other", COLUMN_U64, AT(other) },
	{ "idle", COLUMN_U64, AT(idle) },
	{ "migrations_in", COLUMN_U64, AT(migrations_in) },
#undef ROW
};
static TABLE(cpu_table, struct result_cpu, cpu_columns);

static const struct column occupancy_columns[] = {
#define ROW struct result_occupancy
	{ "cpu", COLUMN_U32, AT(cpu) },
	{ "thread", COLUMN_U32, AT(thread) },
	{ "run", COLUMN_U64, AT(run) },
#undef ROW
};
static TABLE(occupancy_table, struct result_occupancy, occupancy_columns);

static const struct column interpreter_columns[] = {
#define ROW struct result_process
	{ "kind", COLUMN_INTERPRETER, AT(interpreter.kind) },
	{ "name", COLUMN_TEXT, AT(interpreter.name) },
	{ "image", COLUMN_TEXT, AT(interpreter.image) },
	{ "gil", COLUMN_GIL, AT(interpreter.flags) },
#undef ROW
};
static TABLE(interpreter_table, struct result_process, interpreter_columns);

static const struct column process_columns[] = {
#define ROW struct result_process
	{ "id", COLUMN_U32, AT(id) },
	{ "pid", COLUMN_I32, AT(pid) },
	{ "parent", COLUMN_ID, AT(parent) },
	{ "comm", COLUMN_TEXT, AT(comm) },
	{ "exe", COLUMN_TEXT, AT(exe) },
	{ "threads", COLUMN_U32, AT(threads) },
	{ "run", COLUMN_U64, AT(run) },
	{ "start", COLUMN_U64, AT(start) },
	{ "end", COLUMN_U64, AT(end) },
	{ "interpreter", COLUMN_STRUCT, 0, 0, &interpreter_table, interpreted },
	{ "verdict", COLUMN_STRUCT, AT(verdict), 0, &columns_verdict },
	{ "parallelism", COLUMN_STRUCT, AT(parallelism), 0, &columns_parallelism },
#undef ROW
};
static TABLE(process_table, struct result_process, process_columns);

static const struct column thread_columns[] = {
#define ROW struct result_thread
	{ "id", COLUMN_U32, AT(id) },
	{ "tid", COLUMN_I32, AT(tid) },
	{ "process", COLUMN_U32, AT(process) },
	{ "comm", COLUMN_TEXT, AT(comm) },
	{ "kernel", COLUMN_BOOL, AT(kernel) },
	{ "start", COLUMN_U64, AT(start) },
	{ "end", COLUMN_U64, AT(end) },
	{ "run", COLUMN_U64, AT(run) },
	{ "runnable", COLUMN_U64, AT(runnable) },
	{ "lock", COLUMN_U64, AT(lock) },
	{ "event", COLUMN_U64, AT(event) },
	{ "io", COLUMN_U64, AT(io) },
	{ "kernel_lock", COLUMN_U64, AT(kernel_lock) },
	{ "sleep", COLUMN_U64, AT(sleep) },
	{ "other", COLUMN_U64, AT(other) },
	{ "unknown", COLUMN_U64, AT(unknown) },
	{ "switches_voluntary", COLUMN_U64, AT(switches_voluntary) },
	{ "switches_involuntary", COLUMN_U64, AT(switches_involuntary) },
	{ "wakeups", COLUMN_U64, AT(wakeups) },
	{ "migrations", COLUMN_U64, AT(migrations) },
	{ "critical", COLUMN_U64, AT(critical) },
#undef ROW
};
static TABLE(thread_table, struct result_thread, thread_columns);

static const struct column futex_call_columns[] = {
#define ROW struct result_futex_call
	{ "process", COLUMN_U32, AT(process) },
	{ "address", COLUMN_HEX, AT(address) },
	{ "op", COLUMN_U32, AT(op) },
	{ "result", COLUMN_I32, AT(result) },
	{ "count", COLUMN_U64, AT(count) },
#undef ROW
};
static TABLE(futex_call_table, struct result_futex_call, futex_call_columns);

static const struct column wakeup_columns[] = {
#define ROW struct result_wakeup
	{ "from", COLUMN_WAKER, AT(from) },
	{ "to", COLUMN_U32, AT(to) },
	{ "lock", COLUMN_LOCK, AT(lock) },
	{ "count", COLUMN_U64, AT(count) },
#undef ROW
};
static TABLE(wakeup_table, struct result_wakeup, wakeup_columns);

static const struct column note_columns[] = {
#define ROW struct result_note
	{ "process", COLUMN_ID, AT(process) },
	{ "text", COLUMN_TEXT, AT(text) },
#undef ROW
};
static TABLE(note_table, struct result_note, note_columns);

static const struct column losses_columns[] = {
#define ROW struct result_losses
	{ "repaired", COLUMN_U64, AT(repaired) },
	{ "unseen_wakings", COLUMN_U64, AT(unseen_wakings) },
	{ "disordered", COLUMN_U64, AT(disordered) },
	{ "skipped", COLUMN_U64, AT(skipped) },
	{ "left_out", COLUMN_U64, AT(left_out) },
	{ "unknown", COLUMN_U64, AT(unknown) },
	{ "unknown_share", COLUMN_REAL, AT(unknown_share) },
	{ "limit", COLUMN_REAL, AT(limit) },
	{ "exceeded", COLUMN_BOOL, AT(exceeded) },
	{ "incomplete", COLUMN_BOOL, AT(incomplete) },
	{ "damaged", COLUMN_BOOL, AT(damaged) },
#undef ROW
};
TABLE(columns_losses, struct result_losses, losses_columns);

static const struct column audit_columns[] = {
#define ROW struct results
	{ "cpu_error", COLUMN_REAL, AT(audit_cpu_error) },
	{ "task_error", COLUMN_REAL, AT(audit_task_error) },
#undef ROW
};
TABLE(columns_audit, struct results, audit_columns);

static const struct column machine_columns[] = {
#define ROW struct gt_meta
	{ "kernel", COLUMN_TEXT, AT(kernel) },
	{ "arch", COLUMN_TEXT, AT(arch) },
	{ "cpus_online", COLUMN_ID, AT(cpus_online) },
	{ "cpus_allowed", COLUMN_ID, AT(cpus_allowed) },
	{ "cpu_quota", COLUMN_QUOTA, AT(cpu_quota) },
	{ "clock", COLUMN_TEXT, AT(clock) },
#undef ROW
};
TABLE(columns_machine, struct gt_meta, machine_columns);

static const struct column overhead_columns[] = {
#define ROW struct gt_meta
	{ "bpf_ns", COLUMN_SUM, AT(overhead.bpf_ns) },
	{ "bpf_runs", COLUMN_SUM, AT(overhead.bpf_runs) },
	{ "bpf_misses", COLUMN_U64, AT(overhead.bpf_misses) },
	{ "collector_cpu", COLUMN_SUM, AT(overhead.collector_cpu) },
	{ "window_cpu", COLUMN_SUM, AT(overhead.window_cpu) },
	{ "startup", COLUMN_SUM, AT(overhead.startup) },
	{ "bytes", COLUMN_SUM, AT(overhead.bytes) },
	{ "records", COLUMN_SUM, AT(overhead.records) },
#undef ROW
};
TABLE(columns_overhead, struct gt_meta, overhead_columns);

static const struct column stack_sum_columns[] = {
#define ROW struct result_stack_sum
	{ "ns", COLUMN_U64, AT(ns) },
	{ "complete", COLUMN_U64, AT(complete) },
	{ "count", COLUMN_U64, AT(count) },
#undef ROW
};
TABLE(columns_stack_sum, struct result_stack_sum, stack_sum_columns);

static const struct column stack_counts_columns[] = {
#define ROW struct gt_meta
	{ "copied", COLUMN_U64, AT(stack_counts.copied) },
	{ "known", COLUMN_U64, AT(stack_counts.known) },
	{ "skipped", COLUMN_U64, AT(stack_counts.skipped) },
#undef ROW
};
TABLE(columns_stack_counts, struct gt_meta, stack_counts_columns);

static const struct column results_columns[] = {
#define ROW struct results
	{ "parallelism", COLUMN_STRUCT, AT(parallelism), 0, &columns_parallelism },
	{ "cpus", COLUMN_ROWS, MANY(cpus), &cpu_table },
	{ "occupancy", COLUMN_ROWS, MANY(occupancy), &occupancy_table },
	{ "processes", COLUMN_ROWS, MANY(processes), &process_table },
	{ "threads", COLUMN_ROWS, MANY(threads), &thread_table },
	{ "locks", COLUMN_ROWS, MANY(locks), &columns_locks },
	{ "events", COLUMN_ROWS, MANY(events), &columns_events },
	{ "futex_calls", COLUMN_ROWS, MANY(futex_calls), &futex_call_table, futex_calls_counted },
	{ "wakeups", COLUMN_ROWS, MANY(wakeups), &wakeup_table },
	{ "notes", COLUMN_ROWS, MANY(notes), &note_table },
#undef ROW
};
TABLE(columns_results, struct results, results_columns);
