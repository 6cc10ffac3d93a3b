/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hist.h"

#define N 20000

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_empty(void **state)
{
	struct hist h = { 0 };

	assert_int_equal(hist_quantile(&h, 0.5), 0);
	assert_int_equal(hist_count(&h) + hist_sum(&h) + hist_max(&h), 0);
	hist_free(&h);
}

static void test_one_value(void **state)
{
	static const uint64_t values[] = { 0, 1, 63, 64, 127, 128, 12345678901, UINT64_MAX };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct hist h = { 0 };
		uint64_t value = values[i], median;

		assert_int_equal(hist_add(&h, value), 0);
		median = hist_quantile(&h, 0.5);
		assert_true(median <= value && value - median <= value / 64);
		assert_true(hist_quantile(&h, 1) == value);
		assert_true(hist_max(&h) == value && hist_sum(&h) == value && hist_count(&h) == 1);
		hist_free(&h);
	}
}

static void check_quantiles(const struct hist *h, uint64_t *values, size_t n)
{
	static const double qs[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999 };

	qsort(values, n, sizeof(*values), compare);
	for (size_t i = 0; i < sizeof(qs) / sizeof(*qs); i++) {
		size_t rank = (size_t)(qs[i] * (double)n + 0.999999);
		uint64_t want = values[rank ? rank - 1 : 0], got = hist_quantile(h, qs[i]);

		assert_true((got > want ? got - want : want - got) <= want / 64 + 1);
	}
	assert_true(hist_quantile(h, 1) == values[n - 1]);
}

/* Durations from nanoseconds to hours: each quantile is within 1/64, in one histogram or merged
 * from two. */
static void test_quantiles(void **state)
{
	uint64_t *values = malloc(N * sizeof(*values)), seed = 42, sum = 0;
	struct hist whole = { 0 }, parts[2] = { { { 0 } } };

	for (size_t i = 0; i < N; i++) {
		values[i] = random64(&seed) >> (20 + random64(&seed) % 44);
		sum += values[i];
		assert_int_equal(hist_add(&whole, values[i]), 0);
		assert_int_equal(hist_add(&parts[i % 2], values[i]), 0);
	}
	assert_int_equal(hist_merge(&parts[0], &parts[1]), 0);
	assert_true(hist_sum(&whole) == sum && hist_sum(&parts[0]) == sum);
	assert_int_equal(hist_count(&parts[0]), N);
	check_quantiles(&whole, values, N);
	check_quantiles(&parts[0], values, N);
	assert_true(hist_max(&whole) == values[N - 1] && hist_max(&parts[0]) == values[N - 1]);
	hist_free(&whole);
	hist_free(&parts[0]);
	hist_free(&parts[1]);
	free(values);
}

static void test_sum_does_not_wrap(void **state)
{
	struct hist h = { 0 };

	assert_int_equal(hist_add(&h, UINT64_MAX), 0);
	assert_int_equal(hist_add(&h, 5), 0);
	assert_true(hist_sum(&h) == UINT64_MAX);
	assert_int_equal(hist_quantile(&h, 0.5), 5);
	hist_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_one_value),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_sum_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
