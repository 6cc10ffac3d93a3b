/* SPDX-License-Identifier: MIT */
#include "lib/gzip.h"

#include <errno.h>
#include <zlib.h>

#define WINDOW (15 + 16) /* zlib's way to ask for the largest window in gzip's wrapping */
#define MEMORY 8	 /* its default */

int gzip_write(const uint8_t *data, size_t size, FILE *out)
{
	z_stream z = { .next_in = (uint8_t *)data };
	uint8_t chunk[32768];
	int status = Z_OK;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW, MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	while (status == Z_OK) {
		if (!z.avail_in) {
			z.avail_in = size < UINT32_MAX ? (uInt)size : UINT32_MAX;
			size -= z.avail_in;
		}
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		status = deflate(&z, size ? Z_NO_FLUSH : Z_FINISH);
		fwrite(chunk, 1, sizeof(chunk) - z.avail_out, out);
	}
	deflateEnd(&z);
	return status == Z_STREAM_END ? 0 : -EIO;
}
