/* SPDX-License-Identifier: MIT */
#include "lib/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ELLIPSIS "..."

/* What a first byte of UTF-8 says: length, its payload bits, the smallest code point of that
 * length. */
struct lead {
	uint8_t mask, value, length;
	uint32_t least;
};

static const struct lead leads[] = {
	{ 0x80, 0x00, 1, 0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

/* Ranges of code points that are never printed. */
static const uint32_t unprintable[][2] = {
	{ 0x00, 0x1f },
	{ 0x5c, 0x5c }, /* control characters; the escape character itself */
	{ 0x7f, 0x9f },
	{ 0xad, 0xad }, /* DEL and C1; soft hyphen, invisible */
	{ 0x61c, 0x61c },
	{ 0x200b, 0x200f }, /* marks of direction, zero-width characters */
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f }, /* line separators, overrides and isolates of direction */
	{ 0xd800, 0xdfff },
	{ 0xfeff, 0xfeff }, /* surrogates; byte order mark */
	{ 0xfff9, 0xfffb },
	{ 0xe0000, 0xe007f }, /* annotations and tags, invisible */
	{ 0xfffe, 0xffff },   /* no characters; XML may not hold them */
};

static bool is_printable(uint32_t code)
{
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(*unprintable); i++)
		if (code >= unprintable[i][0] && code <= unprintable[i][1])
			return false;
	return code <= 0x10ffff;
}

/* Bytes of the printable character at s, of which n bytes are there; 0: none. */
static size_t printable_length(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++) {
		const struct lead *lead = &leads[i];
		uint32_t code = s[0] & (uint8_t)~lead->mask;

		if ((s[0] & lead->mask) != lead->value)
			continue;
		if (lead->length > n)
			return 0;
		for (size_t k = 1; k < lead->length; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[k] & 0x3f);
		}
		return code >= lead->least && is_printable(code) ? lead->length : 0;
	}
	return 0;
}

size_t escape_to(char *out, size_t size, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = (const uint8_t *)s;
	size_t len = 0, fits = 0; /* fits: the most that leaves room for the ellipsis */

	while (n && *p) {
		size_t taken = printable_length(p, n), put = taken ? taken : 4;

		if (len + put >= size) {
			memcpy(out + fits, ELLIPSIS, sizeof(ELLIPSIS));
			return fits + sizeof(ELLIPSIS) - 1;
		}
		if (taken)
			memcpy(out + len, p, taken);
		else
			memcpy(out + len, (char[]){ '\\', 'x', digits[*p >> 4], digits[*p & 15] },
			       4);
		len += put;
		if (len + sizeof(ELLIPSIS) <= size)
			fits = len;
		taken = taken ? taken : 1;
		p += taken;
		n -= taken;
	}
	out[len] = '\0';
	return len;
}

const char *escape(const char *s, struct escaped *out)
{
	s = s ? s : "";
	escape_to(out->text, sizeof(out->text), s, strlen(s));
	return out->text;
}
