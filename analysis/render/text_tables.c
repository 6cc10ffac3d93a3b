/* SPDX-License-Identifier: MIT */
/* Who ran: processes and threads. */
#include <errno.h>
#include <stdlib.h>

#include "columns.h"
#include "text_parts.h"
#include "text_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TITLE_SIZE 32
/* ---- processes ---- */

struct process_row {
	const char *name, *class, *lock;
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
		.name = p->comm,
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

int text_processes(struct canvas *c, const struct results *r)
{
	struct process_row *rows;
	char title[TITLE_SIZE];

	if (r->nprocesses < 2)
		return 0;
	rows = calloc(r->nprocesses, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < r->nprocesses; i++)
		rows[i] = process_row(r, &r->processes[i]);
	qsort(rows, r->nprocesses, sizeof(*rows), more_run_process);
	snprintf(title, sizeof(title), "PROCESSES %zu", r->nprocesses);
	canvas_end(c);
	text_rows(c, &process_table, title, rows, r->nprocesses, TEXT_ROWS_MAX);
	free(rows);
	return 0;
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
