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
};

static int add_name(struct buf *b, const char *name)
{
	char *printable = columns_printable(name);

	if (!printable)
		return -ENOMEM;
	for (const char *s = printable; *s;) {
		size_t plain = strcspn(s, ";");

		buf_add(b, s, plain);
		s += plain;
		if (*s++)
			buf_add_str(b, "\\x3b");
		else
			break;
	}
	free(printable);
	return b->err;
}

/* Replace what is at this depth and below. */
static int set_frame(struct line *line, const struct stack_node *node)
{
	line->text.len = line->ends[node->depth - 1];
	if (node->depth > 1)
		buf_add(&line->text, ";", 1);
	if (add_name(&line->text, node->frame.name))
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

static int put_tree(const struct stack_tree *t, bool both, FILE *out)
{
	struct line line = { .ends = calloc(t->depth + 1, sizeof(*line.ends)) };
	int err = line.ends ? 0 : -ENOMEM;

	for (uint32_t at = stack_tree_next(t, 0); at && !err; at = stack_tree_next(t, at)) {
		err = set_frame(&line, &t->nodes[at]);
		if (!err)
			put_line(&line, &t->nodes[at], both, out);
	}
	buf_free(&line.text);
	free(line.ends);
	return err;
}

static int put(const struct results *a, const struct results *b, enum stack_kind kind, FILE *out)
{
	struct stack_tree t;
	int err = stack_tree_make(a, b, kind, &t);

	if (!err)
		err = put_tree(&t, b != NULL, out);
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
