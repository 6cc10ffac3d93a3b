/* SPDX-License-Identifier: MIT */
/* Functions of the running kernel, from /proc/kallsyms, read once. */
#ifndef USER_KERNEL_SYMBOLS_H
#define USER_KERNEL_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct kernel_symbols;

/* `path`: the list, as /proc/kallsyms has it. NULL: out of memory. Empty when it tells nothing. */
struct kernel_symbols *kernel_symbols_read(const char *path);

/* The function that holds `addr`, or NULL. `*image`: "[kernel]", or its module's name in brackets.
 */
const char *kernel_symbols_find(const struct kernel_symbols *k, uint64_t addr, const char **image);

void kernel_symbols_free(struct kernel_symbols *k); /* NULL ok */

#endif
