/* SPDX-License-Identifier: MIT */
/* One record as bytes, for the trace file. docs/trace-format.md describes them. */
#ifndef LIB_TRACE_CODEC_H
#define LIB_TRACE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#define TRACE_RECORD_MAX 12800 /* bytes of any record that the encoder makes */
#define TRACE_COMPACT_MAX 64  /* of one in compact form; the decoder may look so far on */

/* What a record is told relative to. Zeroed at the start of each block, except ts. */
struct trace_ctx {
	uint64_t ts;	  /* of the record before */
	uint64_t addr;	  /* last futex word */
	uint32_t running; /* task that the last SWITCH put on the CPU */
};

/* Most bytes that a record of this kind can take. */
size_t trace_record_max(uint8_t kind);

/* Encode `ev` at `out`, which has room for trace_record_max(). Returns the bytes used, 0 for an
 * unknown kind. */
size_t trace_encode(struct trace_ctx *c, const struct gt_event *ev, uint8_t *out);

/*
 * Decode the record at *pos, of a block that ends at `end` and is followed by TRACE_COMPACT_MAX
 * readable bytes, and move *pos past it. Returns 1, 0 (a kind from a newer minor: skipped),
 * -EBADMSG, or -ENOMEM. What a record's pointers show belongs to the event: trace_fields_release()
 * it.
 */
int trace_decode(struct trace_ctx *c, const uint8_t **pos, const uint8_t *end, struct gt_event *ev);

/* Do pointers of this decoded event own memory? */
static inline bool trace_owns(const struct gt_event *ev)
{
	return 1U << ev->kind & (1U << GT_EXEC | 1U << GT_AFFINITY | 1U << GT_SYMBOL | 1U << GT_LOCK_SITE |
				 1U << GT_INTERPRETER | 1U << GT_NOTE | 1U << GT_STACK | 1U << GT_FRAME);
}

#endif
