/* SPDX-License-Identifier: MIT */
/* C++ and Rust names as people write them. */
#ifndef USER_DEMANGLE_H
#define USER_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write what `symbol` stands for to `to`, cut to `room` with its terminator. False, with nothing
 * written: it is not a mangled name, or not one that can be read.
 */
bool demangle(const char *symbol, char *to, size_t room);

#endif
