/* SPDX-License-Identifier: MIT */
/* Mangled names. */
#include <stdlib.h>
#include <string.h>

#include <user/helper/demangle.h>

#include "fuzz.h"

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t room = 1 + fuzz_take(&in, 1) * 3, len;
	char *symbol = fuzz_take_text(&in, &len), *to = malloc(room);

	FUZZ_CHECK(to);
	memset(to, 'x', room);
	if (demangle(symbol, to, room))
		FUZZ_CHECK(strnlen(to, room) < room);
	else
		FUZZ_CHECK(to[0] == 'x' && to[room - 1] == 'x');
	free(to);
	free(symbol);
}
