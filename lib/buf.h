/* SPDX-License-Identifier: MIT */
/* Growable bytes. An allocation that fails is remembered in `err`, so that a run of additions needs
 * one check. */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is an empty buffer. */
struct buf {
	uint8_t *data;
	size_t len, cap;
	int err; /* 0, or -ENOMEM: nothing is added any more */
};

/* Room for n more bytes after data + len, which the caller fills and counts in len. NULL when out
 * of memory. */
uint8_t *buf_reserve(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, const char *s); /* without its terminator */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The contents as a C string, owned by the buffer, or NULL after an error. */
const char *buf_str(struct buf *b);

void buf_clear(struct buf *b); /* forget contents and error, keep the memory */
void buf_free(struct buf *b);  /* frees what it owns, not the struct; leaves an empty buffer */

#endif
