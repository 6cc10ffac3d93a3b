/* SPDX-License-Identifier: MIT */
/* struct gt_meta as JSON text and back, for the trace file. */
#ifndef LIB_TRACE_META_H
#define LIB_TRACE_META_H

#include <stdbool.h>
#include <stddef.h>

#include <giltrace/trace.h>

enum trace_meta_type {
	TRACE_META_STRING,
	TRACE_META_BOOL,
	TRACE_META_INT,
	TRACE_META_U32,
	TRACE_META_U64,
	TRACE_META_DOUBLE,
};

/* Every single value of struct gt_meta, under its member's name; a row without key is the last. */
struct trace_meta_row {
	const char *key;
	enum trace_meta_type type;
	bool overhead; /* a member of meta->overhead */
	size_t at;     /* offset in struct gt_meta */
};

extern const struct trace_meta_row trace_meta_rows[];

/* Returns text of *len bytes, to be freed, or NULL when out of memory. */
char *trace_meta_encode(const struct gt_meta *meta, size_t *len);

/*
 * Fill the zeroed `meta`. What is missing or of a wrong type stays unknown. 0, -EBADMSG (not JSON)
 * or -ENOMEM; after an error `meta` is zeroed.
 */
int trace_meta_decode(const char *text, size_t len, struct gt_meta *meta);

#endif
