/* SPDX-License-Identifier: MIT */
/* Which lists of run-time code are read, and what is found in them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/helper/perf_map.h"

static char path[64];

static int no_list(void **state)
{
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	return unlink(path) && errno != ENOENT;
}

static void write_list(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void expect(const struct perf_map *m, uint64_t addr, const char *name)
{
	const char *found = perf_map_find(m, addr);

	if (name)
		assert_string_equal(found, name);
	else
		assert_null(found);
}

static void names(void **state)
{
	struct perf_map *m;
	int fd;

	write_list("2000 100 second\n1000 100 first of two words\n"
		   "2040 10 inside\n" /* written later: it counts */
		   "1000 20 again\n"
		   "zz 10 bad\n3000 0 empty\n3000\n3000 10\n ffffffffffffffff 10 over the end\n"
		   "4000 10 last");
	fd = perf_map_open(getpid());
	assert_true(fd >= 0);
	m = perf_map_read(fd);
	close(fd);
	assert_non_null(m);
	expect(m, 0x0fff, NULL);
	expect(m, 0x1000, "again");
	expect(m, 0x1020, "first of two words");
	expect(m, 0x1100, NULL);
	expect(m, 0x203f, "second");
	expect(m, 0x2044, "inside");
	expect(m, 0x2050, "second");
	expect(m, 0x3000, NULL);
	expect(m, 0x400f, "last");
	perf_map_free(m);
}

static void absent(void **state)
{
	assert_int_equal(perf_map_open(getpid()), -ENOENT);
}

static void link_elsewhere(void **state)
{
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(perf_map_open(getpid()), -EPERM);
}

static void second_name(void **state)
{
	char other[80];

	write_list("1000 10 name\n");
	snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(perf_map_open(getpid()), -EPERM);
	unlink(other);
}

static void not_a_file(void **state)
{
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(perf_map_open(getpid()), -EPERM);
}

static void of_another_user(void **state)
{
	if (geteuid())
		skip();
	write_list("1000 10 name\n");
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(perf_map_open(getpid()), -EPERM);
}

static void too_large(void **state)
{
	write_list("1000 10 name\n");
	assert_int_equal(truncate(path, PERF_MAP_MAX_FILE + 1), 0);
	assert_int_equal(perf_map_open(getpid()), -EFBIG);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, no_list, no_list)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(names),	  TEST(absent),		 TEST(link_elsewhere), TEST(second_name),
		TEST(not_a_file), TEST(of_another_user), TEST(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
