/* SPDX-License-Identifier: MIT */
/* Names of traced programs inside XML and HTML. */
#ifndef ANALYSIS_RENDER_MARKUP_H
#define ANALYSIS_RENDER_MARKUP_H

#include <stdio.h>

/* Longest name that is written whole, in bytes; a longer one ends in "...". */
#define MARKUP_NAME_MAX 500

/*
 * `text` (NULL counts as "") for use between tags or in a quoted attribute: what cannot be printed
 * comes as \xNN (lib/escape.h), so that all of it is XML's to have, and &, <, > and quotes as
 * entities.
 */
void markup_text(FILE *out, const char *text);

/* The same in at most `size` bytes (up to MARKUP_NAME_MAX), before they become entities. */
void markup_cut(FILE *out, const char *text, size_t size);

#endif
