/* SPDX-License-Identifier: MIT */
/* What a waiter's row keeps when there is no room for more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <analysis/lock_row.h>

static struct lock_row *row;

static uint64_t sum(void)
{
	uint64_t ns = row->nobody + row->others;

	for (uint32_t i = 0; i < row->room; i++)
		ns += row->cells[i].ns;
	return ns;
}

static void add_alike(uint32_t holders, uint64_t *left)
{
	row = calloc(1, sizeof(*row));
	for (uint32_t i = 1; i <= holders; i++)
		assert_int_equal(lock_row_add(&row, i, 5, left), 0);
	assert_int_equal(sum(), 5 * holders);
}

static void few_are_told_apart(void **state)
{
	uint64_t left = 1000;

	for (uint32_t n = 1; n <= 96; n++) {
		add_alike(n, &left);
		assert_int_equal(row->others, 0);
		for (uint32_t i = 1; i <= n; i++)
			assert_int_equal(lock_row_get(row, i), 5);
		assert_int_equal(lock_row_get(row, n + 1), 0);
		left += row->room;
		assert_int_equal(left, 1000);
		free(row);
	}
}

/* Also of holders that are all alike some give way. */
static void many_add_up(void **state)
{
	uint64_t left = 1000;

	add_alike(10000, &left);
	assert_true(row->others > 0 && row->n <= 96);
	free(row);
}

static void without_room_all_are_others(void **state)
{
	uint64_t left = 5;

	add_alike(50, &left);
	assert_int_equal(row->room, 4);
	assert_int_equal(left, 1);
	assert_int_equal(row->others, (50 - 3) * 5);
	assert_int_equal(lock_row_get(row, 3), 5);
	assert_int_equal(lock_row_get(row, 4), 0);
	free(row);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_are_told_apart),
		cmocka_unit_test(many_add_up),
		cmocka_unit_test(without_room_all_are_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
