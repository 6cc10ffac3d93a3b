/* SPDX-License-Identifier: MIT */
/* What /proc/PID/maps says, or what somebody wants it to seem to say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/helper/maps.h"

static void maps_lines(void **state)
{
	static const char text[] =
		"00400000-00401000 r--p 00000000 fe:00 42                         /bin/a b\\012c\n"
		"00401000-00402000 r-xp 00001000 fe:00 42                         /bin/a b\\012c\n"
		"00402000-00403000 rw-p 00000000 00:00 0 \n"
		"01000000-01001000 rw-p 00000000 00:00 0                          [heap]\n"
		"02000000-02001000 rw-s 00003000 00:01 77                         /memfd:x (deleted)\n"
		"03000000-03001000 rw-p 00000000 00:00 0                          [anon: arena]\n"
		"04000000-04001000 rw-p 00000000 103:0a 18446744073709551615      /[heap]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n";
	static const struct {
		uint64_t addr;
		enum maps_kind kind;
		const char *name;
	} rows[] = {
		{ 0x400000, MAPS_FILE_PRIVATE, "/bin/a b\\012c" },
		{ 0x401fff, MAPS_FILE_PRIVATE, "/bin/a b\\012c" },
		{ 0x402000, MAPS_ANON, "" },
		{ 0x1000fff, MAPS_HEAP, "[heap]" },
		{ 0x2000000, MAPS_FILE_SHARED, "/memfd:x" },
		{ 0x3000000, MAPS_ANON, "[anon: arena]" },
		{ 0x4000000, MAPS_FILE_PRIVATE, "/[heap]" },
		{ 0xffffffffff600fff, MAPS_SPECIAL, "[vsyscall]" },
	};
	static const uint64_t nowhere[] = { 0, 0x3fffff, 0x403000, 0x1001000, UINT64_MAX };
	const struct maps_entry *e;
	struct maps m = { 0 };

	assert_int_equal(maps_parse(&m, text, sizeof(text) - 1), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = maps_find(&m, rows[i].addr);
		assert_non_null(e);
		assert_int_equal(maps_kind(&m, e), rows[i].kind);
		assert_string_equal(maps_name(&m, e), rows[i].name);
	}
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		assert_null(maps_find(&m, nowhere[i]));
	e = maps_find(&m, 0x2000000);
	assert_int_equal(e->offset, 0x3000);
	assert_int_equal(e->flags, MAPS_SHARED | MAPS_WRITE | MAPS_DELETED);
	e = maps_find(&m, 0x4000000);
	assert_int_equal(e->dev, 0x103 << 20 | 10);
	assert_true(e->ino == UINT64_MAX);
	maps_release(&m);
}

static void maps_refused(void **state)
{
	static const char *const lines[] = {
		"\n",
		"00400000-00401000 r--p 00000000 fe:00 42 /no/newline",
		"00401000-00400000 r--p 00000000 fe:00 42 /backwards\n",
		"00400000-00400000 r--p 00000000 fe:00 42 /empty\n",
		"10000000000000000-10000000000001000 r--p 00000000 fe:00 42 /wide\n",
		"00400000-00401000 rwzp 00000000 fe:00 42 /flags\n",
		"00400000-00401000 r--p 00000000 fe:00 -1 /ino\n",
		"00400000-00401000 r--p 00000000 fe:00 18446744073709551616 /ino\n",
		"00400000-00401000 r--p 00000000 fe00 42 /dev\n",
		"00400000-00401000 r--p 00000000 1000:00 42 /dev\n",
		"00400000-00401000 r--p 00000000 fe:00 42x/bin/a\n",
		"0x400000-00401000 r--p 00000000 fe:00 42 /prefix\n",
		" 00400000-00401000 r--p 00000000 fe:00 42 /space\n",
	};
	static const char nul[] = "00400000-00401000 r--p 00000000 fe:00 42 /a\0b\n";
	struct maps m = { 0 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(maps_parse(&m, lines[i], strlen(lines[i])), -EBADMSG);
	assert_int_equal(maps_parse(&m, nul, sizeof(nul) - 1), -EBADMSG);
	assert_int_equal(m.count, 0);
	maps_release(&m);
}

/* Told twice because it grew while the file was read: order and disjointness hold all the same. */
static void maps_overlapping(void **state)
{
	static const char text[] = "00400000-00403000 rw-p 00000000 00:00 0 \n"
				   "00401000-00405000 rw-p 00000000 00:00 0 \n"
				   "00100000-00105000 rw-p 00000000 00:00 0 \n"
				   "00405000-00406000 rw-p 00000000 00:00 0 \n";
	struct maps m = { 0 };

	assert_int_equal(maps_parse(&m, text, sizeof(text) - 1), 0);
	assert_int_equal(m.count, 2);
	assert_non_null(maps_find(&m, 0x402fff));
	assert_null(maps_find(&m, 0x404fff));
	assert_non_null(maps_find(&m, 0x405000));
	maps_release(&m);
}

static void maps_of_any_size(void **state)
{
	FILE *file = tmpfile();
	struct maps m = { 0 };

	assert_non_null(file);
	for (unsigned int i = 1; i <= 100000; i++)
		fprintf(file, "%x000-%x000 rw-p 00000000 00:00 0 %s\n", i, i + 1,
			i % 2 ? "" : "[anon: x]");
	assert_int_equal(fflush(file) | fseek(file, 0, SEEK_SET), 0);
	assert_int_equal(maps_read(&m, fileno(file)), 0);
	assert_int_equal(m.count, 100000);
	assert_non_null(maps_find(&m, 99999ull << 12 | 7));
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	for (unsigned int i = 100001; i <= 300000; i++)
		fprintf(file, "%x000-%x000 rw-p 00000000 00:00 0 \n", i, i + 1);
	assert_int_equal(fflush(file) | fseek(file, 0, SEEK_SET), 0);
	assert_int_equal(maps_read(&m, fileno(file)), -E2BIG);
	assert_int_equal(m.count, 0);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_lines),
		cmocka_unit_test(maps_refused),
		cmocka_unit_test(maps_overlapping),
		cmocka_unit_test(maps_of_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
