/* SPDX-License-Identifier: MIT */
/* A fuzz target without a fuzzer: runs it once over every file it is given, and over nothing, with
 * the memory of a process that reads hostile files. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <user/helper/confine.h>

#include "fuzz.h"

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size = -1;
	int err = -1;

	if (f && !fseek(f, 0, SEEK_END))
		size = ftell(f);
	if (size >= 0 && !fseek(f, 0, SEEK_SET))
		data = malloc((size_t)size + !size); /* no more, so that a look beyond shows */
	if (data && fread(data, 1, (size_t)size, f) == (size_t)size) {
		LLVMFuzzerTestOneInput(data, (size_t)size);
		err = 0;
	}
	free(data);
	if (f)
		fclose(f);
	return err;
}

/* Whether no input made it larger than a worker may become, with the files that it has mapped. */
static int modest(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	if (((uint64_t)usage.ru_maxrss << 10) < CONFINE_MEMORY + CONFINE_MEMORY / 4)
		return 1;
	fprintf(stderr, "grew to %ld KiB\n", usage.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	confine_memory();
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		fprintf(stderr, "%s\n", argv[i]);
		if (replay(argv[i])) {
			perror(argv[i]);
			return 1;
		}
	}
	return modest() ? 0 : 1;
}
