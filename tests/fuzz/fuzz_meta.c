/* SPDX-License-Identifier: MIT */
/* The metadata of a trace, JSON: what was read and is written again is read to the same. */
#include <stdlib.h>
#include <string.h>

#include <lib/trace_meta.h>

#include "fuzz.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct gt_meta meta = { 0 }, again = { 0 };
	char *text, *second;
	size_t len, len2;

	if (trace_meta_decode((const char *)data, size, &meta) == 0) {
		text = trace_meta_encode(&meta, &len);
		FUZZ_CHECK(text);
		FUZZ_CHECK(!trace_meta_decode(text, len, &again));
		second = trace_meta_encode(&again, &len2);
		FUZZ_CHECK(second && len2 == len && !memcmp(text, second, len));
		free(text);
		free(second);
	}
	gt_meta_free(&meta);
	gt_meta_free(&again);
}
