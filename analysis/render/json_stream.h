/* SPDX-License-Identifier: MIT */
/*
 * A JSON text printed piece by piece, so that no tree of all of it is ever in memory: what is small
 * is a jansson value, and these are put together here as jansson would print them.
 */
#ifndef ANALYSIS_RENDER_JSON_STREAM_H
#define ANALYSIS_RENDER_JSON_STREAM_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "columns.h"

/* Zeroed but for `out`. */
struct json_stream {
	FILE *out;
	unsigned int depth;
	bool filled; /* the innermost object or array has something in it */
	int err;     /* 0 or -ENOMEM: of values; `out` has its own */
};

/* Begin and end an object ("{}") or array ("[]") where a value may be. */
void json_stream_open(struct json_stream *s, char bracket);
void json_stream_close(struct json_stream *s, char bracket);

/* What comes next is the value of this key, which needs no escapes. */
void json_stream_key(struct json_stream *s, const char *key);

/* Prints and takes it; NULL: memory ran out. */
void json_stream_value(struct json_stream *s, json_t *value);

/* The known columns of one row, in the table's order, into the open object. */
void json_stream_columns(struct json_stream *s, const struct table *table, const void *row);

#endif
