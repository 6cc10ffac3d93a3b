/* SPDX-License-Identifier: MIT */
/* The bytes of a trace file, for the reader: small reads go through a window, payloads are
 * decompressed. */
#ifndef LIB_TRACE_SOURCE_H
#define LIB_TRACE_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <zstd.h>

#include "lib/buf.h"
#include "lib/trace_format.h"

/* What all streams of a reader share. */
struct trace_source {
	int fd;
	ZSTD_DCtx *zstd;
	struct buf stored; /* one block as it is in the file */
	struct buf window; /* the file's bytes from window_at on */
	uint64_t window_at;
	size_t ahead;	   /* bytes that the window is filled with */
	uint32_t hits;	   /* reads that the present window has answered */
	struct buf packed; /* a block of several CPUs, decompressed */
	uint64_t skipped;  /* records of unknown kind */
	uint64_t waiting;  /* bytes of records that streams keep in memory until their turn */
};

/* `n` bytes at offset `at`. 0, -EBADMSG (the file ends before), or another -errno. */
int trace_source_read(struct trace_source *src, uint64_t at, uint8_t *out, size_t n);

/*
 * Payload of `block` at offset `at` into `out`, decompressed, with TRACE_COMPACT_MAX readable bytes
 * behind it. 0, -EBADMSG, or another -errno.
 */
int trace_source_load(struct trace_source *src, const struct trace_block *block, uint64_t at,
		      struct buf *out);

void trace_source_release(struct trace_source *src); /* what it owns, not the struct */

#endif
