/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <lib/log.h>

#include "fuzz.h"

static void drop(enum log_level level, const char *text, void *ctx)
{
	FUZZ_CHECK(fuzz_printable(text, strlen(text), false, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_hook(drop, NULL);
	fuzz_one(data, size);
	return 0;
}
