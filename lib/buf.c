/* SPDX-License-Identifier: MIT */
#include "lib/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	uint8_t *data;

	if (b->err)
		return NULL;
	if (b->cap - b->len >= n && b->data)
		return b->data + b->len;
	if (n > SIZE_MAX / 2 - b->len)
		goto nomem;
	while (cap - b->len < n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		goto nomem;
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
nomem:
	b->err = -ENOMEM;
	return NULL;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	uint8_t *room = buf_reserve(b, n);

	if (!room || !n)
		return;
	memcpy(room, bytes, n);
	b->len += n;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	uint8_t *room;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	room = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
	if (!room)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *buf_str(struct buf *b)
{
	uint8_t *room = buf_reserve(b, 1);

	if (!room)
		return NULL;
	*room = '\0';
	return (const char *)b->data;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
