/* SPDX-License-Identifier: MIT */
/*
 * An ELF file that a process has mapped: where its segments lie, and which variables they hold.
 * Everything needed is copied out of the file, which may be cut, changed or hostile.
 */
#ifndef USER_IMAGE_H
#define USER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image_layout.h"

/* Larger files are known by their path only. Of others no more is read than a worker's memory
 * holds. */
#define IMAGE_MAX_FILE (16ull << 30)

struct image;

/*
 * Read the ELF file open at `fd`, a regular file, which stays the caller's. `path` is where debug
 * files are looked for beside it; NULL: only in the system's place for them. NULL with `*err`:
 * -ENOEXEC (no usable ELF file), -EFBIG, -ENOMEM.
 */
struct image *image_read(int fd, const char *path, int *err);

/* image_layout_locate() and image_layout_locate_code() of this image. */
bool image_locate(const struct image *img, const struct maps *m, const struct maps_entry *e,
		  uint64_t addr, struct image_place *out);
bool image_locate_code(const struct image *img, uint64_t start_code, uint64_t addr,
		       struct image_place *out);

/*
 * The variable that holds `vaddr` and how far in; NULL when no symbol's extent covers it. Of
 * several the visible one before the static, the larger, the one with fewer leading underscores,
 * the first by name.
 */
const char *image_symbol(const struct image *img, uint64_t vaddr, uint64_t *into);

/* Bytes of memory held. */
size_t image_size(const struct image *img);

void image_free(struct image *img); /* NULL ok */

#endif
