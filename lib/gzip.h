/* SPDX-License-Identifier: MIT */
#ifndef LIB_GZIP_H
#define LIB_GZIP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Compress `size` bytes to `out`. The header has neither a name nor a time, so that the same bytes
 * give the same file. 0, -ENOMEM or -EIO; what writing meets is left for the caller's ferror().
 */
int gzip_write(const uint8_t *data, size_t size, FILE *out);

#endif
