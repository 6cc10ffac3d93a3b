/* SPDX-License-Identifier: MIT */
/* Two traces side by side: the first byte says how the rest is shared among them. */
#include <unistd.h>

#include "fuzz.h"
#include "records.h"
#include "reports.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t first = fuzz_take(&in, 1) * in.size / 256;
	struct fuzz_input parts[2] = { { in.data, first }, { in.data + first, in.size - first } };
	int fds[2] = { records_trace(&parts[0]), records_trace(&parts[1]) };
	struct loaded a, b;

	if (reports_fuzz_load(fds[0], 1, &a)) {
		if (reports_fuzz_load(fds[1], 1, &b)) {
			reports_fuzz_compare(&a, &b);
			reports_fuzz_compare(&b, &a);
			load_free(&b);
		}
		load_free(&a);
	}
	close(fds[0]);
	close(fds[1]);
}
