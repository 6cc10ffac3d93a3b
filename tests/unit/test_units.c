/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <analysis/render/units.h>

static void times_have_three_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 us" },
		{ 9994, "9.99 us" },
		{ 9996, "10.0 us" },
		{ 99960, "100 us" },
		{ 999600, "1.00 ms" },
		{ 12345678, "12.3 ms" },
		{ 1234567890, "1.23 s" },
		{ 61200000000, "61.2 s" },
		{ 599000000000, "599 s" },
		{ 601000000000, "10.0 min" },
		{ 36000000000000, "10.0 h" },
		{ 864000000000000, "10.0 d" },
		{ UINT64_MAX - 1, "213504 d" },
		{ UINT64_MAX, "-" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(units_time(cases[i].ns, false).text, cases[i].text);
	assert_string_equal(units_time(1500, true).text, "1.50 \302\265s");
}

static void counts_are_exact_up_to_a_million(void **state)
{
	assert_string_equal(units_count(0).text, "0");
	assert_string_equal(units_count(999999).text, "999999");
	assert_string_equal(units_count(1234567).text, "1.23 M");
	assert_string_equal(units_count(UINT64_MAX - 1).text, "18.4 E");
	assert_string_equal(units_count(UINT64_MAX).text, "-");
	assert_string_equal(units_bytes(318211).text, "318 kB");
	assert_string_equal(units_bytes(17).text, "17 B");
}

static void small_shares_are_not_called_nothing(void **state)
{
	assert_string_equal(units_share(0).text, "0 %");
	assert_string_equal(units_share(0.0001).text, "<0.1 %");
	assert_string_equal(units_share(0.9713).text, "97.1 %");
	assert_string_equal(units_share(1).text, "100 %");
	assert_string_equal(units_factor(0.001).text, "<0.01");
	assert_string_equal(units_factor(1.966).text, "1.97");
	assert_string_equal(units_factor(12.34).text, "12.3");
	assert_string_equal(units_factor(3.2e9).text, "3.2e+09");
}

static void what_is_no_number_is_unknown(void **state)
{
	static const double none[] = { NAN, INFINITY, -INFINITY, -1 };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_string_equal(units_share(none[i]).text, "-");
		assert_string_equal(units_factor(none[i]).text, "-");
	}
	assert_string_equal(units_share(units_ratio(1, 0)).text, "-");
	assert_string_equal(units_share(units_ratio(0, 0)).text, "-");
	assert_string_equal(units_share(units_ratio(UINT64_MAX, 5)).text, "-");
	assert_string_equal(units_share(units_ratio(1, 4)).text, "25.0 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_three_digits),
		cmocka_unit_test(counts_are_exact_up_to_a_million),
		cmocka_unit_test(small_shares_are_not_called_nothing),
		cmocka_unit_test(what_is_no_number_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
