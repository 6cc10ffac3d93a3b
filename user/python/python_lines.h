/* SPDX-License-Identifier: MIT */
/* The tables by which CPython knows the lines of code objects. Pure; any bytes will do. */
#ifndef USER_PYTHON_LINES_H
#define USER_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

/*
 * The line of the instruction at byte `at` of code that begins on line `first`: by co_lnotab up to
 * CPython 3.`minor` 9, by co_linetable later. Before the first instruction (`at` < 0): `first`. 0:
 * it has none.
 */
uint32_t python_line(unsigned int minor, const uint8_t *table, size_t len, uint32_t first,
		     int64_t at);

#endif
