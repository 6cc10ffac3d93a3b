/* SPDX-License-Identifier: MIT */
/* A reader's insides, for trace_read.c and trace_merge.c only. */
#ifndef LIB_TRACE_READER_H
#define LIB_TRACE_READER_H

#include <giltrace/trace.h>

#include "lib/trace_stream.h"

/* The merge is a heap of the streams' heads; keys lie in it so that a comparison touches no stream.
 */
struct reader_head {
	uint64_t ts;
	struct trace_stream *stream;
	uint32_t cpu; /* equal times: in order of CPUs, so that every pass is the same */
};

struct gt_reader {
	struct trace_source src;
	uint64_t size;
	uint64_t first; /* offset of the first block */
	uint64_t end;	/* offset behind the last mark */
	uint64_t next;	/* offset of the next round */
	uint64_t limit; /* records up to this time may be returned */
	uint64_t last;	/* time of the last record returned */
	struct trace_stream *streams[TRACE_STREAMS];
	struct reader_head heap[TRACE_STREAMS];
	uint32_t heap_len;
	uint16_t fresh[TRACE_STREAMS]; /* streams that the present round has added to */
	uint32_t nfresh;
	struct gt_batch *batch; /* gt_reader_next() hands these out one by one, */
	uint32_t given;		/* so many up to now */
	bool damaged_tail;	/* the walk over headers ended at something that is none */
	bool stopped;
	int err; /* for the next call: the last one had records to return */
	struct gt_meta meta;
	struct gt_reader_stats stats;
};

/* ---- trace_merge.c ---- */

/* The block at `at`. 0, -ENODATA (the file ends inside it), or -EBADMSG, or another -errno. */
int trace_reader_block(struct gt_reader *r, uint64_t at, struct trace_block *b);

/*
 * The next records into `b`, which is empty. 0 or -errno; both may come with records. None and 0:
 * the end.
 */
int trace_reader_merge(struct gt_reader *r, struct gt_batch *b);

#endif
