/* SPDX-License-Identifier: MIT */
#include "canvas.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <lib/escape.h>

#define WIDTH_MIN 20 /* anything narrower is a mistake of whoever measured it */

#define ESC_RESET "\033[0m"

static const char *const styles[] = {
	[CANVAS_PLAIN] = "",	      [CANVAS_TITLE] = "\033[1m",   [CANVAS_FAINT] = "\033[2m",
	[CANVAS_GOOD] = "\033[1;32m", [CANVAS_WARN] = "\033[1;33m", [CANVAS_BAD] = "\033[1;31m",
	[CANVAS_BAR] = "\033[36m",
};

static const struct {
	const char *unicode, *ascii;
} glyphs[] = {
	[CANVAS_FULL] = { "\342\226\210", "#" }, [CANVAS_SHADE] = { "\342\226\222", "+" },
	[CANVAS_EMPTY] = { "\302\267", "." },	 [CANVAS_ELLIPSIS] = { "\342\200\246", "~" },
	[CANVAS_DIVIDED] = { "\303\267", "/" },
};

/* Blocks of one to seven eighths, for the end of a bar. */
/* clang-format off */
static const char *const eighths[] = {
	"", "\342\226\217", "\342\226\216", "\342\226\215", "\342\226\214", "\342\226\213",
	"\342\226\212", "\342\226\211",
};
/* clang-format on */

static bool starts_code_point(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t canvas_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += starts_code_point(*text);
	return n;
}

/* Bytes of the first `columns` code points of `text`. */
static size_t prefix(const char *text, size_t columns)
{
	size_t i = 0, n = 0;

	for (; text[i]; i++)
		if (starts_code_point(text[i]) && n++ == columns)
			break;
	return i;
}

void canvas_init(struct canvas *c, const struct render_options *o, FILE *out)
{
	unsigned int width = o->width ? o->width : RENDER_WIDTH_DEFAULT;

	*c = (struct canvas){
		.out = out,
		.width = width < WIDTH_MIN ? WIDTH_MIN : width,
		.color = o->color,
		.unicode = o->unicode,
	};
}

const char *canvas_glyph(const struct canvas *c, enum canvas_glyph glyph)
{
	return c->unicode ? glyphs[glyph].unicode : glyphs[glyph].ascii;
}

void canvas_style(struct canvas *c, enum canvas_style style)
{
	if (c->color && style != c->style)
		fprintf(c->out, "%s%s", c->style == CANVAS_PLAIN ? "" : ESC_RESET, styles[style]);
	c->style = style;
}

static void put(struct canvas *c, const char *text, size_t bytes, size_t columns)
{
	if (c->blanks)
		fprintf(c->out, "%*s", (int)c->blanks, "");
	c->blanks = 0;
	fwrite(text, 1, bytes, c->out);
	c->column += columns;
}

void canvas_text(struct canvas *c, const char *text)
{
	size_t room = c->width - c->column, columns = canvas_width(text);

	if (columns && room)
		put(c, text, prefix(text, room), columns < room ? columns : room);
}

void canvas_format(struct canvas *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	canvas_text(c, text);
}

void canvas_pad(struct canvas *c, unsigned int column)
{
	if (column > c->width)
		column = c->width;
	if (column <= c->column)
		return;
	c->blanks += column - c->column;
	c->column = column;
}

void canvas_field(struct canvas *c, const char *text, int width)
{
	size_t room = width < 0 ? -width : width, columns = canvas_width(text);
	unsigned int end = c->column + room;

	if (columns > room) {
		char cut[512];
		size_t bytes = prefix(text, room - 1);

		snprintf(cut, sizeof(cut), "%.*s%s", (int)bytes, text,
			 canvas_glyph(c, CANVAS_ELLIPSIS));
		canvas_text(c, cut);
		return;
	}
	if (width < 0)
		canvas_pad(c, end - columns);
	canvas_text(c, text);
	canvas_pad(c, end);
}

void canvas_end(struct canvas *c)
{
	canvas_style(c, CANVAS_PLAIN);
	fputc('\n', c->out);
	c->column = c->blanks = 0;
}

/*
 * Bytes of the next word. A number keeps what follows it, mostly its unit, and a word longer than a
 * line is broken where the line ends.
 */
static size_t word_length(const char *text, size_t columns)
{
	size_t bytes = strcspn(text, " "), fit = prefix(text, columns), more;

	if (bytes > fit)
		return fit;
	while (text[bytes] && isdigit((unsigned char)text[bytes - 1])) {
		more = 1 + strcspn(text + bytes + 1, " ");
		if (more == 1 || bytes + more > fit)
			break;
		bytes += more;
	}
	return bytes;
}

void canvas_fill(struct canvas *c, const char *text, unsigned int indent)
{
	bool first = true;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t bytes = word_length(text, c->width - indent),
		       rest = canvas_width(text + bytes);
		size_t columns = canvas_width(text) - rest;

		if (!first && c->column + 1 + columns > c->width) {
			enum canvas_style style = c->style;

			canvas_end(c);
			canvas_style(c, style);
			canvas_pad(c, indent);
			first = true;
		}
		canvas_pad(c, c->column + !first);
		put(c, text, bytes, columns);
		text += bytes;
		first = false;
	}
	canvas_end(c);
}

int canvas_fill_names(struct canvas *c, const char *text, unsigned int indent)
{
	size_t size = 4 * strlen(text) + 4; /* a byte becomes four at most */
	char *printable = malloc(size);

	if (!printable)
		return -ENOMEM;
	canvas_fill(c, canvas_name(c, text, printable, size), indent);
	free(printable);
	return 0;
}

static unsigned int parts(double share, unsigned int total)
{
	if (!(share > 0))
		return 0;
	return share >= 1 ? total : (unsigned int)lround(share * total);
}

static void repeat(struct canvas *c, const char *glyph, unsigned int n)
{
	while (n--)
		canvas_text(c, glyph);
}

void canvas_bar(struct canvas *c, double share, unsigned int width)
{
	unsigned int per_column = c->unicode ? 8 : 1, end = c->column + width;
	unsigned int n = parts(share, width * per_column);

	if (n == 0 && share > 0)
		n = 1;
	repeat(c, canvas_glyph(c, CANVAS_FULL), n / per_column);
	if (n % per_column)
		canvas_text(c, eighths[n % per_column]);
	canvas_pad(c, end);
}

void canvas_stack(struct canvas *c, double full, double shade, unsigned int width)
{
	unsigned int a = parts(full, width), b = parts(full + shade, width);

	repeat(c, canvas_glyph(c, CANVAS_FULL), a);
	repeat(c, canvas_glyph(c, CANVAS_SHADE), b - a);
	repeat(c, canvas_glyph(c, CANVAS_EMPTY), width - b);
}

/* Where the reader's terminal has no UTF-8, what escaping left as it was becomes \xNN as well. */
static void to_ascii(char *text, size_t size)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = text[i];
		char hex[8];

		if (byte < 0x80)
			continue;
		if (length + 3 >= size) {
			text[i] = '\0';
			return;
		}
		memmove(text + i + 4, text + i + 1, length - i);
		snprintf(hex, sizeof(hex), "\\x%02x", byte);
		memcpy(text + i, hex, 4);
		length += 3;
	}
}

const char *canvas_name(const struct canvas *c, const char *name, char *out, size_t size)
{
	name = name ? name : "?";
	escape_to(out, size, name, strlen(name));
	if (!c->unicode)
		to_ascii(out, size);
	return out;
}
