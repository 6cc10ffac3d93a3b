/* SPDX-License-Identifier: MIT */
#include "markup.h"

#include <string.h>

#include <lib/escape.h>

static const struct {
	char byte;
	const char *entity;
} entities[] = {
	{ '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" },
};

static const char *entity_of(char byte)
{
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (entities[i].byte == byte)
			return entities[i].entity;
	return NULL;
}

void markup_text(FILE *out, const char *text)
{
	markup_cut(out, text, MARKUP_NAME_MAX);
}

void markup_cut(FILE *out, const char *text, size_t size)
{
	char printable[MARKUP_NAME_MAX];

	text = text ? text : "";
	escape_to(printable, size < sizeof(printable) ? size : sizeof(printable), text,
		  strlen(text));
	for (const char *s = printable; *s; s++) {
		const char *entity = entity_of(*s);

		if (entity)
			fputs(entity, out);
		else
			fputc(*s, out);
	}
}
