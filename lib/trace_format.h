/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a trace file, for trace_write.c and the reader only. docs/trace-format.md is the
 * description; numbers here never change their meaning.
 */
#ifndef LIB_TRACE_FORMAT_H
#define LIB_TRACE_FORMAT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <giltrace/wire.h>

#define TRACE_MAGIC "giltrace"
#define TRACE_HEADER_SIZE 32
#define TRACE_HEADER_SIZE_MAX 4096
#define TRACE_FLAGS_AT 16
#define TRACE_INCOMPLETE UINT64_MAX

#define TRACE_BLOCK_MAGIC 0x4b4c4247 /* "GBLK" */
#define TRACE_BLOCK_SIZE 40
#define TRACE_RAW_MAX (64 << 10) /* of a block of records, before compression */
#define TRACE_SMALL_MAX (4 << 10) /* of one CPU's records in a block with others' */
#define TRACE_META_MAX (2 << 20) /* of the metadata, before compression */
#define TRACE_LEVEL 1		 /* of zstd */

#define TRACE_STREAMS (GT_MAX_CPUS + 1) /* one per CPU, and the collector's */

enum trace_block_kind {
	TRACE_RECORDS = 1, /* records of one CPU */
	TRACE_MARK = 2,	   /* closes a round; `time` is the mark; no payload */
	TRACE_META = 3,	   /* JSON */
	TRACE_END = 4,	   /* a mark, and the orderly end of the file */
	TRACE_PACKED = 5,  /* records of several CPUs that had few */
};

struct trace_block {
	uint16_t kind;
	uint32_t cpu;	  /* of RECORDS */
	uint32_t records;
	uint32_t raw;	 /* bytes of payload, decompressed */
	uint32_t stored; /* bytes of payload in the file */
	uint64_t time;	 /* what the first record's time is counted from; of a mark: the mark */
};

static inline void trace_put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void trace_put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void trace_put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t trace_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t trace_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t trace_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* FNV-1a: catches accidents in headers, not forgery. */
static inline uint64_t trace_check(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	while (n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static inline void trace_block_put(uint8_t out[TRACE_BLOCK_SIZE], const struct trace_block *b)
{
	trace_put32(out, TRACE_BLOCK_MAGIC);
	trace_put16(out + 4, b->kind);
	trace_put16(out + 6, 0);
	trace_put32(out + 8, b->cpu);
	trace_put32(out + 12, b->records);
	trace_put32(out + 16, b->raw);
	trace_put32(out + 20, b->stored);
	trace_put64(out + 24, b->time);
	trace_put64(out + 32, trace_check(out, 32));
}

/* False when these bytes are no block header. */
static inline bool trace_block_get(const uint8_t in[TRACE_BLOCK_SIZE], struct trace_block *b)
{
	if (trace_get32(in) != TRACE_BLOCK_MAGIC || trace_get64(in + 32) != trace_check(in, 32))
		return false;
	b->kind = trace_get16(in + 4);
	b->cpu = trace_get32(in + 8);
	b->records = trace_get32(in + 12);
	b->raw = trace_get32(in + 16);
	b->stored = trace_get32(in + 20);
	b->time = trace_get64(in + 24);
	return true;
}

/* Index of a CPU's stream, or TRACE_STREAMS for one out of range. */
static inline uint32_t trace_stream_index(uint32_t cpu)
{
	if (cpu == UINT32_MAX)
		return GT_MAX_CPUS;
	return cpu < GT_MAX_CPUS ? cpu : TRACE_STREAMS;
}

#endif
