/* SPDX-License-Identifier: MIT */
#include "flame_words.h"

#include <math.h>
#include <string.h>

#include "flame_look.h"
#include "markup.h"
#include "units.h"

#define COMMAND_MAX 80 /* bytes of a command in the title */

static const struct {
	const char *what; /* the weight is … */
	const char *one;  /* of what is counted */
	const char *how;  /* to read the graph; NULL: as any other */
} kinds[STACK_KINDS] = {
	[STACK_LOCK] = { "time blocked on locks", "wait",
			 "From the bottom: who waited, the lock, and above it who let go." },
	[STACK_OFFCPU] = { "time off the CPU", "wait", NULL },
	[STACK_ONCPU] = { "time on CPUs", "sample", NULL },
	[STACK_CRITICAL] = { "time on CPUs, divided by the threads running then", "sample",
			     "Code that ran alone is widest." },
	[STACK_WAKE] = { "time others were blocked until woken", "waking",
			 "From the bottom: who woke, and at the top whom." },
};

/* As units_share(), with the < of "<0.1 %" as XML wants it. */
static void put_share(FILE *out, const char *before, double share, const char *after)
{
	fputs(before, out);
	markup_text(out, units_share(share).text);
	fputs(after, out);
}

static void put_count(const struct flame *g, uint64_t n, FILE *out)
{
	fprintf(out, "%s %s%s", units_count(n).text, kinds[g->tree.kind].one, n == 1 ? "" : "s");
}

static const char *last_part(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path;
}

/* The traced command, whose arguments may be whole programs; with -p and -a there is none. */
static void put_run(const struct results *r, FILE *out)
{
	char **word = r->meta ? r->meta->command : NULL;
	char line[2 * COMMAND_MAX];
	int n;

	if (!word || !*word) {
		fputs("a running system", out);
		return;
	}
	n = snprintf(line, sizeof(line), "%s", last_part(*word));
	while (*++word && n >= 0 && (size_t)n < sizeof(line))
		n += snprintf(line + n, sizeof(line) - n, " %s", *word);
	markup_cut(out, line, COMMAND_MAX);
}

void flame_words_title(const struct flame *g, FILE *out)
{
	put_run(g->b ? g->b : g->a, out);
	if (g->b) {
		fputs(" against ", out);
		put_run(g->a, out);
	}
	fprintf(out, ": %s", kinds[g->tree.kind].what);
}

static void put_total(const struct flame *g, int run, FILE *out)
{
	const struct stack_node *root = &g->tree.nodes[0];

	fprintf(out, "%s in ", units_time(root->total[run], true).text);
	put_count(g, root->count[run], out);
	if (root->total[run])
		put_share(out, ", ", units_ratio(g->tree.complete[run], root->total[run]),
			  " of it in complete stacks");
}

static void put_version(const struct results *r, FILE *out)
{
	fputs("giltrace ", out);
	markup_text(out, r->meta && r->meta->giltrace ? r->meta->giltrace : "(unknown version)");
}

static void put_totals(const struct flame *g, FILE *out)
{
	if (g->b)
		fputs("Now: ", out);
	put_total(g, g->b ? 1 : 0, out);
	if (g->b) {
		fputs(". Before: ", out);
		put_total(g, 0, out);
	}
	fputs(". ", out);
	put_version(g->a, out);
}

static bool always(const struct flame *g)
{
	return true;
}

static bool has_how(const struct flame *g)
{
	return kinds[g->tree.kind].how && g->layout.total;
}

static void put_how(const struct flame *g, FILE *out)
{
	fputs(kinds[g->tree.kind].how, out);
}

static bool has_change(const struct flame *g)
{
	return g->b && g->layout.total;
}

static void put_change_key(const struct flame *g, FILE *out)
{
	if (!g->layout.run) {
		fputs("Now there is none of it: widths are those before.", out);
		return;
	}
	fputs("Widths are now; red grew and blue shrank, by percentage points of each run's total.",
	      out);
	if (g->layout.gone_ns)
		put_share(out, " Of before, ",
			  units_ratio(g->layout.gone_ns, g->tree.nodes[0].total[0]),
			  " is in stacks that are not there now.");
}

static bool has_pruned(const struct flame *g)
{
	return g->layout.pruned;
}

static void put_pruned(const struct flame *g, FILE *out)
{
	const struct flame_layout *l = &g->layout;

	fprintf(out, "Not drawn: %s frames narrower than %.2g %%, together %s",
		units_count(l->pruned).text, l->narrowest / (FLAME_WIDTH / 100.0),
		units_time(l->pruned_ns, true).text);
	put_share(out, " (", units_ratio(l->pruned_ns, l->total), ").");
}

static bool has_cut(const struct flame *g)
{
	return g->tree.left_out;
}

static void put_cut(const struct flame *g, FILE *out)
{
	fprintf(out, "%s stacks are cut short for want of memory.",
		units_count(g->tree.left_out).text);
}

const struct flame_line flame_words_lines[] = {
	{ always, put_totals },	    { has_how, put_how }, { has_change, put_change_key },
	{ has_pruned, put_pruned }, { has_cut, put_cut }, { NULL, NULL },
};

/* ---- one frame ---- */

static double share_of_all(const struct flame *g, const struct stack_node *node, int run)
{
	return units_ratio(node->total[run], g->tree.nodes[0].total[run]);
}

static void put_weight(const struct flame *g, const struct stack_node *node, FILE *out)
{
	const struct stack_node *parent = &g->tree.nodes[node->parent];

	fputs(units_time(node->total[0], true).text, out);
	put_share(out, ", ", share_of_all(g, node, 0), " of all");
	if (node->depth)
		put_share(out, ", ", units_ratio(node->total[0], parent->total[0]),
			  " of the frame below");
	fputc('\n', out);
	put_count(g, node->count[0], out);
	if (node->self[0] && node->self[0] != node->total[0])
		fprintf(out, ", %s in itself", units_time(node->self[0], true).text);
}

static void put_change(const struct flame *g, const struct stack_node *node, FILE *out)
{
	double before = share_of_all(g, node, 0), now = share_of_all(g, node, 1);

	for (int run = 1; run >= 0; run--) {
		fprintf(out, "%s %s", run ? "now" : "before",
			units_time(node->total[run], true).text);
		put_share(out, ", ", run ? now : before, " of all");
		fputs(", ", out);
		put_count(g, node->count[run], out);
		fputc('\n', out);
	}
	if (now >= 0 && before >= 0)
		fprintf(out, "%+.1f points", (now - before) * 100);
	else
		fputs("nothing to compare with", out);
}

static void put_place(const struct stack_frame *f, FILE *out)
{
	const struct flame_look *look = flame_look_at(flame_look_of(f));
	bool code = f->part == STACK_PART_CODE || f->part == STACK_PART_OTHER_CODE;

	if (!code)
		return;
	fprintf(out, "\n%s", look->words);
	if (f->image) {
		fputs(", ", out);
		markup_text(out, f->image);
	}
	if (f->file) {
		fputs("\n", out);
		markup_text(out, f->file);
		if (f->line)
			fprintf(out, ":%u", f->line);
	}
}

void flame_words_frame(const struct flame *g, const struct stack_node *node, FILE *out)
{
	markup_text(out, node->frame.name);
	fputc('\n', out);
	if (g->b)
		put_change(g, node, out);
	else
		put_weight(g, node, out);
	put_place(&node->frame, out);
}
