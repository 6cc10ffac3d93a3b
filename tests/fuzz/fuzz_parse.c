/* SPDX-License-Identifier: MIT */
/* Numbers from people, and back. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lib/parse.h>

#include "fuzz.h"

static void check_whole(const char *text)
{
	static const char *const units[] = { "", "K", "M", "G" };
	uint64_t value, again;
	char printed[32];

	if (!parse_u64(text, 0, UINT64_MAX, &value)) {
		snprintf(printed, sizeof(printed), "%" PRIu64, value);
		FUZZ_CHECK(!parse_u64(printed, value, value, &again) && again == value);
		snprintf(printed, sizeof(printed), "0x%" PRIx64, value);
		FUZZ_CHECK(!parse_u64(printed, 0, UINT64_MAX, &again) && again == value);
		FUZZ_CHECK(!value || parse_u64(text, 0, value - 1, &again));
	}
	if (!parse_size(text, 0, UINT64_MAX, &value)) {
		for (unsigned int i = 0; i < 4 && !(value & ((1ull << 10 * i) - 1)); i++) {
			snprintf(printed, sizeof(printed), "%" PRIu64 "%s", value >> 10 * i,
				 units[i]);
			FUZZ_CHECK(!parse_size(printed, 0, UINT64_MAX, &again) && again == value);
		}
	}
}

static void check_double(const char *text)
{
	double value, again;
	char printed[64];

	if (parse_double(text, 0, 1e300, &value))
		return;
	FUZZ_CHECK(isfinite(value) && value >= 0 && value <= 1e300);
	snprintf(printed, sizeof(printed), "%.17g", value);
	FUZZ_CHECK(!parse_double(printed, 0, 1e300, &again) && again == value);
}

static void check_list(const char *text)
{
	char *printed = malloc(22 * (strlen(text) + 1)), *to = printed;
	uint64_t *list = NULL, *again = NULL;
	size_t n = 0, m = 0;

	FUZZ_CHECK(printed);
	if (!parse_list(text, 1, INT32_MAX, &list, &n)) {
		FUZZ_CHECK(n);
		for (size_t i = 0; i < n; i++) {
			FUZZ_CHECK(list[i] >= 1 && list[i] <= INT32_MAX);
			to += sprintf(to, "%s%" PRIu64, i ? "," : "", list[i]);
		}
		FUZZ_CHECK(!parse_list(printed, 1, INT32_MAX, &again, &m));
		FUZZ_CHECK(m == n && !memcmp(list, again, n * sizeof(*list)));
	}
	free(list);
	free(again);
	free(printed);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t len;
	char *text = fuzz_take_text(&in, &len);

	check_whole(text);
	check_double(text);
	check_list(text);
	free(text);
}
