/* SPDX-License-Identifier: MIT */
/* A trace file of any bytes: read, analysed, printed. Checks stop most of it: see fuzz_records.c. */
#include <unistd.h>

#include "fuzz.h"
#include "reports.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);

	reports_fuzz(fd);
	close(fd);
}
