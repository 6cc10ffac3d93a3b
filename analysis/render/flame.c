/* SPDX-License-Identifier: MIT */
/*
 * A flame graph in one SVG file. The graph is drawn here, whole: widths are percent, each frame is
 * an inner <svg>, which cuts off its own text, and its <title> has its details, so that the file
 * can be read at any size without scripts. flame.js only moves what is there. Names of traced
 * programs are text between tags and nothing else: no attribute, style or script is ever made of
 * one.
 */
#include "formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flame_embed.h"
#include "flame_look.h"
#include "flame_words.h"
#include "markup.h"
#include "page.h"

#define ROW 18			     /* pixels; flame.js takes it from the first frame */
#define BASELINE 13		     /* of a frame's text */
#define TEXT_FROM (FLAME_WIDTH / 60) /* 20 pixels of 1200: narrower frames have no room for text   \
				      */
#define THIN (FLAME_WIDTH / 300)     /* 4 pixels: a border would hide it */
#define KEY_CHARACTER 7.2	     /* pixels, about */

struct sheet {
	const struct flame *g;
	FILE *out;
	uint32_t y; /* of the next line of the head */
};

/* Millionths of a percent, without trailing zeros. */
static void put_percent(FILE *out, const char *attribute, uint32_t units)
{
	char digits[16];
	int n = snprintf(digits, sizeof(digits), "%u.%06u", units / 1000000, units % 1000000);

	while (digits[n - 1] == '0')
		n--;
	if (digits[n - 1] == '.')
		n--;
	fprintf(out, " %s=\"%.*s%%\"", attribute, n, digits);
}

static unsigned int look_of(const struct flame *g, const struct stack_node *node)
{
	const struct stack_node *root = &g->tree.nodes[0];

	if (!g->b)
		return flame_look_of(&node->frame);
	return flame_look_of_change(root->total[0] ? (double)node->total[0] / root->total[0] : 0,
				    root->total[1] ? (double)node->total[1] / root->total[1] : 0);
}

/* ---- head ---- */

static void put_title(struct sheet *p)
{
	fprintf(p->out, "<title>");
	flame_words_title(p->g, p->out);
	fprintf(p->out, "</title>\n<style><![CDATA[\n%s]]></style>\n", flame_embed_css);
	fputs("<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
	      "patternTransform=\"rotate(45)\"><rect class=\"hatch-paper\" width=\"6\" height=\"6\"/>"
	      "<rect class=\"hatch-line\" width=\"2\" height=\"6\"/></pattern></defs>\n"
	      "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n<g id=\"head\">\n",
	      p->out);
	p->y = 28;
	fprintf(p->out, "<text class=\"title\" x=\"1%%\" y=\"%u\">", p->y);
	flame_words_title(p->g, p->out);
	fputs("</text>\n", p->out);
	p->y += 21;
}

static void put_lines(struct sheet *p)
{
	for (const struct flame_line *line = flame_words_lines; line->put; line++) {
		if (!line->wanted(p->g))
			continue;
		fprintf(p->out, "<text class=\"line muted\" x=\"1%%\" y=\"%u\">", p->y);
		line->put(p->g, p->out);
		fputs("</text>\n", p->out);
		p->y += ROW;
	}
}

/* Of looks that are in the graph; of changes all, since they are a scale. */
static uint32_t looks_shown(const struct flame *g)
{
	uint32_t shown = 0;

	for (uint32_t i = 0; i < g->layout.n; i++)
		shown |= 1U << look_of(g, &g->tree.nodes[g->layout.boxes[i].node]);
	for (double change = -1; g->b && change <= 1; change += 0.004)
		shown |= 1U << flame_look_of_change(0, change);
	return shown;
}

static void put_keys(struct sheet *p)
{
	uint32_t shown = p->g->layout.n ? looks_shown(p->g) : 0;
	const struct flame_look *look;
	double x = 0;

	fprintf(p->out, "<svg x=\"1%%\" y=\"%u\" width=\"98%%\" height=\"%d\">\n", p->y - 9, ROW);
	for (unsigned int i = 0; (look = flame_look_at(i)); i++) {
		if (!(shown >> i & 1) || !look->words)
			continue;
		fprintf(p->out,
			"<g class=\"key\"><rect class=\"%s\" x=\"%.0f\" y=\"2\" width=\"12\" "
			"height=\"12\"/><text x=\"%.0f\" y=\"12\">%s</text></g>\n",
			look->class, x, x + 17, look->words);
		x += 17 + KEY_CHARACTER * strlen(look->words) + 16;
	}
	fputs("</svg>\n</g>\n", p->out);
	p->y += ROW + 4;
}

/* ---- graph ---- */

static void put_box(const struct sheet *p, const struct flame_box *box)
{
	const struct flame *g = p->g;
	const struct stack_node *node = &g->tree.nodes[box->node];

	fprintf(p->out, "<svg class=\"%s%s\"", flame_look_at(look_of(g, node))->class,
		box->width < THIN ? " thin" : "");
	put_percent(p->out, "x", box->x);
	fprintf(p->out, " y=\"%u\"", (g->layout.depth - node->depth) * ROW);
	put_percent(p->out, "width", box->width);
	fprintf(p->out, " height=\"%d\"><title>", ROW);
	flame_words_frame(g, node, p->out);
	fputs("</title><rect width=\"100%\" height=\"100%\"/>", p->out);
	if (box->width >= TEXT_FROM) {
		fprintf(p->out, "<text x=\"4\" y=\"%d\">", BASELINE);
		markup_text(p->out, node->frame.name);
		fputs("</text>", p->out);
	}
	fputs("</svg>\n", p->out);
}

static void put_graph(const struct sheet *p)
{
	const struct flame_layout *l = &p->g->layout;

	if (!l->n) {
		fprintf(p->out,
			"<text x=\"1%%\" y=\"%u\">There is nothing of this kind in the trace."
			"</text>\n",
			p->y + ROW);
		return;
	}
	fprintf(p->out, "<svg id=\"graph\" x=\"1%%\" y=\"%u\" width=\"98%%\" height=\"%u\">\n",
		p->y, (l->depth + 1) * ROW);
	for (uint32_t i = 0; i < l->n; i++)
		put_box(p, &l->boxes[i]);
	fputs("</svg>\n", p->out);
}

/* The head is as high as what is in it, so it is written before the size of the whole is known. */
static int put_page(const struct flame *g, FILE *out)
{
	struct sheet p = { .g = g };
	struct page head;

	if (page_open(&head))
		return -ENOMEM;
	p.out = head.file;
	put_title(&p);
	put_lines(&p);
	put_keys(&p);
	if (page_close(&head))
		return -ENOMEM;
	p.out = out;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%%\" height=\"%u\">\n%s",
		p.y + (g->layout.depth + 1) * ROW + 12, head.text);
	free(head.text);
	put_graph(&p);
	if (g->layout.n)
		fprintf(out, "<script><![CDATA[\n%s]]></script>\n", flame_embed_js);
	fputs("</svg>\n", out);
	return 0;
}

static int draw(const struct results *a, const struct results *b, enum stack_kind kind, FILE *out)
{
	struct flame g = { .a = a, .b = b };
	int err = stack_tree_make(a, b, kind, &g.tree);

	/* What only the first run has is still worth seeing when the second has nothing. */
	if (!err)
		err = flame_layout_make(&g.tree, b && g.tree.nodes[0].total[1] ? 1 : 0, &g.layout);
	if (!err)
		err = put_page(&g, out);
	flame_layout_free(&g.layout);
	stack_tree_free(&g.tree);
	return err;
}

int flame_report(const struct results *r, const struct render_options *o, FILE *out)
{
	return draw(r, NULL, o->stacks, out);
}

int flame_comparison(const struct comparison *c, const struct render_options *o, FILE *out)
{
	return draw(c->a, c->b, o->stacks, out);
}
