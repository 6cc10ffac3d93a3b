/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/log.h"

struct seen {
	enum log_level level;
	char text[2048];
	int n;
};

static void keep(enum log_level level, const char *text, void *ctx)
{
	struct seen *seen = ctx;

	seen->level = level;
	seen->n++;
	snprintf(seen->text, sizeof(seen->text), "%s", text);
}

static void test_levels(void **state)
{
	struct seen seen = { .n = 0 };

	log_set_hook(keep, &seen);
	log_error("%s %d", "one", 1);
	assert_int_equal(seen.level, LOG_LEVEL_ERROR);
	assert_string_equal(seen.text, "one 1");
	log_info("two");
	log_debug("three");
	assert_int_equal(seen.n, 2);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("four");
	assert_int_equal(seen.n, 3);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("five");
	assert_int_equal(seen.n, 3);
	log_set_level(LOG_LEVEL_INFO);
	log_set_hook(NULL, NULL);
}

static void test_errno_survives(void **state)
{
	struct seen seen = { .n = 0 };

	log_set_hook(keep, &seen);
	errno = ENOSPC;
	log_error("%m");
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(seen.text, strerror(ENOSPC));
	log_set_hook(NULL, NULL);
}

static void test_long_messages_are_cut(void **state)
{
	struct seen seen = { .n = 0 };

	log_set_hook(keep, &seen);
	log_error("%5000d", 1);
	assert_int_equal(strlen(seen.text), 1023);
	log_set_hook(NULL, NULL);
}

/* What reaches the terminal names the program and is one line. */
static void test_stderr(void **state)
{
	char line[128] = "";
	int saved = dup(STDERR_FILENO), ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(stderr);
	dup2(ends[1], STDERR_FILENO);
	log_error("no such thing");
	log_warn("odd");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	close(ends[0]);
	assert_string_equal(line, "giltrace: no such thing\ngiltrace: warning: odd\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_errno_survives),
		cmocka_unit_test(test_long_messages_are_cut),
		cmocka_unit_test(test_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
