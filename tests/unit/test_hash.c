/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/lock_places.h"
#include "lib/hash.h"

#define PLACES 4096
#define TELL "tell"

/* Every process has a secret of its own, and of all bits. */
static void test_secrets_differ(void **state)
{
	uint64_t other[2] = { 0 };
	char command[64];
	FILE *out;

	snprintf(command, sizeof(command), "/proc/%d/exe " TELL, getpid());
	out = popen(command, "r");
	assert_non_null(out);
	assert_int_equal(fread(other, sizeof(other), 1, out), 1);
	assert_int_equal(pclose(out), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(other[i], hash_secret[i]);
		assert_int_not_equal(other[i] >> 32, hash_secret[i] >> 32);
	}
	assert_true(hash_secret[1] & 1);
}

/* What is hashed is all of it, its length included. */
static void test_bytes(void **state)
{
	char text[40] = { 0 };
	uint64_t seen[sizeof(text) * 2], n = 0;

	for (size_t len = 0; len < sizeof(text); len++) {
		seen[n++] = hash_bytes(7, text, len);
		text[len] = 1;
		seen[n++] = hash_bytes(7, text, len + 1);
		text[len] = 0;
	}
	for (uint64_t i = 0; i < n; i++)
		for (uint64_t k = 0; k < i; k++)
			assert_int_not_equal(seen[i], seen[k]);
	assert_int_not_equal(hash_bytes(7, text, 5), hash_bytes(8, text, 5));
}

static uint64_t steps_with(const struct lock_place *at)
{
	struct lock_places p = { 0 };
	uint64_t steps = 0;
	size_t mask;

	for (size_t i = 0; i < PLACES; i++)
		assert_int_equal(lock_places_add(&p, at[i].as, at[i].addr), i);
	mask = ((size_t)1 << p.bits) - 1;
	for (size_t i = 0; i <= mask; i++)
		if (p.slots[i].number)
			steps += (i - lock_places_home(&p, p.slots[i].as, p.slots[i].addr)) & mask;
	lock_places_release(&p);
	return steps;
}

/* Futex words chosen by who knows another process's secret; and such as programs have. */
static void test_chosen_words(void **state)
{
	uint64_t own[2], addr = 0;
	struct lock_place *at = calloc(PLACES, sizeof(*at));

	memcpy(own, hash_secret, sizeof(own));
	hash_secret[0] = 0x243f6a8885a308d3;
	hash_secret[1] = 0x93198a2e03707345;
	for (uint32_t n = 0; n < PLACES; addr += 4) {
		uint32_t as = 1 + n % 3;

		if (!(hash_pair(addr, as) >> 50))
			at[n++] = (struct lock_place){ .as = as, .addr = addr };
	}
	assert_true(steps_with(at) > PLACES / 4 * PLACES);
	memcpy(hash_secret, own, sizeof(own));
	assert_true(steps_with(at) < 20 * PLACES);
	for (uint32_t n = 0; n < PLACES; n++)
		at[n] = (struct lock_place){ .as = 1 + n % 2, .addr = (n / 2) << 12 };
	assert_true(steps_with(at) < 20 * PLACES);
	free(at);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_differ),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_chosen_words),
	};

	if (argc > 1 && !strcmp(argv[1], TELL))
		return fwrite(hash_secret, sizeof(hash_secret), 1, stdout) != 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
