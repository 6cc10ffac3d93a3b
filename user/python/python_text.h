/* SPDX-License-Identifier: MIT */
/* CPython's str objects. Pure. */
#ifndef USER_PYTHON_TEXT_H
#define USER_PYTHON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_TEXT_MAX 1024 /* characters that are read; longer texts are cut */

struct python_text {
	size_t chars;
	uint8_t width; /* bytes of each: 1 (Latin-1), 2 or 4 */
	bool ascii;
};

/* By the fields `length` and `state` of a str of CPython 3.8 to 3.13. False: it is none, or of a
 * kind that names are not. */
bool python_text_head(uint64_t length, uint32_t state, struct python_text *out);

/* Its `chars` characters at `text` in UTF-8, what is no character as U+FFFD: the caller's to free;
 * NULL: out of memory. */
char *python_text_utf8(const struct python_text *t, const uint8_t *text);

#endif
