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

#define SPACE 7

/* As in a trace without GT_INTERPRETER: from what the program and the word's file are called. */
static const char *kind(const struct lock_group *g, const char *exe)
{
	struct lock_spaces spaces = {};
	const char *name;

	lock_spaces_seen(&spaces, SPACE, exe);
	lock_spaces_seen(&spaces, SPACE, g->image);
	name = lock_kind_name(lock_kind_of(g, lock_kind_fingerprint(g, &spaces, SPACE)));
	lock_spaces_release(&spaces);
	return name;
}

static bool proves(const struct lock_group *g, const char *exe)
{
	struct lock_spaces spaces = {};
	const struct lock_fingerprint *fp;

	lock_spaces_seen(&spaces, SPACE, exe);
	lock_spaces_seen(&spaces, SPACE, g->image);
	fp = lock_kind_fingerprint(g, &spaces, SPACE);
	lock_spaces_release(&spaces);
	return fp && fp->proves;
}

/* As a record tells it, of a program with any name. */
static const char *told_kind(const struct lock_group *g, enum gt_interpreter interpreter,
			     uint32_t version, const char *image)
{
	struct gt_event ev = { .kind = GT_INTERPRETER };
	struct lock_spaces spaces = {};
	const char *name;

	ev.u.interpreter.as = SPACE;
	ev.u.interpreter.kind = interpreter;
	ev.u.interpreter.version = version;
	ev.u.interpreter.image = image;
	lock_spaces_told(&spaces, &ev);
	name = lock_kind_name(lock_kind_of(g, lock_kind_fingerprint(g, &spaces, SPACE)));
	assert_string_equal(
		lock_kind_name(lock_kind_of(g, lock_kind_fingerprint(g, &spaces, SPACE + 1))),
		lock_kind_name(lock_kind_of(g, NULL)));
	lock_spaces_release(&spaces);
	return name;
}

/* Two threads that each wait and wake. */
static void make_symmetric(struct lock_group *g)
{
	g->evidence.both = 2;
	g->evidence.symmetry = 1;
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

	/* A queue with a timeout, as any extension may have one. */
	assert_string_equal(kind(&g, "/usr/bin/python3.12"), "gil");
	make_symmetric(&g);
	assert_string_equal(kind(&g, "/usr/bin/python3.12"), "cpython-gil");
	assert_false(proves(&g, "/usr/bin/python3.12"));
	assert_string_equal(kind(&g, "/usr/bin/true"), "gil");
	assert_string_equal(told_kind(&g, GT_INTERPRETER_CPYTHON, 0x030c01, "/usr/bin/server"),
			    "cpython-gil");
}

static void python_2(void **state)
{
	struct lock_group g = group("[heap] 0x55d0c0", "[heap]", (struct lock_evidence)SEMAPHORE);

	/* A join, or a queue's: one side waits, the other wakes. */
	assert_false(proves(&g, "/usr/bin/python2.7"));
	make_symmetric(&g);
	assert_true(proves(&g, "/usr/bin/python2.7"));
	assert_string_equal(kind(&g, "/usr/bin/python2.7"), "cpython-gil");
	assert_string_equal(kind(&g, "/home/a/versions/2.7.18/bin/python"), "cpython-gil");
	/* On 3 that is a threading.Lock. */
	assert_string_equal(kind(&g, "/usr/bin/python3.11"), "semaphore");
	assert_string_equal(told_kind(&g, GT_INTERPRETER_CPYTHON, 0x020712, "/opt/app"),
			    "cpython-gil");
	assert_string_equal(told_kind(&g, GT_INTERPRETER_CPYTHON, 0x030b02, "/opt/app"),
			    "semaphore");
}

static void pypy(void **state)
{
	const char *library = "/usr/lib/x86_64-linux-gnu/libpypy3.9-c.so";
	struct lock_group g =
		group("libpypy3.9-c.so+0x388bb78", library, (struct lock_evidence)CONDVAR_TIMED);

	assert_string_equal(kind(&g, "/usr/bin/pypy3.9"), "pypy-gil");
	assert_string_equal(kind(&g, NULL), "pypy-gil");
	assert_true(proves(&g, NULL));
	/* Its threading.Lock: on the heap, without a timeout or with. */
	g = group("[heap] 0x557586bb36d0", "[heap]", (struct lock_evidence)SEMAPHORE);
	assert_false(proves(&g, "/usr/bin/pypy3.9"));
	g.evidence.timed = true;
	make_symmetric(&g);
	assert_string_equal(kind(&g, "/usr/bin/pypy3.9"), "semaphore");
	/* Linked into one file of another name. */
	g = group("rpy+0x10", "/opt/app", (struct lock_evidence)CONDVAR_TIMED);
	assert_string_equal(kind(&g, "/opt/app"), "gil");
	assert_string_equal(told_kind(&g, GT_INTERPRETER_PYPY, 0x070300, "/opt/app"), "pypy-gil");
}

static void ruby(void **state)
{
	struct lock_group g =
		group("[heap] 0x55c418f33890", "[heap]", (struct lock_evidence)CONDVAR_TIMED);

	assert_false(proves(&g, "/usr/bin/ruby3.1"));
	g.evidence.baton = true;
	assert_true(proves(&g, "/usr/bin/ruby3.1"));
	assert_string_equal(kind(&g, "/usr/bin/ruby3.1"), "ruby-gvl");
	assert_false(proves(&g, "/usr/bin/true"));
	assert_string_equal(told_kind(&g, GT_INTERPRETER_RUBY, 0x030300, "/opt/app"), "ruby-gvl");
}

#define PAIR_UNTIMED                                                                               \
	{                                                                                          \
		.bitset = true, .condvar_pair = true, .untimed = true                              \
	}

static void ocaml_4(void **state)
{
	struct lock_group g = group("dllthreads.so+0x6198", "/usr/lib/ocaml/stublibs/dllthreads.so",
				    (struct lock_evidence)PAIR_UNTIMED);

	assert_string_equal(kind(&g, "/usr/bin/ocamlrun"), "ocaml-master");
	assert_true(proves(&g, NULL));
	g = group("caml_master_lock+0x58", "/opt/app", (struct lock_evidence)PAIR_UNTIMED);
	assert_string_equal(kind(&g, "/opt/app"), "ocaml-master");
	/* Stripped: a word of the program's data, which may be anything until its tick is seen. */
	g = group("app+0x1123d8", "/opt/app", (struct lock_evidence)PAIR_UNTIMED);
	make_symmetric(&g);
	assert_string_equal(told_kind(&g, GT_INTERPRETER_OCAML, 0, "/opt/app"), "condvar");
	g.evidence.ticks = g.evidence.handovers = 5;
	assert_string_equal(told_kind(&g, GT_INTERPRETER_OCAML, 0, "/opt/app"), "ocaml-master");
	assert_string_equal(kind(&g, "/opt/app"), "condvar");
}

static void ocaml_5(void **state)
{
	struct lock_group g =
		group("[heap] 0x5570a6aa14e8", "[heap]", (struct lock_evidence)PAIR_UNTIMED);

	/* A Condition of the program's own is alike but for the tick. */
	make_symmetric(&g);
	g.evidence.handovers = 40;
	g.evidence.ticks = 19;
	assert_false(proves(&g, "/usr/bin/ocamlrun"));
	g.evidence.ticks = 20;
	assert_true(proves(&g, "/usr/bin/ocamlrun"));
	assert_string_equal(kind(&g, "/usr/bin/ocamlrun"), "ocaml-master");
	g.evidence.timed = true;
	assert_false(proves(&g, "/usr/bin/ocamlrun"));
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
	g.evidence.condvar_pair = false;
	assert_string_equal(kind(&g, NULL), "rwlock");
	g.evidence.val_min = 3;
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
		cmocka_unit_test(pypy),
		cmocka_unit_test(ruby),
		cmocka_unit_test(ocaml_4),
		cmocka_unit_test(ocaml_5),
		cmocka_unit_test(by_shape),
		cmocka_unit_test(what_is_no_lock_has_no_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
