/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/pairs.h"

static void empty_has_none(void **state)
{
	static struct pairs p;

	assert_int_equal(pairs_get(&p, 0, 0), PAIRS_NONE);
	assert_int_equal(pairs_hint(&p, 0, 0), PAIRS_NONE);
	assert_int_equal(pairs_find(&p, 7, 9), PAIRS_NONE);
}

/* Pairs whose hints share a place, asked for in turns; the order within a pair matters. */
static void each_keeps_its_index(void **state)
{
	static struct pairs p;
	uint32_t n = 40;

	for (uint32_t a = 0; a < n; a++)
		for (uint32_t b = 0; b < n; b++)
			assert_int_equal(pairs_put(&p, a, b * PAIRS_LAST, a * n + b), 0);
	for (int round = 0; round < 2; round++)
		for (uint32_t b = 0; b < n; b++)
			for (uint32_t a = 0; a < n; a++) {
				assert_int_equal(pairs_get(&p, a, b * PAIRS_LAST), a * n + b);
				assert_int_equal(pairs_hint(&p, a, b * PAIRS_LAST), a * n + b);
				assert_int_equal(pairs_find(&p, a, b * PAIRS_LAST), a * n + b);
			}
	assert_int_equal(pairs_put(&p, 3, 0, 77), 0); /* replaced, also where it was found last */
	assert_int_equal(pairs_get(&p, 3, 0), 77);
	assert_int_equal(pairs_get(&p, PAIRS_LAST, 0), PAIRS_NONE);
	assert_int_equal(pairs_get(&p, UINT32_MAX, UINT32_MAX), PAIRS_NONE);
	pairs_free(&p);
	assert_int_equal(pairs_get(&p, 0, 0), PAIRS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_has_none),
		cmocka_unit_test(each_keeps_its_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
