/* SPDX-License-Identifier: MIT */
/*
 * The separate debug file of a stripped ELF file, found on this machine only: never over a network,
 * never one whose build-id differs.
 */
#ifndef USER_IMAGE_DEBUG_H
#define USER_IMAGE_DEBUG_H

#include <libelf.h>

/*
 * Open the debug file of `elf`, which was found at `path` (NULL: unknown). A descriptor, the
 * caller's to close, or -ENOENT.
 */
int image_debug_open(Elf *elf, const char *path);

#endif
