/* SPDX-License-Identifier: MIT */
/* What renderers print, as strings to look into. */
#ifndef TESTS_UNIT_RENDERED_H
#define TESTS_UNIT_RENDERED_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/render/render.h>

/* Out of line: gcc 12 takes the memory stream's text for the address of a local. */
__attribute__((noinline, unused)) static char *rendered(const char *format, const struct results *r,
							const struct comparison *c,
							const struct render_options *o)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err;

	assert_non_null(out);
	err = r ? render(render_find(format), r, o, out)
		: render_comparison(render_find(format), c, o, out);
	fclose(out);
	assert_int_equal(err, 0);
	assert_int_equal(strlen(text), size);
	return text;
}

/* A word of its own, so that "inferred" is no "inf". */
static inline bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[n]))
			return true;
	return false;
}

static inline void assert_no_strange_numbers(const char *text)
{
	static const char *const words[] = { "nan", "NaN", "-nan", "inf", "Infinity", "-inf" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_false(has_word(text, words[i]));
}

/* Nothing that moves a cursor; the colours that were asked for are taken out before. */
static inline void assert_no_control_bytes(const char *text)
{
	for (const char *s = text; *s; s++)
		if (*s != '\n' && (iscntrl((unsigned char)*s) || (unsigned char)*s == 0x7f))
			fail_msg("control byte 0x%02x at offset %zu", (unsigned char)*s,
				 (size_t)(s - text));
	assert_null(strstr(text, "\xc2\x9b")); /* C1, as UTF-8 */
	assert_null(strstr(text, "\xe2\x80\xae"));
}

/* Colours are ESC [ digits and semicolons m, and nothing else. */
static inline void strip_colors(char *text)
{
	char *to = text;

	for (char *s = text; *s;) {
		if (s[0] == '\033' && s[1] == '[') {
			size_t n = strspn(s + 2, "0123456789;");

			assert_int_equal(s[2 + n], 'm');
			s += 3 + n;
			continue;
		}
		*to++ = *s++;
	}
	*to = '\0';
}

static inline size_t code_points(const char *line, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)line[i] & 0xc0) != 0x80;
	return n;
}

static inline void assert_fits(const char *text, unsigned int width)
{
	for (const char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (code_points(line, end - line) > width)
			fail_msg("longer than %u: %.*s", width, (int)(end - line), line);
		if (end > line && end[-1] == ' ')
			fail_msg("ends in a space: %.*s", (int)(end - line), line);
	}
}

static inline size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Every look a terminal can ask for. */
static inline void assert_text_is_sound(const struct results *r, const struct comparison *c)
{
	static const unsigned int widths[] = { 1, 40, 80, 100, 120, 300 };

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		for (int look = 0; look < 4; look++) {
			struct render_options o = { widths[i], look & 1, look & 2 };
			char *text = rendered("text", r, c, &o);

			if (o.color)
				strip_colors(text);
			assert_no_control_bytes(text);
			assert_no_strange_numbers(text);
			if (widths[i] >= 40)
				assert_fits(text, widths[i]);
			for (const char *s = text; *s && !o.unicode; s++)
				assert_true((unsigned char)*s < 0x80);
			free(text);
		}
	}
}

#endif
