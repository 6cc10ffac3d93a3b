/* SPDX-License-Identifier: MIT */
#include "python_text.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xfffd

bool python_text_head(uint64_t length, uint32_t state, struct python_text *out)
{
	/* interned:2, kind:3, compact:1, ascii:1, … */
	uint32_t kind = state >> 2 & 7;
	bool compact = state >> 5 & 1, ascii = state >> 6 & 1;

	if (!compact || length > INT64_MAX || (kind != 1 && kind != 2 && kind != 4) ||
	    (ascii && kind != 1))
		return false;
	out->chars = length < PYTHON_TEXT_MAX ? length : PYTHON_TEXT_MAX;
	out->width = (uint8_t)kind;
	out->ascii = ascii;
	return true;
}

static uint32_t char_at(const struct python_text *t, const uint8_t *text, size_t i)
{
	uint16_t two;
	uint32_t four;

	switch (t->width) {
	case 1:
		return text[i];
	case 2:
		memcpy(&two, text + i * 2, sizeof(two));
		return two;
	default:
		memcpy(&four, text + i * 4, sizeof(four));
		return four;
	}
}

static size_t put_char(char *to, uint32_t c)
{
	if (!c || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		c = REPLACEMENT;
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

char *python_text_utf8(const struct python_text *t, const uint8_t *text)
{
	char *out = malloc(t->chars * 4 + 1), *less;
	size_t n = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < t->chars; i++)
		n += put_char(out + n, char_at(t, text, i));
	out[n] = '\0';
	less = realloc(out, n + 1);
	return less ? less : out;
}
