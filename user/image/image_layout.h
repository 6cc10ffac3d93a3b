/* SPDX-License-Identifier: MIT */
/* Where an ELF file's segments lie, and so what an address in a mapping of the file is in it. */
#ifndef USER_IMAGE_LAYOUT_H
#define USER_IMAGE_LAYOUT_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/helper/maps.h"

#define IMAGE_MAX_SEGMENTS 64

struct image_layout {
	struct image_segment {
		uint64_t offset, vaddr, filesz, memsz;
		bool exec;
	} segments[IMAGE_MAX_SEGMENTS];
	size_t nsegments;
	bool fixed; /* ET_EXEC: loaded where it says */
	uint64_t page;
};

/* Where an address lies in an image. */
struct image_place {
	uint64_t vaddr;	 /* as the file's own symbols count */
	uint64_t offset; /* in the file; for .bss where it would be if the segment's file part went
			    on */
};

/* Copy what is needed out of `elf`. 0, or -ENOEXEC: no program or library that can be loaded. */
int image_layout_read(struct image_layout *l, Elf *elf);

/*
 * Where `addr` lies, given `e`, a mapping of the image's file at or right before it. False when the
 * mappings do not look like this image, loaded: a file may also be mapped to be read.
 */
bool image_layout_locate(const struct image_layout *l, const struct maps *m,
			 const struct maps_entry *e, uint64_t addr, struct image_place *out);

/* The same when the mappings are gone and only the address of the first executable segment is
 * known. */
bool image_layout_locate_code(const struct image_layout *l, uint64_t start_code, uint64_t addr,
			      struct image_place *out);

#endif
