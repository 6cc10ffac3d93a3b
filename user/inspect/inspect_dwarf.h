/* SPDX-License-Identifier: MIT */
/* Where functions were inlined, by an image's debug information. */
#ifndef USER_INSPECT_DWARF_H
#define USER_INSPECT_DWARF_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

/* A copy of `name` begins at `vaddr`, inside one of `outer` (NULL: of none that is asked for).
 * False: no more are wanted. */
typedef bool (*inspect_dwarf_site)(void *ctx, const char *name, const char *outer, uint64_t vaddr);

/*
 * Tell of every place where one of `names` (NULL-terminated) was inlined into code of the
 * compilation units whose source is one of `files` (likewise, without folders). 0 when all of it
 * was read, -ENOENT (no debug information, or part of it is elsewhere and cannot be had), -ENODATA
 * (none of the files is in it), -E2BIG (too much to be read), -EBADMSG (damaged).
 */
int inspect_dwarf(Elf *elf, const char *const *files, const char *const *names,
		  inspect_dwarf_site site, void *ctx);

#endif
