/* SPDX-License-Identifier: MIT */
/*
 * One CPU's records of a trace file, in order of time: a queue of blocks, of which one is
 * decompressed, and a window of decoded records in which small disorder is mended.
 */
#ifndef LIB_TRACE_STREAM_H
#define LIB_TRACE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#include "lib/buf.h"
#include "lib/trace_codec.h"
#include "lib/trace_format.h"
#include "lib/trace_source.h"

#define TRACE_STREAM_LOW 32 /* records kept decoded ahead: disorder up to this distance is mended  \
			     */

struct trace_position {
	uint64_t at;	/* of the payload, */
	uint8_t *bytes; /* or what it decompresses to, owned */
	struct trace_block block;
};

struct trace_stream {
	uint32_t cpu;
	struct trace_position *queue; /* blocks not yet opened: queue[first..count) */
	size_t queue_first, queue_count, queue_cap;
	struct buf raw; /* the open block; [pos, end) is not yet decoded */
	const uint8_t *pos, *end;
	uint32_t left; /* records that its header promised and that did not come yet */
	struct trace_ctx ctx;
	struct gt_event *window; /* window[head..tail) is decoded */
	size_t head, tail;
	size_t owners; /* records of the window that own memory */
	int err;       /* why no more can be decoded, or 0 */
	/* The reader's: */
	bool fresh;  /* the present round has added to it */
	bool merged; /* it is in the merge's heap */
};

/* Returns NULL when out of memory. */
struct trace_stream *trace_stream_new(uint32_t cpu);
void trace_stream_free(struct trace_stream *s); /* accepts NULL */

/* Forget everything, for another pass. */
void trace_stream_reset(struct trace_stream *s);

/* One more block of this CPU. 0, -ENOMEM, or -EBADMSG (no recorder leaves so many in one round). */
int trace_stream_add(struct trace_stream *s, const struct trace_block *block, uint64_t at);

/* Likewise, with the block's `raw` bytes of payload at `bytes`, which are copied. */
int trace_stream_add_bytes(struct trace_stream *s, struct trace_source *src,
			   const struct trace_block *block, const uint8_t *bytes);

/*
 * Decode ahead as far as the window and the blocks go. Needed after trace_stream_add(). Errors show
 * in s->err when the window is empty, so that what came before them is still returned.
 */
void trace_stream_fill(struct trace_stream *s, struct trace_source *src);

static inline struct gt_event *trace_stream_head(const struct trace_stream *s)
{
	return s->head < s->tail ? &s->window[s->head] : NULL;
}

/* Done with the head, whose memory the caller has taken over; decodes more when the window runs
 * low. */
static inline void trace_stream_pop(struct trace_stream *s, struct trace_source *src)
{
	s->head++;
	if (s->tail - s->head < TRACE_STREAM_LOW)
		trace_stream_fill(s, src);
}

#endif
