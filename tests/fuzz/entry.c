/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <lib/log.h>

#include "fuzz.h"

static void drop(enum log_level level, const char *text, void *ctx)
{
	FUZZ_CHECK(fuzz_printable(text, strlen(text), false, false));
}

/* The lowest descriptor that is not in use. */
static int free_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool later; /* the first input may open what is kept for all */
	int before = free_descriptor();

	log_set_hook(drop, NULL);
	fuzz_one(data, size);
	FUZZ_CHECK(!later || free_descriptor() <= before);
	later = true;
	return 0;
}
