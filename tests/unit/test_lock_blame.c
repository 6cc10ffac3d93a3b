/* SPDX-License-Identifier: MIT */
/* Who is charged for a wait: everybody that had the lock meanwhile, however often it changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <analysis/lock_blame.h>

#define WAITER 0
#define RUNNER 1

static struct lock_books books;
static struct lock_blames blames;

static void setup_one_lock(void)
{
	assert_int_equal(lock_books_init(&books, NULL, NULL), 0);
	books.nlocks = 1; /* there is room for one more than asked for */
	blames = (struct lock_blames){ .books = &books };
}

static void release(void)
{
	lock_blames_release(&blames);
	lock_books_release(&books);
}

static uint64_t others(uint32_t waiter)
{
	return lock_books_part(&books, 0, waiter)->row->others;
}

static uint64_t charged(uint32_t holder, uint32_t waiter)
{
	return lock_row_get(lock_books_part(&books, 0, waiter)->row, holder);
}

/* Slots 3 and 4 have it in turn, 10 ns each; returns when. */
static uint64_t change(int times, uint64_t now)
{
	for (int i = 0; i < times; i++, now += 10)
		lock_blame_holder(&blames, 0, i & 1 ? 4 : 3, now);
	return now;
}

static void however_many_changes(void **state)
{
	uint64_t now;

	setup_one_lock();
	lock_blame_wait(&blames, 0, WAITER, 1000);
	now = change(3000, 1000);
	lock_blame_end(&blames, WAITER, now);
	assert_int_equal(charged(3, WAITER), 15000);
	assert_int_equal(charged(4, WAITER), 15000);
	assert_int_equal(charged(0, WAITER), 0);
	release();
}

/* It runs while the lock changes hands; only if it waits on was that a wait. */
static void runs_meanwhile(int times, bool goes_on, uint64_t *known, uint64_t *untold)
{
	uint64_t now;

	setup_one_lock();
	lock_blame_wait(&blames, 0, RUNNER, 1000);
	lock_blame_wait(&blames, 0, WAITER, 1000);
	lock_blame_pause(&blames, RUNNER, 1000);
	now = change(times, 1000);
	if (goes_on)
		lock_blame_again(&blames, RUNNER, now);
	lock_blame_end(&blames, RUNNER, now);
	lock_blame_end(&blames, WAITER, now);
	assert_int_equal(charged(3, WAITER) + charged(4, WAITER), times * 10);
	*known = charged(3, RUNNER) + charged(4, RUNNER);
	*untold = others(RUNNER);
	assert_int_equal(charged(0, RUNNER), 0);
	release();
}

static void who_goes_on_waiting_is_charged(void **state)
{
	uint64_t known, untold;

	runs_meanwhile(100, true, &known, &untold);
	assert_int_equal(known, 1000);
	assert_int_equal(untold, 0);
	runs_meanwhile(100, false, &known, &untold);
	assert_int_equal(known + untold, 0);
}

/* What no longer fits is by others, and not left out. */
static void too_many_changes_while_it_runs(void **state)
{
	uint64_t known, untold;

	runs_meanwhile(3000, true, &known, &untold);
	assert_int_equal(known + untold, 30000);
	assert_true(untold > 0);
	runs_meanwhile(3000, false, &known, &untold);
	assert_int_equal(known + untold, 0);
}

#define MANY 1000 /* holders, and waiters */

/*
 * Every waiter's time adds up, however many holders there are, and as many who wait; the heaviest
 * of them stay.
 */
static void more_than_are_told_apart(void **state)
{
	uint64_t now = 1000, sum;

	setup_one_lock();
	for (uint32_t i = 0; i < MANY; i++)
		lock_blame_wait(&blames, 0, i, now);
	for (uint32_t i = 0; i < 3 * MANY; i++, now += i % MANY < 10 ? 1000 : 10)
		lock_blame_holder(&blames, 0, MANY + 1 + i % MANY, now);
	for (uint32_t i = 0; i < MANY; i++)
		lock_blame_end(&blames, i, now);
	for (uint32_t i = 0; i < MANY; i++) {
		const struct lock_row *row = lock_books_part(&books, 0, i)->row;

		sum = row->nobody + row->others;
		for (uint32_t k = 0; k < row->room; k++)
			sum += row->cells[k].ns;
		assert_int_equal(sum, now - 1000);
		assert_true(row->others > 0 && row->room <= 128);
	}
	release();
}

static void heaviest_stay(void **state)
{
	uint64_t now = 1000;

	setup_one_lock();
	lock_blame_wait(&blames, 0, WAITER, now);
	for (uint32_t i = 0; i < 10 * MANY; i++) {
		lock_blame_holder(&blames, 0, MANY + 1 + i % MANY, now);
		now += i % MANY < 10 ? 1000 : 10;
	}
	lock_blame_end(&blames, WAITER, now);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(charged(MANY + 1 + i, WAITER), 10 * 1000);
	assert_true(others(WAITER) > 80000 && others(WAITER) <= 10 * (MANY - 10) * 10);
	release();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_many_changes),
		cmocka_unit_test(who_goes_on_waiting_is_charged),
		cmocka_unit_test(too_many_changes_while_it_runs),
		cmocka_unit_test(more_than_are_told_apart),
		cmocka_unit_test(heaviest_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
