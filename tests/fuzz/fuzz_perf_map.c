/* SPDX-License-Identifier: MIT */
/* A list of run-time code, as any program may write it. */
#include <string.h>
#include <unistd.h>

#include <user/helper/perf_map.h>

#include "fuzz.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int fd = fuzz_file(data, size);
	struct perf_map *m = perf_map_read(fd);

	FUZZ_CHECK(m);
	for (int i = 0; i < 64 && in.size; i++) {
		const char *name = perf_map_find(m, fuzz_take(&in, 8));

		FUZZ_CHECK(!name || (*name && !strchr(name, '\n')));
	}
	for (uint64_t addr = 0; addr < 0x1000; addr += 0x10)
		perf_map_find(m, addr);
	perf_map_find(m, UINT64_MAX);
	perf_map_free(m);
	close(fd);
}
