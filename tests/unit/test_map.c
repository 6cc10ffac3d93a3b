/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/map.h"

#define KEYS 4096

static void test_empty(void **state)
{
	struct map m = { 0 };
	size_t pos = 0;
	uint64_t key, value;

	assert_false(map_get(&m, 0, NULL));
	assert_false(map_get(&m, 1, &value));
	assert_false(map_del(&m, 0));
	assert_false(map_del(&m, 1));
	assert_null(map_get_ptr(&m, 5));
	assert_false(map_next(&m, &pos, &key, &value));
	assert_int_equal(map_len(&m), 0);
	map_free(&m);
}

static void test_zero_is_a_key(void **state)
{
	struct map m = { 0 };
	size_t pos = 0;
	uint64_t key = 1, value;

	assert_int_equal(map_put(&m, 0, 7), 0);
	assert_true(map_get(&m, 0, &value));
	assert_int_equal(value, 7);
	assert_int_equal(map_len(&m), 1);
	assert_true(map_next(&m, &pos, &key, &value));
	assert_int_equal(key, 0);
	assert_int_equal(value, 7);
	assert_false(map_next(&m, &pos, &key, &value));
	assert_true(map_del(&m, 0));
	assert_false(map_get(&m, 0, NULL));
	map_free(&m);
}

static void test_pointers(void **state)
{
	struct map m = { 0 };
	int x;

	assert_int_equal(map_put_ptr(&m, UINT64_MAX, &x), 0);
	assert_ptr_equal(map_get_ptr(&m, UINT64_MAX), &x);
	map_free(&m);
	assert_null(map_get_ptr(&m, UINT64_MAX));
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void check_against(const struct map *m, const uint64_t *values, uint64_t step)
{
	uint64_t key, value;
	size_t n = 0, pos = 0, walked = 0;

	for (uint64_t i = 0; i < KEYS; i++) {
		assert_int_equal(map_get(m, i * step, &value), values[i] != 0);
		if (values[i])
			assert_int_equal(value, values[i]);
		n += values[i] != 0;
	}
	assert_int_equal(map_len(m), n);
	while (map_next(m, &pos, &key, &value)) {
		assert_int_equal(value, values[key / step]);
		walked++;
	}
	assert_int_equal(walked, n);
}

/* Any history of additions, replacements and removals leaves what a plain array would hold. */
static void test_like_an_array(void **state)
{
	/* small numbers, page-aligned addresses, and keys that differ only in their high half */
	static const uint64_t steps[] = { 1, 4096, 1ULL << 32, 1ULL << 48 };

	for (size_t k = 0; k < sizeof(steps) / sizeof(*steps); k++) {
		uint64_t *values = calloc(KEYS, sizeof(*values)), seed = 4711 + k;
		struct map m = { 0 };

		for (int i = 0; i < 20 * KEYS; i++) {
			uint64_t r = random64(&seed), at = r % KEYS;

			if (r >> 40 & 1) {
				values[at] = r | 1;
				assert_int_equal(map_put(&m, at * steps[k], values[at]), 0);
			} else {
				assert_int_equal(map_del(&m, at * steps[k]), values[at] != 0);
				values[at] = 0;
			}
			if (i % KEYS == 0)
				check_against(&m, values, steps[k]);
		}
		check_against(&m, values, steps[k]);
		map_free(&m);
		free(values);
	}
}

/* Steps beyond the first that finding each key takes, over all. */
static uint64_t steps_of(const struct map *m)
{
	uint64_t steps = 0;

	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			steps += (i - map_home(m, m->slots[i].key)) & (m->cap - 1);
	return steps;
}

static uint64_t steps_with(const uint64_t *keys)
{
	struct map m = { 0 };
	uint64_t steps;

	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(map_put(&m, keys[i], i), 0);
	steps = steps_of(&m);
	map_free(&m);
	return steps;
}

/*
 * Whoever knows the secret can choose keys that make a table a list. Such keys are like any others
 * to a process with another secret, as every one has.
 */
static void test_chosen_keys(void **state)
{
	uint64_t own[2], *keys = calloc(KEYS, sizeof(*keys)), key = 0;

	memcpy(own, hash_secret, sizeof(own));
	hash_secret[0] = 0x243f6a8885a308d3;
	hash_secret[1] = 0x93198a2e03707345;
	for (size_t n = 0; n < KEYS;)
		if (!(hash_number(++key) % (4 * KEYS)))
			keys[n++] = key;
	assert_true(steps_with(keys) > KEYS / 4 * KEYS);
	memcpy(hash_secret, own, sizeof(own));
	assert_true(steps_with(keys) < 20 * KEYS);
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_zero_is_a_key),
		cmocka_unit_test(test_pointers),    cmocka_unit_test(test_like_an_array),
		cmocka_unit_test(test_chosen_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
