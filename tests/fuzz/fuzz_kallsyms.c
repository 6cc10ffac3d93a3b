/* SPDX-License-Identifier: MIT */
/* The text of /proc/kallsyms. */
#include <string.h>
#include <unistd.h>

#include <user/helper/kernel_symbols.h>

#include "fuzz.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int fd = fuzz_file(data, size);
	struct kernel_symbols *k;
	const char *image;
	char path[32];

	fuzz_file_path(fd, path);
	k = kernel_symbols_read(path);
	FUZZ_CHECK(k);
	for (int i = 0; i < 64; i++) {
		uint64_t addr = i < 32 ? fuzz_take(&in, 8) : 0xffffffff81000000ull + (uint64_t)i * 256;
		const char *name = kernel_symbols_find(k, addr, &image);

		FUZZ_CHECK(!name || (*name && image && strlen(image) < 64));
	}
	kernel_symbols_free(k);
	close(fd);
}
