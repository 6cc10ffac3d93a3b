/* SPDX-License-Identifier: MIT */
/*
 * A program or library of any bytes, looked into for interpreters, their versions and their locks,
 * and for static probes. The first byte chooses what the file is called.
 */
#include <string.h>
#include <unistd.h>

#include <user/inspect/inspect.h>

#include "fuzz.h"

static const char *const names[] = {
	"/usr/bin/python3.11",	  "/usr/lib/libpython3.13t.so.1.0", "/usr/bin/python2.7",
	"/opt/libpypy3.9-c.so",	  "/usr/bin/pypy3.11-c",	    "/usr/lib/libruby-3.1.so.3.1",
	"/usr/bin/ocamlrun",	  "/srv/workload",
};

static bool tell(void *ctx, const struct inspect_image *img)
{
	size_t size = *(const size_t *)ctx;

	FUZZ_CHECK(img->nplaces <= INSPECT_PLACES_MAX);
	FUZZ_CHECK(strnlen(img->name, sizeof(img->name)) < sizeof(img->name));
	FUZZ_CHECK(strnlen(img->note, sizeof(img->note)) < sizeof(img->note));
	FUZZ_CHECK(img->interpreter < GT_INTERPRETER_COUNT);
	for (uint32_t i = 0; i < img->nplaces; i++) {
		const struct inspect_place *p = &img->places[i];

		FUZZ_CHECK(p->site.role >= GT_LOCK_REQUEST && p->site.role < GT_LOCK_ROLES);
		FUZZ_CHECK(p->site.arg <= GT_ARG_MEMORY);
		FUZZ_CHECK(strnlen(p->name, sizeof(p->name)) < sizeof(p->name));
		FUZZ_CHECK(p->offset < size); /* a probe is put there */
	}
	return true;
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const char *name = names[fuzz_take(&in, 1) % (sizeof(names) / sizeof(names[0]))];
	struct inspect_fate fate = { 0 };
	struct inspect *inspect = inspect_new(&fate);
	int fd = fuzz_file(in.data, in.size);

	FUZZ_CHECK(inspect);
	FUZZ_CHECK(inspect_file(inspect, fd, name, INSPECT_USDT | INSPECT_LOCKS, tell, &in.size));
	inspect_free(inspect);
	close(fd);
}
