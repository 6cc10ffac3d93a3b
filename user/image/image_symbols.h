/* SPDX-License-Identifier: MIT */
/* The symbol tables of an ELF file: its own, its debug file's where it was stripped, the dynamic.
 */
#ifndef USER_IMAGE_SYMBOLS_H
#define USER_IMAGE_SYMBOLS_H

#include <gelf.h>
#include <libelf.h>
#include <stddef.h>

/* A symbol; `name` is not terminated at `len`, where a version may follow. 0 or -errno. */
typedef int (*image_symbol_fn)(void *ctx, const GElf_Sym *sym, const char *name, size_t len);

/*
 * Call `each` for all symbols that have names. `path` as image_debug_open() takes it. A damaged
 * table gives what can be read of it. 0, or what `each` returned.
 */
int image_symbols_walk(Elf *elf, const char *path, image_symbol_fn each, void *ctx);

#endif
