/* SPDX-License-Identifier: MIT */
/* However few or many: what a histogram would say of them, but for a single one, which is exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <analysis/spread.h>

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void check(const struct spread *s, const struct hist *h)
{
	struct result_spread told = spread_result(s);

	assert_int_equal(s->count, hist_count(h));
	assert_int_equal(told.sum, hist_sum(h));
	assert_int_equal(told.max, hist_max(h));
	if (s->count < 2)
		return;
	for (int q = 0; q <= 100; q++)
		assert_int_equal(spread_quantile(s, q / 100.0), hist_quantile(h, q / 100.0));
	assert_int_equal(told.p50, hist_quantile(h, 0.5));
	assert_int_equal(told.p99, hist_quantile(h, 0.99));
}

/* `shift`: from values of a few bits to such whose sum does not fit. */
static void like_a_histogram(void **state)
{
	uint64_t seed = 4711;

	for (unsigned int shift = 0; shift < 64; shift++) {
		struct spread s = { 0 };
		struct hist h = { 0 };

		for (int i = 0; i < 3 * SPREAD_FEW; i++) {
			uint64_t value = random64(&seed) >> shift >> i % 5;

			assert_int_equal(spread_add(&s, value), 0);
			assert_int_equal(hist_add(&h, value), 0);
			check(&s, &h);
		}
		spread_release(&s);
		hist_free(&h);
	}
}

static void one_is_exact(void **state)
{
	struct spread s = { 0 };

	assert_int_equal(spread_quantile(&s, 0.5), 0);
	assert_int_equal(spread_add(&s, 123457), 0);
	assert_int_equal(spread_quantile(&s, 0.5), 123457);
	assert_int_equal(spread_result(&s).sum, 123457);
	spread_release(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_a_histogram),
		cmocka_unit_test(one_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
