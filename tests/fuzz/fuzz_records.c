/* SPDX-License-Identifier: MIT */
/* Any records in a sound file: the analyses and the formats behind the checksums. */
#include <unistd.h>

#include "fuzz.h"
#include "records.h"
#include "reports.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int fd = records_trace(&in);

	reports_fuzz(fd);
	close(fd);
}
