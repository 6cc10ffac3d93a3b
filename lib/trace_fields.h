/* SPDX-License-Identifier: MIT */
/*
 * The fields of those kinds of records that carry their length: which they are is one table, which
 * both directions walk. A reader can so skip kinds it does not know, and fields that were added at
 * the end of those it knows.
 */
#ifndef LIB_TRACE_FIELDS_H
#define LIB_TRACE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#define TRACE_STRING_MAX 4095 /* longer strings are cut by the writer and refused by the reader */

/* Is this a kind of the table? */
bool trace_fields_known(uint64_t kind);

/* Most bytes that the fields of this kind can take. */
size_t trace_fields_max(uint8_t kind);

/* Write the fields of `ev`, of a known kind, at `out`, which has room for the most. Returns the
 * bytes used. */
size_t trace_fields_put(const struct gt_event *ev, uint8_t *out);

/*
 * Read n bytes of fields into `ev`, whose kind is known and whose time is set; VARINT_MAX bytes
 * behind them are readable. 0, -EBADMSG, or -ENOMEM. Strings and masks belong to the event:
 * trace_fields_release() it.
 */
int trace_fields_get(const uint8_t *p, size_t n, struct gt_event *ev);

void trace_fields_release(struct gt_event *ev);

#endif
