/* SPDX-License-Identifier: MIT */
/* Columns of locks, and of futex waits that are none. */
#include "columns_tables.h"

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

static bool data_waited(const void *row)
{
	return ((const struct result_lock_thread *)row)->io_waits > 0;
}

/* clang-format off */

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
	{ "wait_blocked", COLUMN_U64, AT(wait_blocked) },
	{ "wait_runnable", COLUMN_U64, AT(wait_runnable) },
	{ "races_lost", COLUMN_U64, AT(races_lost) },
	{ "acquisitions", COLUMN_U64, AT(acquisitions) },
	{ "releases", COLUMN_U64, AT(releases) },
	{ "held_running", COLUMN_U64, AT(held_running) },
	{ "held_runnable", COLUMN_U64, AT(held_runnable) },
	{ "held_blocked", COLUMN_U64, AT(held_blocked) },
	{ "hold_share", COLUMN_REAL, AT(hold_share) },
	{ "io_waits", COLUMN_U64, AT(io_waits) },
	{ "io_latency", COLUMN_STRUCT, AT(io_latency), 0, &spread_table, data_waited },
#undef ROW
};
static TABLE(by_thread_table, struct result_lock_thread, by_thread_columns);

static const struct column pair_columns[] = {
#define ROW struct result_lock_pair
	{ "holder", COLUMN_LOCK, AT(holder) }, /* null: nobody known */
	{ "waiter", COLUMN_U32, AT(waiter) },
	{ "time", COLUMN_U64, AT(time) },
	{ "others", COLUMN_SUM, AT(others) },
#undef ROW
};
static TABLE(pair_table, struct result_lock_pair, pair_columns);

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
	{ "acquisitions", COLUMN_U64, AT(acquisitions) },
	{ "releases", COLUMN_U64, AT(releases) },
	{ "handoff_sum", COLUMN_U64, AT(handoff_sum) },
	{ "held_running", COLUMN_U64, AT(held_running) },
	{ "held_runnable", COLUMN_U64, AT(held_runnable) },
	{ "held_blocked", COLUMN_U64, AT(held_blocked) },
	{ "fairness", COLUMN_REAL, AT(fairness) },
	{ "pairs", COLUMN_ROWS, MANY(pairs), &pair_table },
#undef ROW
};
TABLE(columns_locks, struct result_lock, lock_columns);

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
TABLE(columns_events, struct result_event, event_columns);
