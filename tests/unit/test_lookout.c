/* SPDX-License-Identifier: MIT */
/* When address spaces are looked into, and whose they are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/record/lookout.h"

#define MS 1000000ull

/* Every look, and what to answer. */
struct looks {
	uint32_t as[4096];
	unsigned int n;
	int answer;
};

static int look(void *ctx, const struct lookout_space *s)
{
	struct looks *k = ctx;

	k->as[k->n++] = s->as;
	return k->answer;
}

static unsigned int round_at(struct lookout *l, uint64_t now, int answer, struct looks *k)
{
	k->n = 0;
	k->answer = answer;
	lookout_round(l, now, look, k);
	return k->n;
}

static const struct gt_wire_exec exec_of_x = { .path = "./x", .dev = 1, .ino = 2 };

static void young_ones_often(void **state)
{
	static const uint64_t pauses[] = { 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000 };
	struct lookout *l = lookout_new(NULL);
	uint64_t now = 5000 * MS;
	struct looks k;

	lookout_task(l, 1, 2, 100, NULL, now);
	lookout_task(l, 3, 2, 100, NULL, now); /* another thread: nothing new */
	assert_int_equal(round_at(l, now, 0, &k), 1);
	assert_int_equal(k.as[0], 2);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		assert_int_equal(round_at(l, now + pauses[i] * MS - 1, 0, &k), 0);
		assert_int_equal(lookout_young(l), i < 3);
		now += pauses[i] * MS;
		assert_int_equal(round_at(l, now, 0, &k), 1);
	}
	lookout_free(l);
}

/* A helper that is behind gets every question later; one whose process ended is never asked again.
 */
static void later_and_never(void **state)
{
	struct lookout *l = lookout_new(NULL);
	struct looks k;

	lookout_task(l, 1, 11, 100, NULL, MS);
	lookout_task(l, 2, 12, 101, NULL, MS);
	assert_int_equal(round_at(l, MS, -EAGAIN, &k), 1);
	assert_int_equal(round_at(l, MS, 0, &k), 2);
	assert_int_equal(round_at(l, 20 * MS, -ESRCH, &k), 2);
	assert_int_equal(round_at(l, 100000 * MS, 0, &k), 0);
	lookout_free(l);
}

static void only_some_at_once(void **state)
{
	struct lookout *l = lookout_new(NULL);
	bool seen[201] = { false };
	unsigned int total = 0, n;
	struct looks k;

	for (uint32_t i = 1; i <= 200; i++)
		lookout_task(l, 1000 + i, i, (pid_t)i, NULL, 0);
	while ((n = round_at(l, 0, 0, &k))) {
		assert_true(n <= 32);
		for (unsigned int i = 0; i < n; i++) {
			assert_false(seen[k.as[i]]);
			seen[k.as[i]] = true;
		}
		total += n;
	}
	assert_int_equal(total, 200);
	/* The ended ones of a storm of forks are passed over, not counted among those. */
	for (uint32_t i = 201; i <= 400; i++)
		lookout_task(l, 1000 + i, i, (pid_t)i, NULL, 0);
	assert_int_equal(round_at(l, 0, -ESRCH, &k), 200);
	lookout_free(l);
}

/* What a process ran before exec is its own no more; what a vfork child shared goes on being its
 * parent's. */
static void exec_leaves(void **state)
{
	struct lookout *l = lookout_new("/home");
	const struct lookout_space *s;
	struct looks k;

	lookout_task(l, 1, 2, 100, NULL, 0);
	lookout_task(l, 3, 2, 101, NULL, 0); /* vfork */
	assert_int_equal(lookout_of_task(l, 3)->tgid, 100);
	lookout_task(l, 3, 4, 101, &exec_of_x, 0);
	s = lookout_of_task(l, 3);
	assert_int_equal(s->as, 4);
	assert_int_equal(s->tgid, 101);
	assert_string_equal(s->exec.path, "./x");
	assert_string_equal(s->exec.cwd, "/home");
	assert_int_equal(round_at(l, 0, 0, &k), 2);
	lookout_task(l, 1, 5, 100, &exec_of_x, MS);
	assert_int_equal(round_at(l, 20 * MS, 0, &k), 2);
	assert_true(k.as[0] == 5 && k.as[1] == 4);
	assert_true(lookout_left(l, 2));
	assert_false(lookout_left(l, 4));
	/* Its words may still be asked about. */
	assert_int_equal(lookout_of_task(l, 1)->as, 5);
	assert_null(lookout_of_task(l, 77));
	lookout_free(l);
}

/* The rings of two CPUs are emptied one after the other. */
static void exec_told_before_birth(void **state)
{
	struct lookout *l = lookout_new(NULL);
	struct looks k;

	lookout_task(l, 1, 3, 100, &exec_of_x, 0);
	lookout_task(l, 1, 2, 100, NULL, 0);
	assert_int_equal(lookout_of_task(l, 1)->as, 3);
	assert_int_equal(round_at(l, 0, 0, &k), 1);
	assert_int_equal(k.as[0], 3);
	lookout_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(young_ones_often),
		cmocka_unit_test(later_and_never),
		cmocka_unit_test(only_some_at_once),
		cmocka_unit_test(exec_leaves),
		cmocka_unit_test(exec_told_before_birth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
