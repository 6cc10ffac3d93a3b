/* SPDX-License-Identifier: MIT */
/*
 * Images read so far, unusable ones among them, by the file's identity. A file that was written
 * anew is read anew. Bounded; those not used for longest go first.
 */
#ifndef USER_IMAGE_CACHE_H
#define USER_IMAGE_CACHE_H

#include <stdint.h>

#include "image.h"

struct image_cache;

struct image_cache *image_cache_new(void); /* NULL: out of memory */

/*
 * The image of file `ino` on `dev` (kernel encoding), which is open at `fd`; with fd -1 only what
 * is already known. NULL: unknown or unusable. Valid until the next call.
 */
const struct image *image_cache_get(struct image_cache *c, uint32_t dev, uint64_t ino, int fd,
				    const char *path);

void image_cache_free(struct image_cache *c); /* NULL ok */

#endif
