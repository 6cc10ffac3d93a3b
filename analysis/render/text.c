/* SPDX-License-Identifier: MIT */
/* The report for people: one screen, the verdict first. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <lib/buf.h>

#include "columns.h"
#include "formats.h"
#include "text_parts.h"
#include "units.h"

#define INDENT 2

/* ---- for all parts ---- */

void text_heading(struct canvas *c, const char *title)
{
	canvas_end(c);
	canvas_style(c, CANVAS_TITLE);
	canvas_text(c, title);
	canvas_style(c, CANVAS_FAINT);
}

const struct result_process *text_process(const struct results *r, uint32_t id)
{
	for (size_t i = 0; i < r->nprocesses; i++)
		if (r->processes[i].id == id)
			return &r->processes[i];
	return NULL;
}

const struct result_lock *text_lock(const struct results *r, uint32_t id)
{
	for (size_t i = 0; i < r->nlocks && id; i++)
		if (r->locks[i].id == id)
			return &r->locks[i];
	return NULL;
}

int32_t text_pid(const struct results *r, uint32_t process)
{
	const struct result_process *p = r->nprocesses > 1 ? text_process(r, process) : NULL;

	return p ? p->pid : 0;
}

void text_rows(struct canvas *c, const struct text_table *table, const char *title, void *rows,
	       size_t n, size_t max)
{
	char label[32];

	snprintf(label, sizeof(label), "%zu more", n > max ? n - max : 0);
	n = text_table_shorten(table, rows, n, max, label);
	text_table(c, table, title, rows, n);
}

/* ---- the verdict ---- */

static const enum canvas_style class_styles[VERDICT_COUNT] = {
	[VERDICT_INCONCLUSIVE] = CANVAS_BAD,	  [VERDICT_IO_BOUND] = CANVAS_TITLE,
	[VERDICT_SINGLE_THREADED] = CANVAS_TITLE, [VERDICT_CPU_STARVED] = CANVAS_WARN,
	[VERDICT_SERIALIZED] = CANVAS_BAD,	  [VERDICT_CONTENDED] = CANVAS_WARN,
	[VERDICT_IMBALANCED] = CANVAS_WARN,	  [VERDICT_PARALLEL] = CANVAS_GOOD,
	[VERDICT_MIXED] = CANVAS_TITLE,
};

/* The sentence says its class and, where there are several, its process; should it not, its class
 * goes first. */
static int verdict_line(struct canvas *c, const struct results *r)
{
	const char *class = columns_class_name(r->verdict.class);
	const char *sentence = r->verdict.sentence ? r->verdict.sentence : "";
	struct buf b = { 0 };
	const char *text;
	int err;

	if (!strstr(sentence, class))
		buf_printf(&b, "%s: ", class);
	buf_add_str(&b, sentence);
	text = buf_str(&b);
	canvas_style(c, r->verdict.class < VERDICT_COUNT ? class_styles[r->verdict.class]
							 : CANVAS_TITLE);
	err = text ? canvas_fill_names(c, text, INDENT) : -ENOMEM;
	buf_free(&b);
	return err;
}

static void add_command(struct buf *b, const struct gt_meta *m)
{
	if (m->target == GT_TARGET_ALL)
		buf_add_str(b, "the whole machine");
	else if (m->target == GT_TARGET_PIDS)
		for (size_t i = 0; i < m->npids; i++)
			buf_printf(b, "%s%d", i ? "," : "process ", m->pids[i]);
	else
		for (char **word = m->command; word && *word; word++)
			buf_printf(b, "%s%s", word == m->command ? "" : " ", *word);
	if (m->exited && m->exit_signal)
		buf_printf(b, ": ended by signal %d", m->exit_signal);
	else if (m->exited && m->exit_code)
		buf_printf(b, ": exit status %d", m->exit_code);
}

/* A command may be any length: one line of it is enough to know it by. */
static int command_line(struct canvas *c, const struct results *r)
{
	struct buf b = { 0 };
	char name[512];
	const char *text;

	add_command(&b, r->meta);
	text = buf_str(&b);
	if (text && *text) {
		canvas_style(c, CANVAS_TITLE);
		canvas_field(c, canvas_name(c, text, name, sizeof(name)), (int)c->width);
		canvas_end(c);
	}
	buf_free(&b);
	return text ? 0 : -ENOMEM;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void add_times(struct buf *b, const struct canvas *c, const struct results *r)
{
	const struct result_parallelism *p = &r->parallelism;

	buf_printf(b, "%s wall, %s active", units_time(r->end - r->start, c->unicode).text,
		   units_time(r->active, c->unicode).text);
	if (p->cpus > 0)
		buf_printf(b, p->cpus == floor(p->cpus) ? ", %.0f" : ", %.2f", p->cpus);
	if (p->cpus > 0 && r->meta->cpus_online)
		buf_printf(b, " of %u", r->meta->cpus_online);
	if (p->cpus > 0)
		buf_printf(b, " core%s usable",
			   p->cpus == 1 && r->meta->cpus_online <= 1 ? "" : "s");
	buf_printf(b, ", %zu thread%s", r->nthreads, plural(r->nthreads));
	if (r->nprocesses > 1)
		buf_printf(b, " in %zu processes", r->nprocesses);
}

/* One line: the kernel only where there is room for it. */
static int machine_line(struct canvas *c, const struct results *r)
{
	const struct gt_meta *m = r->meta;
	struct buf b = { 0 };
	size_t length;
	const char *text;
	int err;

	add_times(&b, c, r);
	length = b.len;
	if (m->kernel)
		buf_printf(&b, ", Linux %s%s%s", m->kernel, m->arch ? " " : "",
			   m->arch ? m->arch : "");
	if (!b.err && b.len > c->width)
		b.len = length;
	text = buf_str(&b);
	canvas_style(c, CANVAS_FAINT);
	err = text ? canvas_fill_names(c, text, INDENT) : -ENOMEM;
	buf_free(&b);
	return err;
}

/* ---- the whole ---- */

typedef int (*part)(struct canvas *c, const struct results *r);

static const part parts[] = {
	verdict_line,	command_line, machine_line, text_interpreters, text_cores, text_histogram,
	text_processes, text_threads, text_locks,   text_events,       text_notes, text_footer,
};

int text_report(const struct results *r, const struct render_options *o, FILE *out)
{
	struct canvas c;
	int err = 0;

	canvas_init(&c, o, out);
	for (size_t i = 0; !err && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = parts[i](&c, r);
	return err;
}
