/* SPDX-License-Identifier: MIT */
/* Putting together what was found in one image. */
#ifndef USER_INSPECT_IMAGE_H
#define USER_INSPECT_IMAGE_H

#include "inspect.h"

/*
 * Add a place; the same offset and role twice is one. `img->places` holds INSPECT_PLACES_MAX; false
 * when it is full, which a note then tells.
 */
bool inspect_image_add(struct inspect_image *img, const struct inspect_place *place);

/* One more thing to tell people, behind those told before; what finds no room is cut. */
void inspect_image_note(struct inspect_image *img, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
