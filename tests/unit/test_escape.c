/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/escape.h"

static void test_what_is_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ NULL, "" },
		{ "python3 worker-1", "python3 worker-1" },
		{ "a\\b", "a\\x5cb" }, /* so that an escape cannot be forged */
		{ "\x1b[31mred\a", "\\x1b[31mred\\x07" },
		{ "two\nlines\ttab\r", "two\\x0alines\\x09tab\\x0d" },
		{ "del\x7f", "del\\x7f" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d",
		  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d" },
		{ "\xc2\x9b"
		  "31m",
		  "\\xc2\\x9b31m" },		       /* C1: a terminal's escape in two bytes */
		{ "\xff\xfe", "\\xff\\xfe" },	       /* never UTF-8 */
		{ "\xc3", "\\xc3" },		       /* cut */
		{ "\xe2\x82", "\\xe2\\x82" },	       /* cut */
		{ "\xe2\x82z", "\\xe2\\x82z" },	       /* interrupted */
		{ "\x80", "\\x80" },		       /* no first byte */
		{ "\xc0\xaf", "\\xc0\\xaf" },	       /* overlong / */
		{ "\xe0\x80\x9b", "\\xe0\\x80\\x9b" }, /* overlong escape */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond Unicode */
		{ "a\xe2\x80\xae"
		  "b",
		  "a\\xe2\\x80\\xae"
		  "b" },			       /* right-to-left override */
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" }, /* line separator */
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" }, /* byte order mark */
		{ "\xef\xbf\xbe\xef\xbf\xbf", "\\xef\\xbf\\xbe\\xef\\xbf\\xbf" }, /* no characters */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(escape(cases[i].in, &(struct escaped){ { 0 } }), cases[i].out);
}

/* Whatever the room, the copy ends in it, never inside a character or an escape. */
static void test_bounds(void **state)
{
	static const char in[] = "ab\xc3\xbc\x01\xe2\x82\xac"
				 "cd\xff";
	char whole[64];
	size_t length = escape_to(whole, sizeof(whole), in, sizeof(in) - 1);

	assert_string_equal(whole, "ab\xc3\xbc\\x01\xe2\x82\xac"
				   "cd\\xff");
	for (size_t size = 4; size <= length + 2; size++) {
		char *out = malloc(size);
		size_t n = escape_to(out, size, in, sizeof(in) - 1), kept = n;

		assert_true(n < size);
		assert_int_equal(strlen(out), n);
		if (size > length) {
			assert_string_equal(out, whole);
		} else {
			kept -= 3;
			assert_string_equal(out + kept, "...");
			assert_memory_equal(out, whole, kept);
			assert_true(strchr("\\c", whole[kept]) || (uint8_t)whole[kept] >= 0xc0 ||
				    kept < 2 || whole[kept] == 'd');
		}
		free(out);
	}
}

static void test_long_names(void **state)
{
	struct escaped out;
	char *name = malloc(100001);

	memset(name, '\x01', 100000);
	name[100000] = '\0';
	assert_true(strlen(escape(name, &out)) < ESCAPE_MAX);
	assert_memory_equal(out.text, "\\x01\\x01", 8);
	assert_string_equal(out.text + strlen(out.text) - 7, "\\x01...");
	free(name);
}

static void test_not_terminated(void **state)
{
	char out[64];

	assert_int_equal(escape_to(out, sizeof(out), (char[]){ 'a', 'b', 'c' }, 3), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(escape_to(out, sizeof(out), "ab\0cd", 5), 2);
	assert_string_equal(out, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_escaped),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_not_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
