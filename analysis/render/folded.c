/* SPDX-License-Identifier: MIT */
/*
 * One line a stack: its frames from the root on with semicolons between, a space, nanoseconds. Of
 * two runs each line has two weights, as programs that draw differences read it. A name cannot
 * break a line: what does not print, and the semicolon, come as \xNN.
 */
#include "formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <lib/buf.h>

#include "columns.h"
#include "stack_tree.h"

struct line {
	struct buf text;
	size_t *ends; /* of the frames so far, by depth */
	/* By frame of the only run: most are in many stacks. NULL with two runs, whose numbers
	 * differ. */
	char **printables;
};

static int add_name(struct buf *b, const char *printable)
{
	for (const char *s = printable; *s;) {
		size_t plain = strcspn(s, ";");

		buf_add(b, s, plain);
		s += plain;
		if (!*s)
			break;
		buf_add_str(b, "\\x3b");
		s++;
	}
	return b->err;
}

static int add_frame(struct line *line, const struct stack_frame *f)
{
	char **kept = line->printables && f->source ? &line->printables[f->source - 1] : NULL;
	char *printable = kept && *kept ? *kept : columns_printable(f->name);
	int err = printable ? add_name(&line->text, printable) : -ENOMEM;

	if (kept)
		*kept = printable;
	else
		free(printable);
	return err;
}

/* Replace what is at this depth and below. */
static int set_frame(struct line *line, const struct stack_node *node)
{
	line->text.len = line->ends[node->depth - 1];
	if (node->depth > 1)
		buf_add(&line->text, ";", 1);
	if (add_frame(line, &node->frame))
		return -ENOMEM;
	line->ends[node->depth] = line->text.len;
	return 0;
}

static void put_line(const struct line *line, const struct stack_node *node, bool both, FILE *out)
{
	if (!node->self[0] && !node->self[1])
		return;
	fwrite(line->text.data, 1, line->text.len, out);
	fprintf(out, " %" PRIu64, node->self[0]);
	if (both)
		fprintf(out, " %" PRIu64, node->self[1]);
	fputc('\n', out);
}

/* `nframes`: of the only run, 0 with two. */
static int put_tree(const struct stack_tree *t, size_t nframes, bool both, FILE *out)
{
	struct line line = { .ends = calloc(t->depth + 1, sizeof(*line.ends)),
			     .printables = nframes ? calloc(nframes, sizeof(*line.printables))
						   : NULL };
	int err = line.ends && (line.printables || !nframes) ? 0 : -ENOMEM;

	for (uint32_t at = stack_tree_next(t, 0); at && !err; at = stack_tree_next(t, at)) {
		err = set_frame(&line, &t->nodes[at]);
		if (!err)
			put_line(&line, &t->nodes[at], both, out);
	}
	for (size_t i = 0; line.printables && i < nframes; i++)
		free(line.printables[i]);
	free(line.printables);
	buf_free(&line.text);
	free(line.ends);
	return err;
}

static int put(const struct results *a, const struct results *b, enum stack_kind kind, FILE *out)
{
	struct stack_tree t;
	int err = stack_tree_make(a, b, kind, &t);

	if (!err)
		err = put_tree(&t, b ? 0 : a->nframes, b != NULL, out);
	stack_tree_free(&t);
	return err;
}

int folded_report(const struct results *r, const struct render_options *o, FILE *out)
{
	return put(r, NULL, o->stacks, out);
}

int folded_comparison(const struct comparison *c, const struct render_options *o, FILE *out)
{
	return put(c->a, c->b, o->stacks, out);
}
