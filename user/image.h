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

#include "maps.h"

#define IMAGE_MAX_FILE (512ull << 20) /* larger files are known by their path only */

struct image;

/* Where an address lies in an image. */
struct image_place {
	uint64_t vaddr;	 /* as the file's own symbols count */
	uint64_t offset; /* in the file; for .bss where it would be if the segment's file part went
			    on */
};

/*
 * Read the ELF file open at `fd`, a regular file, which stays the caller's. `path` is where debug
 * files are looked for beside it; NULL: only in the system's place for them. NULL with `*err`:
 * -ENOEXEC (no usable ELF file), -EFBIG, -ENOMEM.
 */
struct image *image_read(int fd, const char *path, int *err);

/*
 * Where `addr` lies, given `e`, a mapping of the image's file at or right before it. False when the
 * mappings do not look like this image, loaded: a file may also be mapped to be read.
 */
bool image_locate(const struct image *img, const struct maps *m, const struct maps_entry *e,
		  uint64_t addr, struct image_place *out);

/* The same when the mappings are gone and only the address of the first executable segment is
 * known. */
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
