/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/helper/demangle.h"

static void names(void **state)
{
	static const struct {
		const char *symbol, *name; /* NULL: not a mangled name */
	} table[] = {
		{ "main", NULL },
		{ "_ZN3foo3barEi", "foo::bar(int)" },
		{ "_ZN3foo3barEi.cold", "foo::bar(int) [clone .cold]" },
		{ "_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write" },
		{ "_ZN4core3fmt5write17h0123456789abcdeXE", "core::fmt::write::h0123456789abcdeX" },
		{ "_ZN41_$LT$char$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
		  "<char as core::fmt::Debug>::fmt" },
		{ "_ZN", NULL },
		{ "_Z", NULL },
		{ "_RNvC6crate_4main", NULL },
		{ "", NULL },
	};
	char name[256];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool found = demangle(table[i].symbol, name, sizeof(name));

		assert_int_equal(found, table[i].name != NULL);
		if (found)
			assert_string_equal(name, table[i].name);
	}
}

static void cut(void **state)
{
	char name[5];

	assert_true(demangle("_ZN3foo3barEi", name, sizeof(name)));
	assert_string_equal(name, "foo:");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
