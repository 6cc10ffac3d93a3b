/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/parse.h"

struct number {
	const char *s;
	int err;
	uint64_t value;
};

static void test_u64(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "10", 0, 10 },
		{ "010", 0, 10 },
		{ "0x10", 0, 16 },
		{ "0XfF", 0, 255 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "x1", -EINVAL, 0 },
		{ "ff", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "0xg", -EINVAL, 0 },
		{ "0x0x1", -EINVAL, 0 },
		{ "0x-1", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 77;

		assert_int_equal(parse_u64(cases[i].s, 0, UINT64_MAX, &value), cases[i].err);
		assert_int_equal(value, cases[i].err ? 77 : cases[i].value);
	}
}

static void test_range(void **state)
{
	uint64_t value = 77;
	double real = 7;

	assert_int_equal(parse_u64("4", 5, 10, &value), -ERANGE);
	assert_int_equal(parse_u64("11", 5, 10, &value), -ERANGE);
	assert_int_equal(parse_size("1K", 0, 1023, &value), -ERANGE);
	assert_int_equal(parse_double("0.5", 1, 2, &real), -ERANGE);
	assert_int_equal(parse_double("2.5", 1, 2, &real), -ERANGE);
	assert_int_equal(value, 77);
	assert_true(real == 7);
	assert_int_equal(parse_u64("5", 5, 5, &value), 0);
	assert_int_equal(parse_double("1", 1, 2, &real), 0);
}

static void test_size(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "1000", 0, 1000 },
		{ "1K", 0, 1024 },
		{ "64k", 0, 65536 },
		{ "3M", 0, 3 << 20 },
		{ "2g", 0, 2ULL << 30 },
		{ "17179869183G", 0, 17179869183ULL << 30 },
		{ "17179869184G", -ERANGE, 0 },
		{ "99999999999999999999999K", -ERANGE, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1T", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1.5K", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 77;

		assert_int_equal(parse_size(cases[i].s, 0, UINT64_MAX, &value), cases[i].err);
		assert_int_equal(value, cases[i].err ? 77 : cases[i].value);
	}
}

static void test_double(void **state)
{
	static const char *const good[] = { "0", "0.5", "12", "1e3", "1.25e-2", ".5", "5." };
	static const double values[] = { 0, 0.5, 12, 1000, 0.0125, 0.5, 5 };
	static const char *const bad[] = { "",	  " 1",	 "1 ",	  "-1", "+1", "inf", "nan",
					   "0x1", "1,5", "1.2.3", "1e", "e",  ".",   "1s" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		double value = -1;

		assert_int_equal(parse_double(good[i], 0, 1e9, &value), 0);
		assert_true(value == values[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		double value = 7;

		assert_int_equal(parse_double(bad[i], 0, 1e9, &value), -EINVAL);
		assert_true(value == 7);
	}
}

static void test_list(void **state)
{
	static const char *const bad[] = { "", ",", "1,", ",1", "1,,2", "1, 2", "1;2", "a" };
	uint64_t *list = NULL;
	size_t n = 0;

	assert_int_equal(parse_list("1,22,333", 1, 1000, &list, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(list[0] + list[1] + list[2], 356);
	free(list);
	assert_int_equal(parse_list("9", 1, 10, &list, &n), 0);
	assert_int_equal(n, 1);
	free(list);
	assert_int_equal(parse_list("1,11", 1, 10, &list, &n), -ERANGE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_list(bad[i], 0, 1000, &list, &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),  cmocka_unit_test(test_range),
		cmocka_unit_test(test_size), cmocka_unit_test(test_double),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
