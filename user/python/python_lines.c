/* SPDX-License-Identifier: MIT */
#include "python_lines.h"

#include <stdbool.h>

#define LINE_MAX (1 << 30)

static uint32_t sane(int64_t line)
{
	return line > 0 && line < LINE_MAX ? (uint32_t)line : 0;
}

/* Pairs of how many bytes of code, and how many lines, it is from the last place to the next. */
static uint32_t in_lnotab(const uint8_t *table, size_t len, int64_t line, int64_t at)
{
	int64_t address = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		address += table[i];
		if (address > at)
			break;
		line += (int8_t)table[i + 1];
	}
	return sane(line);
}

/* Pairs of how many bytes of code lie on the next line, and how many lines that is further; -128:
 * on none. */
static uint32_t in_ranges(const uint8_t *table, size_t len, int64_t line, int64_t at)
{
	int64_t end = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		int8_t delta = (int8_t)table[i + 1];

		if (delta != -128)
			line += delta;
		end += table[i];
		if (at < end)
			return delta == -128 ? 0 : sane(line);
	}
	return 0;
}

/*
 * Entries of a first byte, with its highest bit set, and what belongs to it: a number of 6 bits a
 * byte, the lowest first, is here how many lines further (the lowest bit: or back) the entry lies.
 */
static int64_t signed_number(const uint8_t *table, size_t len, size_t *i)
{
	uint64_t value = 0;
	bool more = true;

	for (unsigned int shift = 0; more && *i < len && shift < 36; shift += 6) {
		uint8_t byte = table[(*i)++];

		value |= (uint64_t)(byte & 63) << shift;
		more = byte & 64;
	}
	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

enum { ENTRY_SHORT_END = 10, ENTRY_ONE_LINE_END = 13, ENTRY_LONG_END = 15, UNIT = 2 };

static uint32_t in_locations(const uint8_t *table, size_t len, int64_t line, int64_t at)
{
	int64_t end = 0;
	size_t i = 0;

	while (i < len) {
		uint8_t head = table[i++], kind = head >> 3 & 15;

		if (kind >= ENTRY_SHORT_END && kind < ENTRY_ONE_LINE_END)
			line += kind - ENTRY_SHORT_END;
		else if (kind >= ENTRY_ONE_LINE_END && kind < ENTRY_LONG_END)
			line += signed_number(table, len, &i);
		end += ((head & 7) + 1) * UNIT;
		if (at < end)
			return kind == ENTRY_LONG_END ? 0 : sane(line);
		while (i < len && !(table[i] & 0x80))
			i++; /* columns */
	}
	return 0;
}

uint32_t python_line(unsigned int minor, const uint8_t *table, size_t len, uint32_t first,
		     int64_t at)
{
	if (at < 0)
		return sane(first);
	if (minor <= 9)
		return in_lnotab(table, len, first, at);
	if (minor == 10)
		return in_ranges(table, len, first, at);
	return in_locations(table, len, first, at);
}
