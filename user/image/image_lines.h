/* SPDX-License-Identifier: MIT */
/*
 * Where an ELF file's debug information is there, the source line of an address, and the functions
 * that were compiled into the one that holds it.
 */
#ifndef USER_IMAGE_LINES_H
#define USER_IMAGE_LINES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_LINES_MAX 32 /* functions at one address */

struct image_lines;

struct image_lines_function {
	const char *name; /* as a symbol would have it (not demangled); NULL: unknown */
	const char *file; /* of its source, NULL: unknown */
	uint32_t line;	  /* where in it execution was; 0: unknown */
};

/* In the file itself or in its debug file, `path` as image_debug_open() takes it. NULL: there is
 * none. `elf` stays the caller's and must live as long. */
struct image_lines *image_lines_open(Elf *elf, const char *path);

/* The DWARF data, alive as long. */
Dwarf *image_lines_dwarf(struct image_lines *l);

/*
 * The functions at `vaddr`, innermost first; all but the last one were compiled into the next. How
 * many, 0: nothing is known. Strings live as long as `l`.
 */
size_t image_lines_find(struct image_lines *l, uint64_t vaddr,
			struct image_lines_function out[IMAGE_LINES_MAX]);

void image_lines_free(struct image_lines *l); /* NULL ok */

#endif
