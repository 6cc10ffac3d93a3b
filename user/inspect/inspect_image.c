/* SPDX-License-Identifier: MIT */
#include "inspect_image.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void inspect_image_note(struct inspect_image *img, const char *format, ...)
{
	char text[INSPECT_NOTE_MAX];
	size_t len = strlen(img->note);
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strstr(img->note, text))
		return;
	snprintf(img->note + len, sizeof(img->note) - len, "%s%s", len ? "; " : "", text);
}

bool inspect_image_add(struct inspect_image *img, const struct inspect_place *place)
{
	for (uint32_t i = 0; i < img->nplaces; i++) {
		const struct inspect_place *p = &img->places[i];

		if (p->offset == place->offset && p->site.role == place->site.role)
			return true;
	}
	if (img->nplaces == INSPECT_PLACES_MAX) {
		inspect_image_note(img, "more than %d places to probe: the others are left alone",
				   INSPECT_PLACES_MAX);
		return false;
	}
	img->places[img->nplaces++] = *place;
	return true;
}

void inspect_image_release(struct inspect_image *img)
{
	if (img->fd >= 0)
		close(img->fd);
	free(img->places);
	img->fd = -1;
	img->places = NULL;
	img->nplaces = 0;
}
