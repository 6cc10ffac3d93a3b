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

static uint64_t charged(uint32_t holder, uint32_t waiter)
{
	return lock_blame_get(books.at[0], holder, lock_books_slot(&books, 0, waiter));
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
static void runs_meanwhile(int times, bool goes_on, uint64_t *known, uint64_t *nobody)
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
	*nobody = charged(0, RUNNER);
	release();
}

static void who_goes_on_waiting_is_charged(void **state)
{
	uint64_t known, nobody;

	runs_meanwhile(100, true, &known, &nobody);
	assert_int_equal(known, 1000);
	assert_int_equal(nobody, 0);
	runs_meanwhile(100, false, &known, &nobody);
	assert_int_equal(known + nobody, 0);
}

/* What no longer fits is nobody's, and not left out. */
static void too_many_changes_while_it_runs(void **state)
{
	uint64_t known, nobody;

	runs_meanwhile(3000, true, &known, &nobody);
	assert_int_equal(known + nobody, 30000);
	assert_true(nobody > 0);
	runs_meanwhile(3000, false, &known, &nobody);
	assert_int_equal(known + nobody, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_many_changes),
		cmocka_unit_test(who_goes_on_waiting_is_charged),
		cmocka_unit_test(too_many_changes_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
