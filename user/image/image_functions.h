/* SPDX-License-Identifier: MIT */
/* Which function of an ELF file holds an address. */
#ifndef USER_IMAGE_FUNCTIONS_H
#define USER_IMAGE_FUNCTIONS_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct image_functions;

/* Read all functions' symbols; `path` as image_debug_open() takes it. NULL: out of memory. */
struct image_functions *image_functions_read(Elf *elf, const char *path);

/*
 * The symbol of the function that holds `vaddr`, as the file has it (not demangled), or NULL. Of
 * several the visible one before the static, the larger, the one with fewer leading underscores,
 * the first by name. One without size reaches to the next function. `*start`: where the function
 * begins, known for many that have no symbol; else `vaddr`.
 */
const char *image_functions_find(const struct image_functions *f, uint64_t vaddr, uint64_t *start);

void image_functions_free(struct image_functions *f); /* NULL ok */

#endif
