/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/lock_kind.h>
#include <lib/escape.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(name, type, columns) \
	const struct table name = { sizeof(type), columns, COUNT(columns) }
#define AT(field) offsetof(ROW, field)
#define MANY(field) offsetof(ROW, field), offsetof(ROW, n##field)

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

const char *column_name(const struct column *c, const void *row)
{
	const void *at = column_at(c, row);

	switch (c->type) {
	case COLUMN_CLASS:
		return columns_class_name(*(const enum verdict_class *)at);
	case COLUMN_KIND:
		return lock_kind_name(*(const enum lock_kind_id *)at);
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

static bool hold_known(const void *row)
{
	return ((const struct result_lock *)row)->hold_source != NULL;
}

static bool handoffs_seen(const void *row)
{
	return ((const struct result_lock *)row)->handoffs > 0;
}

static bool word_is_shared(const void *row)
{
	return ((const struct lock_word *)row)->ino != 0;
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

static const struct column word_columns[] = {
#define ROW struct lock_word
	{ "address", COLUMN_HEX, AT(addr) }, /* of a shared futex: the offset in its file */
	{ "address_space", COLUMN_ID, AT(as) },
	{ "dev", COLUMN_U64, AT(dev), 0, NULL, word_is_shared },
	{ "ino", COLUMN_U64, AT(ino), 0, NULL, word_is_shared },
	{ "waits", COLUMN_U64, AT(waits) },
#undef ROW
};
static TABLE(word_table, struct lock_word, word_columns);

static const struct column spread_columns[] = {
#define ROW struct result_spread
	{ "sum", COLUMN_U64, AT(sum) },
	{ "p50", COLUMN_U64, AT(p50) },
	{ "p99", COLUMN_U64, AT(p99) },
	{ "max", COLUMN_U64, AT(max) },
#undef ROW
};
static TABLE(spread_table, struct result_spread, spread_columns);

/* These two gather fields of the lock itself under one key. */
static const struct column handoff_columns[] = {
#define ROW struct result_lock
	{ "p50", COLUMN_U64, AT(handoff_p50) },
	{ "p99", COLUMN_U64, AT(handoff_p99) },
#undef ROW
};
static TABLE(handoff_table, struct result_lock, handoff_columns);

static const struct column hold_columns[] = {
#define ROW struct result_lock
	{ "sum", COLUMN_U64, AT(hold.sum) },
	{ "p50", COLUMN_U64, AT(hold.p50) },
	{ "p99", COLUMN_U64, AT(hold.p99) },
	{ "max", COLUMN_U64, AT(hold.max) },
	{ "source", COLUMN_TEXT, AT(hold_source) },
#undef ROW
};
static TABLE(hold_table, struct result_lock, hold_columns);

static const struct column by_thread_columns[] = {
#define ROW struct result_lock_thread
	{ "thread", COLUMN_U32, AT(thread) },
	{ "waits", COLUMN_U64, AT(waits) },
	{ "wait", COLUMN_U64, AT(wait) },
	{ "held", COLUMN_U64, AT(held) },
#undef ROW
};
static TABLE(by_thread_table, struct result_lock_thread, by_thread_columns);

static const struct column lock_columns[] = {
#define ROW struct result_lock
	{ "id", COLUMN_U32, AT(id) },
	{ "processes", COLUMN_IDS, MANY(processes) },
	{ "kind", COLUMN_KIND, AT(kind) },
	{ "name", COLUMN_TEXT, AT(name) },
	{ "image", COLUMN_TEXT, AT(image) },
	{ "words", COLUMN_WORDS, MANY(words), &word_table },
	{ "recognised_by", COLUMN_TEXTS, MANY(recognised_by) },
	{ "inferred", COLUMN_BOOL, AT(inferred) },
	{ "waits", COLUMN_U64, AT(waits) },
	{ "wait", COLUMN_STRUCT, AT(wait), 0, &spread_table },
	{ "waiters", COLUMN_U64, AT(waiters) },
	{ "timeouts", COLUMN_U64, AT(timeouts) },
	{ "handoffs", COLUMN_U64, AT(handoffs) },
	{ "handoff_latency", COLUMN_STRUCT, 0, 0, &handoff_table, handoffs_seen },
	{ "hold", COLUMN_STRUCT, 0, 0, &hold_table, hold_known },
	{ "share_of_lock_time", COLUMN_REAL, AT(share_of_lock_time) },
	{ "explains_serialized", COLUMN_REAL, AT(explains_serialized) },
	{ "by_thread", COLUMN_ROWS, MANY(by_thread), &by_thread_table },
#undef ROW
};
static TABLE(lock_table_columns, struct result_lock, lock_columns);

static const struct column event_columns[] = {
#define ROW struct result_event
	{ "kind", COLUMN_SORT, AT(sort) },
	{ "processes", COLUMN_IDS, MANY(processes) },
	{ "name", COLUMN_TEXT, AT(name) },
	{ "words", COLUMN_WORDS, MANY(words), &word_table },
	{ "waits", COLUMN_U64, AT(waits) },
	{ "wait", COLUMN_STRUCT, AT(wait), 0, &spread_table },
#undef ROW
};
static TABLE(event_table, struct result_event, event_columns);

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

static const struct column losses_columns[] = {
#define ROW struct result_losses
	{ "repaired", COLUMN_U64, AT(repaired) },
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
	{ "locks", COLUMN_ROWS, MANY(locks), &lock_table_columns },
	{ "events", COLUMN_ROWS, MANY(events), &event_table },
	{ "futex_calls", COLUMN_ROWS, MANY(futex_calls), &futex_call_table, futex_calls_counted },
	{ "wakeups", COLUMN_ROWS, MANY(wakeups), &wakeup_table },
#undef ROW
};
TABLE(columns_results, struct results, results_columns);
