/* SPDX-License-Identifier: MIT */
/* What was waited for: locks, and below them futex waits that are none, shown as what they are. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <analysis/lock_kind.h>
#include <lib/buf.h>

#include "columns.h"
#include "text_parts.h"
#include "units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOCKS_MAX 6 /* one screen has no room for more of these */
#define EVENTS_MAX 4
#define EXPLAINED_MAX 2 /* locks whose evidence is shown */
#define WORD_SIZE 24

/* A row stays where it is once made: `name` may point into it. */
struct lock_row {
	const char *name, *kind;
	char word[WORD_SIZE]; /* stands for the name where there is none */
	int32_t pid;
	uint64_t waits, waiters, handoffs, timeouts;
	struct result_spread wait;
	double explains;
};

/* Of both, so that their columns stand below each other. */
static const struct text_column lock_columns[] = {
#define ROW struct lock_row
	{ NULL, TEXT_NAME, offsetof(ROW, name), 20, true },
	{ "kind", TEXT_OWN, offsetof(ROW, kind), 12, true },
	{ "pid", TEXT_NUMBER, offsetof(ROW, pid), 8 },
	{ "waited", TEXT_TIME, offsetof(ROW, wait.sum), 8, true },
	{ "waits", TEXT_COUNT, offsetof(ROW, waits), 6, true },
	{ "explains", TEXT_SHARE, offsetof(ROW, explains), 8, true },
	{ "p50", TEXT_POINT, offsetof(ROW, wait.p50), 8, true },
	{ "p99", TEXT_POINT, offsetof(ROW, wait.p99), 8, true },
	{ "max", TEXT_POINT, offsetof(ROW, wait.max), 8, true },
	{ "waiters", TEXT_COUNT, offsetof(ROW, waiters), 7, true },
	{ "handoffs", TEXT_COUNT, offsetof(ROW, handoffs), 8 },
	{ "timeouts", TEXT_COUNT, offsetof(ROW, timeouts), 8 },
#undef ROW
};

static const struct text_table wait_table = { lock_columns, COUNT(lock_columns),
					      sizeof(struct lock_row) };

/* The name, or the first word's address in its stead. */
static void name_row(struct lock_row *row, const char *name, const struct lock_word *words,
		     size_t nwords)
{
	if (nwords)
		snprintf(row->word, sizeof(row->word), "0x%" PRIx64, words[0].addr);
	row->name = name && *name ? name : nwords ? row->word : NULL;
}

static void lock_row(struct lock_row *row, const struct results *r, const struct result_lock *lock)
{
	*row = (struct lock_row){
		.kind = lock_kind_name(lock->kind),
		.pid = lock->nprocesses == 1 ? text_pid(r, lock->processes[0]) : 0,
		.waits = lock->waits,
		.waiters = lock->waiters,
		.handoffs = lock->handoffs,
		.timeouts = lock->timeouts,
		.wait = lock->wait,
		.explains = lock->explains_serialized,
	};
	name_row(row, lock->name, lock->words, lock->nwords);
}

static void event_row(struct lock_row *row, const struct results *r,
		      const struct result_event *event)
{
	*row = (struct lock_row){
		.kind = columns_sort_name(event->sort),
		.pid = event->nprocesses == 1 ? text_pid(r, event->processes[0]) : 0,
		.waits = event->waits,
		.waiters = RESULT_UNKNOWN,
		.wait = event->wait,
		.explains = -1, /* only locks serialize */
	};
	name_row(row, event->name, event->words, event->nwords);
}

/* ---- why it is called a lock ---- */

static int explain(struct canvas *c, const struct lock_row *row, const struct result_lock *lock)
{
	struct buf b = { 0 };
	const char *text;
	int err;

	buf_add_str(&b, row->name ? row->name : "?");
	if (lock->image && *lock->image)
		buf_printf(&b, " in %s", lock->image);
	for (size_t i = 0; i < lock->nrecognised_by; i++)
		buf_printf(&b, "%s%s", i ? ", " : ": ", lock->recognised_by[i]);
	text = buf_str(&b);
	canvas_style(c, CANVAS_FAINT);
	canvas_pad(c, 2);
	err = text ? canvas_fill_names(c, text, 4) : -ENOMEM;
	buf_free(&b);
	return err;
}

/* The lock that explains most, if its evidence is shown. */
static size_t most_of(const struct results *r)
{
	size_t most = 0;

	for (size_t i = 1; i < r->nlocks && i < EXPLAINED_MAX; i++)
		if (r->locks[i].explains_serialized > r->locks[most].explains_serialized)
			most = i;
	return most;
}

int text_locks(struct canvas *c, const struct results *r)
{
	struct lock_row *rows = calloc(r->nlocks + 1, sizeof(*rows));
	size_t most = most_of(r);
	char title[32];
	int err = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < r->nlocks; i++)
		lock_row(&rows[i], r, &r->locks[i]);
	snprintf(title, sizeof(title), "LOCKS %zu", r->nlocks);
	canvas_end(c);
	text_rows(c, &wait_table, title, rows, r->nlocks, LOCKS_MAX);
	for (size_t i = 0; !err && i < r->nlocks && i < EXPLAINED_MAX; i++) {
		err = explain(c, &rows[i], &r->locks[i]);
		if (!err && i == most)
			err = text_holders(c, r, &r->locks[i]);
	}
	free(rows);
	return err;
}

int text_events(struct canvas *c, const struct results *r)
{
	struct lock_row *rows;

	if (r->nevents == 0)
		return 0;
	rows = calloc(r->nevents, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < r->nevents; i++)
		event_row(&rows[i], r, &r->events[i]);
	text_rows(c, &wait_table, "WAITS, NO LOCKS", rows, r->nevents, EVENTS_MAX);
	free(rows);
	return 0;
}
