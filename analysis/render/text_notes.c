/* SPDX-License-Identifier: MIT */
/* What the recorder said: what the processes interpret with, and what could not be done. */
#include <errno.h>
#include <string.h>

#include <analysis/interpreters.h>
#include <lib/buf.h>

#include "columns.h"
#include "text_parts.h"

#define NOTES_MAX 4

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same(const struct results *r, const struct result_process *p,
		 const struct result_process *q)
{
	const struct result_interpreter *a = &p->interpreter, *b = &q->interpreter;

	return a->kind == b->kind && same_text(a->name, b->name) && same_text(a->image, b->image) &&
	       !((a->flags ^ b->flags) & GT_INTERPRETER_NO_GIL) &&
	       interpreters_ran(r, p) == interpreters_ran(r, q);
}

static void add_interpreter(struct buf *b, const struct results *r, size_t at)
{
	const struct result_interpreter *in = &r->processes[at].interpreter;
	size_t n = 0;

	for (size_t i = 0; i < r->nprocesses; i++) {
		if (!same(r, &r->processes[at], &r->processes[i]))
			continue;
		if (i < at)
			return;
		n++;
	}
	buf_printf(b, "%s%s", b->len ? "; " : "",
		   in->name ? in->name : columns_interpreter_name(in->kind));
	if (in->flags & GT_INTERPRETER_NO_GIL)
		buf_add_str(b, ", no global lock");
	if (in->image)
		buf_printf(b, " (%s)", in->image);
	if (!interpreters_ran(r, &r->processes[at]))
		buf_printf(b, ", linked but not seen to run%s", n > 1 ? "," : "");
	if (n > 1)
		buf_printf(b, " in %zu processes", n);
}

int text_interpreters(struct canvas *c, const struct results *r)
{
	struct buf b = { 0 };
	const char *text;
	int err = 0;

	for (size_t i = 0; i < r->nprocesses; i++)
		if (r->processes[i].interpreter.kind)
			add_interpreter(&b, r, i);
	text = buf_str(&b);
	if (!text)
		err = -ENOMEM;
	if (text && *text) {
		canvas_style(c, CANVAS_FAINT);
		err = canvas_fill_names(c, text, 2);
	}
	buf_free(&b);
	return err;
}

int text_notes(struct canvas *c, const struct results *r)
{
	struct buf b = { 0 };
	int err = 0;

	if (r->nnotes)
		canvas_end(c);
	for (size_t i = 0; !err && i < r->nnotes && i < NOTES_MAX; i++) {
		const struct result_process *p = text_process(r, r->notes[i].process);
		const char *text;

		buf_clear(&b);
		buf_add_str(&b, "note: ");
		if (p && r->nprocesses > 1)
			buf_printf(&b, "%s (%d): ", p->comm, p->pid);
		buf_add_str(&b, r->notes[i].text);
		text = buf_str(&b);
		err = text ? canvas_fill_names(c, text, 2) : -ENOMEM;
	}
	if (!err && r->nnotes > NOTES_MAX) {
		canvas_format(c, "%zu more notes are in the JSON report", r->nnotes - NOTES_MAX);
		canvas_end(c);
	}
	buf_free(&b);
	return err;
}
