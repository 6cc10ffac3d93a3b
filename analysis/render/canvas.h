/* SPDX-License-Identifier: MIT */
/*
 * A page of text of limited width. Lines are cut at the width and never wrapped by the terminal;
 * prose is filled. Width is counted in code points, colours take none.
 */
#ifndef ANALYSIS_RENDER_CANVAS_H
#define ANALYSIS_RENDER_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "render.h"

enum canvas_style {
	CANVAS_PLAIN,
	CANVAS_TITLE,
	CANVAS_FAINT,
	CANVAS_GOOD,
	CANVAS_WARN,
	CANVAS_BAD,
	CANVAS_BAR,
};

/* Glyphs that have an ASCII stand-in. */
enum canvas_glyph { CANVAS_FULL, CANVAS_SHADE, CANVAS_EMPTY, CANVAS_ELLIPSIS, CANVAS_DIVIDED };

struct canvas {
	FILE *out;
	unsigned int width, column; /* column: code points on this line so far */
	unsigned int blanks;	    /* at its end, not yet written: no line ends in spaces */
	bool color, unicode;
	enum canvas_style style;
};

void canvas_init(struct canvas *c, const struct render_options *o, FILE *out);

/* From now on, to the end of the line at most. */
void canvas_style(struct canvas *c, enum canvas_style style);

/* Append, up to the width. The text is ours or already escaped: UTF-8 without control bytes. */
void canvas_text(struct canvas *c, const char *text);
void canvas_format(struct canvas *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text in a field of `width` columns, right-aligned if negative; longer ones end in an ellipsis. */
void canvas_field(struct canvas *c, const char *text, int width);

void canvas_pad(struct canvas *c, unsigned int column); /* spaces up to that column */
void canvas_end(struct canvas *c);			/* of the line */

/* Words of `text`, broken at the width, with every line but the first indented. Ends the line. */
void canvas_fill(struct canvas *c, const char *text, unsigned int indent);

/* The same for a text with names from the traced programs in it: escapes it first. 0 or -ENOMEM. */
int canvas_fill_names(struct canvas *c, const char *text, unsigned int indent);

/* `share` (0…1) of `width` columns; anything above 0 shows. */
void canvas_bar(struct canvas *c, double share, unsigned int width);

/* Two shares after each other, the rest empty. */
void canvas_stack(struct canvas *c, double full, double shade, unsigned int width);

const char *canvas_glyph(const struct canvas *c, enum canvas_glyph glyph);

/* A printable copy, as escape_to(), and ASCII if need be, of a traced program's text; "?" for NULL. */
const char *canvas_name(const struct canvas *c, const char *name, char *out, size_t size);

/* Code points in a UTF-8 text. */
size_t canvas_width(const char *text);

#endif
