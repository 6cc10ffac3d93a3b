/* SPDX-License-Identifier: MIT */
/* struct gt_meta as JSON text and back, for the trace file. */
#ifndef LIB_TRACE_META_H
#define LIB_TRACE_META_H

#include <stddef.h>

#include <giltrace/trace.h>

/* Returns text of *len bytes, to be freed, or NULL when out of memory. */
char *trace_meta_encode(const struct gt_meta *meta, size_t *len);

/*
 * Fill the zeroed `meta`. What is missing or of a wrong type stays unknown. 0, -EBADMSG (not JSON)
 * or -ENOMEM; after an error `meta` is zeroed.
 */
int trace_meta_decode(const char *text, size_t len, struct gt_meta *meta);

#endif
