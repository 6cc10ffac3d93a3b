/* SPDX-License-Identifier: MIT */
/* The argument of a static probe, as an assembler wrote it. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <user/inspect/inspect_usdt.h>

#include "fuzz.h"

static bool symbol(void *ctx, const char *name, size_t len, uint64_t *vaddr)
{
	*vaddr = len * 0x1000;
	return len && name[0] != '_';
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint16_t machine = fuzz_take(&in, 1) & 1 ? EM_AARCH64 : EM_X86_64;
	uint64_t location = fuzz_take(&in, 8);
	struct gt_wire_lock_site site = { .size = 8 };
	size_t len;
	char *text = fuzz_take_text(&in, &len);

	if (inspect_usdt_argument(text, machine, location, symbol, NULL, &site)) {
		FUZZ_CHECK(site.arg > GT_ARG_NONE && site.arg <= GT_ARG_MEMORY);
		FUZZ_CHECK(site.size == 1 || site.size == 2 || site.size == 4 || site.size == 8);
		FUZZ_CHECK(site.reg % 8 == 0 && site.reg < 512);
	} else {
		FUZZ_CHECK(site.arg == GT_ARG_NONE);
	}
	free(text);
}
