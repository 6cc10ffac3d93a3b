/* SPDX-License-Identifier: MIT */
/* One record's bytes, there and back: what is decoded and encoded again is decoded to the same. */
#include <stdlib.h>
#include <string.h>

#include <lib/trace_codec.h>
#include <lib/trace_fields.h>

#include "fuzz.h"

static size_t encode(uint64_t from, const struct gt_event *ev, uint8_t **out)
{
	struct trace_ctx c = { .ts = from };
	size_t room = trace_record_max(ev->kind), n;

	*out = calloc(1, room + TRACE_COMPACT_MAX);
	FUZZ_CHECK(*out);
	n = trace_encode(&c, ev, *out);
	FUZZ_CHECK(n && n <= room);
	return n;
}

/* Bytes, not members: which of a union counts depends on the kind, and the encoder knows. */
static void check_again(const struct gt_event *ev)
{
	struct trace_ctx c = { .ts = 1 };
	uint8_t *first, *second;
	size_t n = encode(1, ev, &first);
	const uint8_t *pos = first;
	struct gt_event again;

	FUZZ_CHECK(trace_decode(&c, &pos, first + n, &again) == 1);
	FUZZ_CHECK(pos == first + n);
	FUZZ_CHECK(again.kind == ev->kind && again.ts == ev->ts && again.task == ev->task);
	FUZZ_CHECK(encode(1, &again, &second) == n && !memcmp(first, second, n));
	trace_fields_release(&again);
	free(first);
	free(second);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size + TRACE_COMPACT_MAX);
	const uint8_t *pos = copy;
	struct trace_ctx c = { .ts = 1 };
	struct gt_event ev;
	int ret = 1;

	FUZZ_CHECK(copy);
	if (size)
		memcpy(copy, data, size);
	while (ret >= 0 && pos < copy + size) {
		ret = trace_decode(&c, &pos, copy + size, &ev);
		FUZZ_CHECK(ret < 0 || pos <= copy + size);
		if (ret != 1)
			continue;
		check_again(&ev);
		trace_fields_release(&ev);
	}
	free(copy);
}
