/* SPDX-License-Identifier: MIT */
/*
 * For what a record rarely needs: growing an array, the first time of anything. Out of line, so
 * that the way past it saves no registers for it.
 */
#ifndef LIB_COLD_H
#define LIB_COLD_H

#define COLD __attribute__((noinline, cold))

#endif
