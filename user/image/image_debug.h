/* SPDX-License-Identifier: MIT */
/*
 * The separate debug file of a stripped ELF file, found on this machine only: never over a network,
 * never one whose build-id differs.
 */
#ifndef USER_IMAGE_DEBUG_H
#define USER_IMAGE_DEBUG_H

#include <elfutils/libdw.h>
#include <libelf.h>

/*
 * Open the debug file of `elf`, which was found at `path` (NULL: unknown). A descriptor, the
 * caller's to close, -ENOENT, or -ESTALE: there is one, of another build.
 */
int image_debug_open(Elf *elf, const char *path);

/*
 * Open the supplementary file that `dwarf`'s refers to, if it is one of this machine's own debug
 * files and the one meant. Likewise.
 */
int image_debug_open_shared(Dwarf *dwarf);

/* The debug information in `elf`, which has to outlive it; NULL: none, or none that libdw may read.
 */
Dwarf *image_debug_begin(Elf *elf);

#endif
