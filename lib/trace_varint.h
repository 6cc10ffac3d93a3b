/* SPDX-License-Identifier: MIT */
/* Integers in as many bytes as they need: seven bits a byte, lowest first, the top bit set on all
 * but the last. */
#ifndef LIB_TRACE_VARINT_H
#define LIB_TRACE_VARINT_H

#include <stdint.h>

#define VARINT_MAX 10 /* bytes of a 64-bit one */

/* Differences of both signs become small numbers: 0, -1, 1, -2 … are 0, 1, 2, 3 … */
static inline uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ (v >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

/* Returns where the next byte goes. */
static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)v | 0x80;
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/*
 * Moves *pos on. At most VARINT_MAX bytes are read, whatever they hold; bits beyond 64 are dropped.
 * Each byte takes away the top bit of the one before it: most numbers have one byte or two.
 */
static inline uint64_t get_varint(const uint8_t **pos)
{
	const uint8_t *p = *pos;
	uint64_t v = *p++;

	if (v >= 0x80) {
		uint64_t byte = *p++;

		v += (byte << 7) - 0x80;
		for (unsigned int shift = 14; byte >= 0x80 && shift < 70; shift += 7) {
			byte = *p++;
			v += (byte << shift) - (0x80ULL << (shift - 7));
		}
	}
	*pos = p;
	return v;
}

#endif
