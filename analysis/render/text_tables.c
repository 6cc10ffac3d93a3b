/* SPDX-License-Identifier: MIT */
/* Who ran: processes and threads. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "columns.h"
#include "text_parts.h"
#include "text_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TITLE_SIZE 32
/* ---- processes ---- */

struct process_row {
	const char *name, *class, *lock;
	size_t n; /* processes */
	int32_t pid;
	uint32_t threads;
	uint64_t run;
	double average, serialized;
};

static const struct text_column process_columns[] = {
#define ROW struct process_row
	{ NULL, TEXT_NAME, offsetof(ROW, name), 15, true },
	{ "pid", TEXT_NUMBER, offsetof(ROW, pid), 7, true },
	{ "run", TEXT_TIME, offsetof(ROW, run), 8, true },
	{ "average", TEXT_FACTOR, offsetof(ROW, average), 7, true },
	{ "verdict", TEXT_OWN, offsetof(ROW, class), 15, true },
	{ "by", TEXT_NAME, offsetof(ROW, lock), 16, true },
	{ "threads", TEXT_U32, offsetof(ROW, threads), 7, true },
	{ "serialized", TEXT_SHARE, offsetof(ROW, serialized), 10 },
#undef ROW
};

static const struct text_table process_table = { process_columns, COUNT(process_columns),
						 sizeof(struct process_row) };

static int more_run_process(const void *a, const void *b)
{
	const struct process_row *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? 1 : -1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct process_row process_row(const struct results *r, const struct result_process *p)
{
	const struct result_lock *lock = text_lock(r, p->verdict.lock);

	return (struct process_row){
		.n = 1,
		.name = p->comm ? p->comm : "?",
		.class = columns_class_name(p->verdict.class),
		.lock = !lock	     ? ""
			: lock->name ? lock->name
				     : "a lock without a name",
		.pid = p->pid,
		.threads = p->threads,
		.run = p->run,
		.average = p->parallelism.average,
		.serialized = p->parallelism.serialized_share,
	};
}

/* ---- processes that are alike, as a build's ---- */

#define ALIKE_MIN 3	/* fewer need no folding */
#define ALIKE_RUN 2	/* the longest runs at most this many times as long as the shortest, */
#define ALIKE_SHARE 0.1 /* and these differ by less */
#define ALIKE_ROWS 1000 /* the heaviest: each is held against all */

struct fold_name {
	char text[64]; /* "37x cc1": what is cut is the name */
};

static bool alike(const struct process_row *a, const struct process_row *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->class, b->class) &&
	       !strcmp(a->lock, b->lock) && a->threads == b->threads &&
	       a->run <= ALIKE_RUN * b->run && fabs(a->average - b->average) < ALIKE_SHARE &&
	       fabs(a->serialized - b->serialized) < ALIKE_SHARE;
}

/* Rows like `like` from the first of `rows` on; `to` not NULL: add them to it, and empty them. */
static size_t take_alike(const struct process_row *like, struct process_row *rows, size_t n,
			 struct process_row *to)
{
	size_t found = 0;

	for (size_t i = 0; i < n && like->run <= ALIKE_RUN * rows[i].run; i++) {
		if (!rows[i].n || !alike(like, &rows[i]))
			continue;
		found++;
		if (!to)
			continue;
		to->run += rows[i].run;
		to->threads += rows[i].threads;
		to->n++;
		rows[i].n = 0;
	}
	return found;
}

/*
 * Of rows, heaviest first, those of processes that are alike become one, which has their sums and
 * what is about the same in all. How many are left.
 */
static size_t fold_processes(struct process_row *rows, size_t n, struct fold_name *names,
			     const char *times)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		struct process_row row = rows[i];

		if (!row.n)
			continue;
		if (take_alike(&rows[i], &rows[i + 1], n - i - 1, NULL) + 1 >= ALIKE_MIN) {
			take_alike(&rows[i], &rows[i + 1], n - i - 1, &row);
			snprintf(names[i].text, sizeof(names[i].text), "%zu%s %.40s", row.n, times,
				 row.name);
			row.name = names[i].text;
			row.pid = 0;
		}
		rows[left++] = row;
	}
	return left;
}

/* Where there are more rows than are shown. What is left, or -ENOMEM. */
static ssize_t fold_many(struct process_row *rows, size_t n, struct fold_name **names,
			 const char *times)
{
	size_t heaviest = n < ALIKE_ROWS ? n : ALIKE_ROWS, left;

	if (n <= TEXT_ROWS_MAX)
		return (ssize_t)n;
	*names = calloc(heaviest, sizeof(**names));
	if (!*names)
		return -ENOMEM;
	left = fold_processes(rows, heaviest, *names, times);
	memmove(rows + left, rows + heaviest, (n - heaviest) * sizeof(*rows));
	n -= heaviest - left;
	qsort(rows, n, sizeof(*rows), more_run_process);
	return (ssize_t)n;
}

/* The table, and a last row for the processes that found no room. */
static void print_processes(struct canvas *c, const struct results *r, struct process_row *rows,
			    size_t n)
{
	char title[TITLE_SIZE], label[TITLE_SIZE];
	size_t more = r->nprocesses;

	for (size_t i = 0; i < n && i < TEXT_ROWS_MAX; i++)
		more -= rows[i].n;
	snprintf(title, sizeof(title), "PROCESSES %zu", r->nprocesses);
	snprintf(label, sizeof(label), "%zu more", more);
	n = text_table_shorten(&process_table, rows, n, TEXT_ROWS_MAX, label);
	canvas_end(c);
	text_table(c, &process_table, title, rows, n);
}

int text_processes(struct canvas *c, const struct results *r)
{
	struct fold_name *names = NULL;
	struct process_row *rows;
	ssize_t n;

	if (r->nprocesses < 2)
		return 0;
	rows = calloc(r->nprocesses, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < r->nprocesses; i++)
		rows[i] = process_row(r, &r->processes[i]);
	qsort(rows, r->nprocesses, sizeof(*rows), more_run_process);
	n = fold_many(rows, r->nprocesses, &names, c->unicode ? "\303\227" : "x");
	if (n >= 0)
		print_processes(c, r, rows, (size_t)n);
	free(names);
	free(rows);
	return n < 0 ? (int)n : 0;
}

/* ---- threads ---- */

struct thread_row {
	struct result_thread t;
	int32_t pid;
};

static const struct text_column thread_columns[] = {
#define ROW struct thread_row
	{ NULL, TEXT_NAME, offsetof(ROW, t.comm), 16, true },
	{ "tid", TEXT_NUMBER, offsetof(ROW, t.tid), 8, true },
	{ "pid", TEXT_NUMBER, offsetof(ROW, pid), 8 },
	{ "run", TEXT_TIME, offsetof(ROW, t.run), 8, true },
	{ "lock", TEXT_TIME, offsetof(ROW, t.lock), 8, true },
	{ "runnable", TEXT_TIME, offsetof(ROW, t.runnable), 8, true },
	{ "unknown", TEXT_TIME, offsetof(ROW, t.unknown), 8 },
	{ "event", TEXT_TIME, offsetof(ROW, t.event), 8 },
	{ "io", TEXT_TIME, offsetof(ROW, t.io), 8 },
	{ "sleep", TEXT_TIME, offsetof(ROW, t.sleep), 8 },
	{ "kernel", TEXT_TIME, offsetof(ROW, t.kernel_lock), 8 },
	{ "other", TEXT_TIME, offsetof(ROW, t.other), 8 },
	{ "blocks", TEXT_COUNT, offsetof(ROW, t.switches_voluntary), 8 },
	{ "preempts", TEXT_COUNT, offsetof(ROW, t.switches_involuntary), 8 },
	{ "moves", TEXT_COUNT, offsetof(ROW, t.migrations), 8 },
	{ "critical", TEXT_TIME, offsetof(ROW, t.critical), 8 },
#undef ROW
};

static const struct text_table thread_table = { thread_columns, COUNT(thread_columns),
						sizeof(struct thread_row) };

static int more_run_thread(const void *a, const void *b)
{
	const struct result_thread *x = &((const struct thread_row *)a)->t;
	const struct result_thread *y = &((const struct thread_row *)b)->t;

	if (x->run != y->run)
		return x->run < y->run ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

int text_threads(struct canvas *c, const struct results *r)
{
	struct thread_row *rows = calloc(r->nthreads + 1, sizeof(*rows));
	char title[TITLE_SIZE];

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < r->nthreads; i++)
		rows[i] = (struct thread_row){ r->threads[i], text_pid(r, r->threads[i].process) };
	qsort(rows, r->nthreads, sizeof(*rows), more_run_thread);
	snprintf(title, sizeof(title), "THREADS %zu", r->nthreads);
	canvas_end(c);
	text_rows(c, &thread_table, title, rows, r->nthreads, TEXT_ROWS_MAX);
	free(rows);
	return 0;
}
