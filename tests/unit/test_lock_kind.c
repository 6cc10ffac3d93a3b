/* SPDX-License-Identifier: MIT */
/* Whose lock is it: the fingerprint table, and names for locks without a fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <analysis/lock_kind.h>

static struct lock_group group(const char *name, const char *image, struct lock_evidence evidence)
{
	return (struct lock_group){
		.sort = SORT_LOCK,
		.name = (char *)name,
		.image = (char *)image,
		.evidence = evidence,
	};
}

static const char *kind(const struct lock_group *g, const char *exe)
{
	return lock_kind_name(lock_kind_of(g, lock_kind_fingerprint(g, exe)));
}

static bool proves(const struct lock_group *g, const char *exe)
{
	const struct lock_fingerprint *fp = lock_kind_fingerprint(g, exe);

	return fp && fp->proves;
}

#define CONDVAR_TIMED                                                                              \
	{                                                                                          \
		.bitset = true, .condvar_pair = true, .timed = true                                \
	}
#define SEMAPHORE                                                                                  \
	{                                                                                          \
		.bitset = true                                                                     \
	}
#define LOW_LEVEL                                                                                  \
	{                                                                                          \
		.value_always_2 = true, .plain_wait = true                                         \
	}

static void cpython_since_3_7(void **state)
{
	struct lock_group g = group("_PyRuntime+0x158", "/usr/bin/python3.11",
				    (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, "/usr/bin/python3"), "cpython-gil");
	assert_true(proves(&g, "/usr/bin/python3"));
	/* An embedded interpreter. */
	g.image = (char *)"/usr/lib/libpython3.12.so.1.0";
	assert_string_equal(kind(&g, "/usr/bin/gdb"), "cpython-gil");
}

static void cpython_3_6(void **state)
{
	struct lock_group g =
		group("gil_cond+0x28", "/usr/bin/python3.6", (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, NULL), "cpython-gil");
	assert_true(proves(&g, NULL));
	g.name = (char *)"switch_cond+0x28";
	assert_true(proves(&g, NULL));
}

/*
 * Another program may call its lock so too; then it is a lock of its own kind, and must be shown to
 * be one.
 */
static void the_name_alone_is_not_enough(void **state)
{
	struct lock_group g =
		group("gil_cond+0x28", "/opt/game", (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, "/opt/game"), "gil");
	assert_false(proves(&g, "/opt/game"));
	g = group("_PyRuntime+0x158", "/usr/bin/python3", (struct lock_evidence)SEMAPHORE);
	assert_false(proves(&g, "/usr/bin/python3"));
}

static void stripped_python(void **state)
{
	struct lock_group g = group("python3.11+0x5000", "/usr/bin/python3.11",
				    (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, "/usr/bin/python3.11"), "cpython-gil");
	assert_false(proves(&g, "/usr/bin/python3.11"));
}

static void interpreter_of_its_own(void **state)
{
	struct lock_group g =
		group("[heap] 0x55d0c0", "[heap]", (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, "/usr/bin/python3.12"), "cpython-gil");
	assert_false(proves(&g, "/usr/bin/python3.12"));
	assert_string_equal(kind(&g, "/usr/bin/true"), "gil");
}

static void python_2(void **state)
{
	struct lock_group g = group("[heap] 0x55d0c0", "[heap]", (struct lock_evidence)SEMAPHORE);

	/* A join, or a queue's: one side waits, the other wakes. */
	assert_false(proves(&g, "/usr/bin/python2.7"));
	g.evidence.both = 2;
	g.evidence.symmetry = 1;
	assert_true(proves(&g, "/usr/bin/python2.7"));
	assert_string_equal(kind(&g, "/usr/bin/python2.7"), "cpython-gil");
	assert_string_equal(kind(&g, "/home/a/versions/2.7.18/bin/python"), "cpython-gil");
	/* On 3 that is a threading.Lock. */
	assert_string_equal(kind(&g, "/usr/bin/python3.11"), "semaphore");
}

static void by_shape(void **state)
{
	struct lock_group g =
		group("the_gil+0x48", "/bin/gil_threads", (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, NULL), "gil");
	g = group("the_gil+0xc8", "/bin/gil_threads", (struct lock_evidence)SEMAPHORE);
	assert_string_equal(kind(&g, NULL), "gil");
	g = group("baton+0x28", "/bin/prog",
		  (struct lock_evidence){ .bitset = true, .condvar_pair = true });
	assert_string_equal(kind(&g, NULL), "condvar");
	g = group(NULL, NULL, (struct lock_evidence)SEMAPHORE);
	assert_string_equal(kind(&g, NULL), "semaphore");
	g = group("the_gil+0x50", "/usr/bin/python3", (struct lock_evidence)LOW_LEVEL);
	assert_string_equal(kind(&g, "/usr/bin/python3"), "mutex");
	g = group("rwlock+0x8", "/bin/prog",
		  (struct lock_evidence){
			  .bitset = true, .condvar_pair = true, .val_min = 2, .val_max = 3 });
	assert_string_equal(kind(&g, NULL), "rwlock");
	g = group(NULL, NULL, (struct lock_evidence){ .bitset = true, .val_min = 2, .val_max = 2 });
	assert_string_equal(kind(&g, NULL), "mutex");
	g = group("pi", "/bin/prog", (struct lock_evidence){ .pi = true });
	assert_string_equal(kind(&g, NULL), "mutex");
}

static void what_is_no_lock_has_no_kind(void **state)
{
	struct lock_group g = group("queue+0x28", "/bin/prog", (struct lock_evidence)CONDVAR_TIMED);

	g.sort = SORT_QUEUE;
	assert_string_equal(kind(&g, NULL), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpython_since_3_7),
		cmocka_unit_test(cpython_3_6),
		cmocka_unit_test(the_name_alone_is_not_enough),
		cmocka_unit_test(stripped_python),
		cmocka_unit_test(interpreter_of_its_own),
		cmocka_unit_test(python_2),
		cmocka_unit_test(by_shape),
		cmocka_unit_test(what_is_no_lock_has_no_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
