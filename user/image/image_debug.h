/* SPDX-License-Identifier: MIT */
/*
 * The separate debug file of a stripped ELF file, found on this machine only: never over a network,
 * never one whose build-id differs.
 */
#ifndef USER_IMAGE_DEBUG_H
#define USER_IMAGE_DEBUG_H

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

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

/*
 * libdw reads all sections of debug information into memory: half of what a worker may have
 * (CONFINE_MEMORY). With more, functions are named and what was inlined into them is not.
 */
#define IMAGE_DEBUG_MAX (512ull << 20)

/* Has `elf` debug information itself, so that no other file is asked? */
bool image_debug_inside(Elf *elf);

/* Bytes of debug information, inflated, that `elf` has or else the debug file that
 * image_debug_open() finds. What objcopy before 2.26 compressed (.zdebug) counts as it is. */
uint64_t image_debug_size(Elf *elf, const char *path);

/* The debug information in `elf`, which has to outlive it; NULL: none, more than IMAGE_DEBUG_MAX,
 * or none that libdw may read. */
Dwarf *image_debug_begin(Elf *elf);

#endif
