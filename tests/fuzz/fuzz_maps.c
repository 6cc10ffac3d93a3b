/* SPDX-License-Identifier: MIT */
/* The text of /proc/PID/maps. */
#include <string.h>
#include <unistd.h>

#include <user/helper/maps.h>

#include "fuzz.h"

static void check_entries(const struct maps *m)
{
	uint64_t last = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct maps_entry *e = &m->entries[i];

		FUZZ_CHECK(e->start >= last && e->end > e->start);
		last = e->end;
		FUZZ_CHECK(maps_find(m, e->start) == e && maps_find(m, e->end - 1) == e);
		FUZZ_CHECK(maps_find(m, e->end) != e);
		FUZZ_CHECK(maps_name(m, e) && strlen(maps_name(m, e)) < m->names.len + 1);
		FUZZ_CHECK(maps_kind(m, e) <= MAPS_SPECIAL);
	}
	FUZZ_CHECK(!maps_find(m, UINT64_MAX) || last == UINT64_MAX);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct maps m = { 0 }, again = { 0 };
	int fd = fuzz_file(data, size), err = maps_parse(&m, (const char *)data, size);

	check_entries(&m);
	FUZZ_CHECK(maps_size(&m) < 64 * size + 65536);
	/* By pieces, as the kernel gives them. */
	if (!err && !maps_read(&again, fd)) {
		check_entries(&again);
		FUZZ_CHECK(again.count == m.count);
	}
	maps_release(&m);
	maps_release(&again);
	close(fd);
}
