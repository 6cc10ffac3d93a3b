/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/buf.h"

static void test_grows(void **state)
{
	struct buf b = { 0 };

	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_add_str(&b, "0123456789");
	buf_add(&b, "", 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(b.len, 10001);
	assert_memory_equal(b.data + 9990, "0123456789", 11);
	buf_clear(&b);
	buf_printf(&b, "%d-%s", 42, "x");
	buf_printf(&b, "%s", "");
	assert_string_equal(buf_str(&b), "42-x");
	assert_int_equal(b.len, 4);
	buf_free(&b);
	assert_null(b.data);
	buf_free(&b);
}

static void test_reserve(void **state)
{
	struct buf b = { 0 };
	uint8_t *room = buf_reserve(&b, 5000);

	assert_non_null(room);
	memset(room, 7, 5000);
	b.len += 3;
	buf_add(&b, "x", 1);
	assert_memory_equal(b.data, "\7\7\7x", 4);
	buf_free(&b);
}

static void test_error_sticks(void **state)
{
	struct buf b = { 0 };

	buf_add_str(&b, "before");
	assert_null(buf_reserve(&b, SIZE_MAX / 2));
	assert_int_equal(b.err, -ENOMEM);
	buf_add_str(&b, "after");
	buf_printf(&b, "after");
	assert_null(buf_str(&b));
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "before", 6);
	buf_clear(&b);
	buf_add_str(&b, "anew");
	assert_string_equal(buf_str(&b), "anew");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_error_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
