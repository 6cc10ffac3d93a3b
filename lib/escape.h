/* SPDX-License-Identifier: MIT */
/*
 * Names of threads, files and symbols are bytes chosen by whoever wrote the traced program. Printed
 * as they are, they can move a terminal's cursor, change its title, or break a line-based format.
 */
#ifndef LIB_ESCAPE_H
#define LIB_ESCAPE_H

#include <stddef.h>

/* Longest name that escape() returns whole, in bytes after escaping. */
#define ESCAPE_MAX 1024

struct escaped {
	char text[ESCAPE_MAX];
};

/*
 * A printable copy of the string `s` (NULL counts as ""): valid UTF-8 without control characters
 * (C0, DEL, C1), line separators or characters that reorder a line; the bytes of anything else, and
 * backslashes, become \xNN. What does not fit ends in "...". Returns out->text, so it can stand in
 * an argument list: printf("%s", escape(comm, &(struct escaped){ 0 })).
 */
const char *escape(const char *s, struct escaped *out);

/* The same for at most n bytes, into `size` (at least 4) bytes. Returns the length written. */
size_t escape_to(char *out, size_t size, const char *s, size_t n);

#endif
