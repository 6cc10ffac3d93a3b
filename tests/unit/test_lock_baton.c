/* SPDX-License-Identifier: MIT */
/* Locks and turns without a shared word, words on stacks, and what an address space interprets
 * with. */
#include "lock_scene.h"

#include <stdio.h>

#include <analysis/lock_kind.h>
#include <analysis/lock_sort.h>

#define AS 100
#define OWN(id) (0x10000ULL + (id)*0x1000)
#define STACK_TOP(id)                                                                              \
	(0x7f0000000000 + (id)*0x1000) /* as scene_thread_on() makes clear_child_tid */

static struct lock_group *group_of(const struct scene *s, uint64_t addr)
{
	struct lock_group *g = lock_table_find(s->table, AS, addr);

	assert_non_null(g);
	return g;
}

static void assert_sort(const struct scene *s, uint64_t addr, enum lock_sort sort)
{
	assert_string_equal(lock_sort_name(group_of(s, addr)->sort), lock_sort_name(sort));
}

static const char *kind_of(const struct scene *s, uint64_t addr)
{
	return lock_kind_name(group_of(s, addr)->kind);
}

static void threads(struct scene *s, uint32_t cpus, uint32_t n)
{
	scene_init(s, cpus);
	for (uint32_t id = 1; id <= n; id++)
		scene_thread(s, id);
}

static void interprets(struct scene *s, uint32_t as, enum gt_interpreter kind, const char *image)
{
	struct gt_event *ev = scene_event(s, GT_INTERPRETER, GT_CPU_COLLECTOR);

	ev->u.interpreter.as = as;
	ev->u.interpreter.kind = kind;
	ev->u.interpreter.name = "";
	ev->u.interpreter.image = image;
}

/* Each of `n` threads runs for `us`, wakes the next one on its own word and goes to wait itself. */
static void pass_baton(struct scene *s, uint32_t n, int rounds, uint64_t us)
{
	scene_run(s, 0, 1);
	for (uint32_t id = 2; id <= n; id++) {
		scene_run(s, 1, id);
		s->us += 10;
		scene_wait(s, 1, id, OWN(id), OP_COND, 0);
	}
	for (int i = 0; i < rounds; i++) {
		uint32_t from = i % n + 1, to = (i + 1) % n + 1;

		s->us += us;
		scene_wake(s, from, to, OWN(to));
		s->us += 10;
		scene_wait(s, i & 1, from, OWN(from), OP_COND, 0);
		s->us += 20;
		scene_run(s, ~i & 1, to);
	}
}

static void ruby_is_a_lock(void **state)
{
	struct lock_group *g;
	struct scene s;

	threads(&s, 2, 2);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "/usr/lib/libruby-3.3.so");
	scene_symbol(&s, AS, OWN(1), "", "[heap]");
	scene_symbol(&s, AS, OWN(2), "", "[heap]");
	pass_baton(&s, 2, 8, 100000);
	scene_table(&s);
	g = group_of(&s, OWN(1));
	assert_ptr_equal(g, group_of(&s, OWN(2)));
	assert_int_equal(g->sort, SORT_LOCK);
	assert_string_equal(lock_kind_name(g->kind), "ruby-gvl");
	assert_string_equal(g->name, "Ruby's GVL");
	assert_string_equal(g->image, "/usr/lib/libruby-3.3.so");
	assert_int_equal(g->nwords, 2);
	scene_free(&s);
}

/* The same without a CPU to spare: nobody could run side by side, and it makes no difference. */
static void ruby_on_one_cpu(void **state)
{
	struct scene s;

	threads(&s, 1, 2);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 0, 2);
	s.us += 10;
	scene_wait_to(&s, 0, 2, OWN(2), OP_COND, 0, false, 1);
	for (int i = 0; i < 8; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;

		s.us += 100000;
		scene_wake(&s, from, to, OWN(to));
		s.us += 10;
		scene_wait_to(&s, 0, from, OWN(from), OP_COND, 0, false, to);
	}
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(2)));
	scene_free(&s);
}

/*
 * The woken thread takes the waker's CPU while that still holds the mutex that goes with the word, and waits for it.
 */
static void the_woken_one_runs_into_the_mutex(void **state)
{
	const uint64_t mutex = 0x9000;
	struct scene s;

	threads(&s, 1, 2);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 0, 2);
	s.us += 10;
	scene_wait_to(&s, 0, 2, OWN(2), OP_COND, 0, false, 1);
	for (int i = 0; i < 8; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;
		struct gt_event *ev;

		s.us += 100000;
		scene_wake(&s, from, to, OWN(to));
		s.us += 5;
		ev = scene_event(&s, GT_SWITCH, 0);
		ev->task = from;
		ev->peer = to;
		ev->flags = GT_F_PREEMPTED;
		s.us += 10;
		scene_wait_to(&s, 0, to, mutex, OP_MUTEX, 2, false, from);
		s.us += 5;
		scene_wake(&s, from, to, mutex);
		s.us += 5;
		scene_wait_to(&s, 0, from, OWN(from), OP_COND, 0, false, to);
	}
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(2)));
	scene_free(&s);
}

/* 3.1: the waiter is also the timer. Its round times out, it asks, and goes on waiting on the same
 * word. */
static void the_waiter_as_timer(void **state)
{
	struct scene s;

	threads(&s, 2, 2);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 0, 1);
	scene_run(&s, 1, 2);
	s.us += 10;
	scene_timed_wait(&s, 1, 2, OWN(2));
	for (int i = 0; i < 8; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;

		s.us += 100000;
		scene_timeout(&s, to);
		s.us += 20;
		scene_run(&s, ~i & 1, to);
		s.us += 20;
		scene_timed_wait(&s, ~i & 1, to, OWN(to));
		s.us += 10;
		scene_wake(&s, from, to, OWN(to));
		s.us += 10;
		scene_timed_wait(&s, i & 1, from, OWN(from));
		s.us += 20;
		scene_run(&s, ~i & 1, to);
	}
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(2)));
	scene_free(&s);
}

/* The waiter's time is up, it looks and goes back to sleep; meanwhile, and told of only later, it is woken. */
static void woken_on_its_way_to_sleep(void **state)
{
	struct scene s;

	threads(&s, 2, 2);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 0, 1);
	scene_run(&s, 1, 2);
	s.us += 10;
	scene_timed_wait(&s, 1, 2, OWN(2));
	for (int i = 0; i < 12; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;

		s.us += 100000;
		scene_timeout(&s, to);
		s.us += 20;
		scene_run(&s, ~i & 1, to);
		s.us += 20;
		scene_wake(&s, from, to, OWN(to));
		s.us += 5;
		scene_timed_wait(&s, ~i & 1, to, OWN(to));
		s.us += 2;
		scene_run(&s, ~i & 1, to);
		s.us += 10;
		scene_timed_wait(&s, i & 1, from, OWN(from));
	}
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(2)));
	scene_free(&s);
}

/*
 * Ruby 3.3: a thread that sleeps waits on the word it also waits on for the GVL. While two others
 * hand the GVL to and fro the third is let in once in twenty turns: it was asleep.
 */
static void a_rubys_sleeper_does_not_wait_for_the_gvl(void **state)
{
	struct scene s;

	threads(&s, 2, 3);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 1, 3);
	s.us += 10;
	scene_wait(&s, 1, 3, OWN(3), OP_COND, 0);
	pass_baton(&s, 2, 0, 0);
	for (int i = 0; i < 80; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;

		s.us += 20000;
		if (i % 20 == 19) {
			scene_wake(&s, from, 3, OWN(3));
			s.us += 10;
			scene_wait(&s, i & 1, from, OWN(from), OP_COND, 0);
			s.us += 20;
			scene_run(&s, i & 1, 3);
			s.us += 100;
			scene_wake(&s, 3, to, OWN(to));
			s.us += 10;
			scene_wait(&s, i & 1, 3, OWN(3), OP_COND, 0);
		} else {
			scene_wake(&s, from, to, OWN(to));
			s.us += 10;
			scene_wait(&s, i & 1, from, OWN(from), OP_COND, 0);
		}
		s.us += 20;
		scene_run(&s, ~i & 1, to);
	}
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(2)));
	assert_ptr_not_equal(group_of(&s, OWN(1)), group_of(&s, OWN(3)));
	assert_int_not_equal(group_of(&s, OWN(3))->sort, SORT_LOCK);
	scene_free(&s);
}

/* What lies in memory of several processes is no Ruby's own, however it is handed on. */
static void a_shared_word_is_not_the_gvls(void **state)
{
	struct scene s;

	threads(&s, 2, 3);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 1, 3);
	scene_wait(&s, 1, 3, OWN(3), OP_COND & ~FUTEX_PRIVATE_FLAG, 0);
	pass_baton(&s, 2, 0, 0);
	for (int i = 0; i < 24; i++) {
		uint32_t from = i % 3 + 1, to = (i + 1) % 3 + 1;
		uint32_t op = from == 3 ? OP_COND & ~FUTEX_PRIVATE_FLAG : OP_COND;

		s.us += 100000;
		scene_wake(&s, from, to, OWN(to));
		s.us += 10;
		scene_wait(&s, i & 1, from, OWN(from), op, 0);
		s.us += 20;
		scene_run(&s, ~i & 1, to);
	}
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_ptr_not_equal(group_of(&s, OWN(1)), group_of(&s, OWN(3)));
	scene_free(&s);
}

/* A Ruby that waits for work: one thread brings some now and then, and nobody runs meanwhile. */
static void an_idle_ruby_waits_for_no_lock(void **state)
{
	struct scene s;

	threads(&s, 2, 2);
	interprets(&s, AS, GT_INTERPRETER_RUBY, "");
	scene_run(&s, 1, 2);
	s.us += 10;
	scene_wait(&s, 1, 2, OWN(2), OP_COND, 0);
	scene_run(&s, 0, 1);
	for (int i = 0; i < 10; i++) {
		s.us += 10;
		scene_sleep(&s, 0, 1);
		s.us += 50000;
		scene_timeout(&s, 1);
		scene_run(&s, 0, 1);
		s.us += 100;
		scene_wake(&s, 1, 2, OWN(2));
		s.us += 5;
		scene_wait(&s, 0, 1, OWN(1), OP_COND, 0);
		s.us += 10;
		scene_run(&s, 1, 2);
		s.us += 100;
		scene_wake(&s, 2, 1, OWN(1));
		s.us += 5;
		scene_wait(&s, 1, 2, OWN(2), OP_COND, 0);
		s.us += 10;
		scene_run(&s, 0, 1);
	}
	scene_table(&s);
	assert_int_not_equal(group_of(&s, OWN(2))->sort, SORT_LOCK);
	scene_free(&s);
}

static void without_a_ruby_it_is_turn_taking(void **state)
{
	struct scene s;

	threads(&s, 2, 3);
	pass_baton(&s, 3, 12, 300);
	scene_table(&s);
	assert_sort(&s, OWN(1), SORT_TURN_TAKING);
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(2)));
	assert_ptr_equal(group_of(&s, OWN(1)), group_of(&s, OWN(3)));
	assert_string_equal(kind_of(&s, OWN(1)), "unknown");
	scene_free(&s);
}

/* One producer, three consumers with a word each: it wakes one after the other and works on. */
static void a_pool_is_no_baton(void **state)
{
	struct scene s;

	threads(&s, 2, 4);
	for (uint32_t id = 2; id <= 4; id++) {
		scene_run(&s, 1, id);
		s.us += 10;
		scene_wait(&s, 1, id, OWN(id), OP_COND, 0);
	}
	scene_run(&s, 0, 1);
	for (int i = 0; i < 30; i++) {
		uint32_t to = i % 3 + 2;

		s.us += 3000;
		scene_wake(&s, 1, to, OWN(to));
		s.us += 10;
		scene_run(&s, 1, to);
		s.us += 2000;
		scene_wait(&s, 1, to, OWN(to), OP_COND, 0);
	}
	scene_table(&s);
	for (uint32_t id = 2; id <= 4; id++)
		assert_sort(&s, OWN(id), SORT_QUEUE);
	assert_ptr_not_equal(group_of(&s, OWN(2)), group_of(&s, OWN(3)));
	scene_free(&s);
}

/* ---- OCaml's tick ---- */

static void hand_over_pair(struct scene *s, int rounds, uint64_t us)
{
	const uint64_t cond = 0x5000;

	scene_run(s, 0, 1);
	scene_run(s, 1, 2);
	s->us += 10;
	scene_wait(s, 1, 2, cond, OP_COND, 0);
	for (int i = 0; i < rounds; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;
		uint64_t half = i & 1 ? 4 : 0;

		s->us += us;
		scene_wake(s, from, to, cond + half);
		s->us += 10;
		scene_wait(s, i & 1, from, cond + (half ^ 4), OP_COND, 0);
		s->us += 20;
		scene_run(s, ~i & 1, to);
	}
}

static void ocaml_after_a_few_ticks(void **state)
{
	struct scene s;

	threads(&s, 2, 2);
	interprets(&s, AS, GT_INTERPRETER_OCAML, "/opt/app");
	scene_symbol(&s, AS, 0x5000, "", "[heap]");
	hand_over_pair(&s, 5, 50000);
	scene_table(&s);
	assert_string_equal(kind_of(&s, 0x5000), "ocaml-master");
	assert_string_equal(group_of(&s, 0x5000)->name, "OCaml's master lock 0x5000");
	assert_true(group_of(&s, 0x5000)->told);
	scene_free(&s);
	/* Turns that are no tick's are left to the evidence, of which there is too little. */
	threads(&s, 2, 2);
	interprets(&s, AS, GT_INTERPRETER_OCAML, "/opt/app");
	scene_symbol(&s, AS, 0x5000, "", "[heap]");
	hand_over_pair(&s, 5, 3000);
	scene_table(&s);
	assert_sort(&s, 0x5000, SORT_UNPROVEN);
	scene_free(&s);
}

/* ---- what an address space interprets with ---- */

/* The last record about an interpreter counts, and one address space's says nothing of another's.
 */
static void records_are_per_address_space(void **state)
{
	struct scene s;

	threads(&s, 2, 2);
	interprets(&s, AS + 1, GT_INTERPRETER_RUBY, "");
	pass_baton(&s, 2, 8, 100000);
	scene_table(&s);
	assert_int_not_equal(group_of(&s, OWN(1))->sort, SORT_LOCK);
	scene_free(&s);
}

static void exec(struct scene *s, uint32_t task, uint32_t as, const char *path)
{
	struct gt_event *ev = scene_event(s, GT_EXEC, 0);

	ev->task = task;
	ev->u.exec.tid = ev->u.exec.tgid = task;
	ev->u.exec.as = as;
	ev->u.exec.path = path;
}

/* Without records a forked child runs what its parent runs, and an exec starts anew. */
static void names_follow_forks_and_execs(void **state)
{
	struct scene s;

	scene_init(&s, 2);
	scene_thread_on(&s, 10, 10, 10, UINT32_MAX);
	exec(&s, 10, 11, "/usr/bin/ruby3.1");
	for (uint32_t id = 1; id <= 2; id++) {
		scene_thread(&s, id);
		s.events[s.n - 1].u.task.parent = 10;
	}
	pass_baton(&s, 2, 8, 100000);
	scene_table(&s);
	assert_string_equal(kind_of(&s, OWN(1)), "ruby-gvl");
	assert_false(group_of(&s, OWN(1))->told);
	scene_free(&s);
}

static void hostile_records_are_ignored(void **state)
{
	struct gt_event ev = { .kind = GT_INTERPRETER };
	struct lock_spaces spaces = {};

	ev.u.interpreter.kind = 4711;
	lock_spaces_told(&spaces, &ev);
	ev.u.interpreter.kind = GT_INTERPRETER_NONE;
	lock_spaces_told(&spaces, &ev);
	assert_null(lock_spaces_find(&spaces, 0, GT_INTERPRETER_NONE));
	ev.u.interpreter.kind = GT_INTERPRETER_RUBY;
	lock_spaces_told(&spaces, &ev); /* no image */
	assert_non_null(lock_spaces_find(&spaces, 0, GT_INTERPRETER_RUBY));
	lock_spaces_seen(&spaces, 0, "/usr/bin/ruby2.7");
	assert_null(lock_spaces_find(&spaces, 0, GT_INTERPRETER_RUBY)->image);
	lock_spaces_seen(&spaces, 0, NULL);
	lock_spaces_seen(&spaces, 0, "");
	lock_spaces_seen(&spaces, 0, "/");
	lock_spaces_seen(&spaces, 0, "[heap]");
	assert_int_equal(spaces.n, 1);
	lock_spaces_release(&spaces);
}

/* ---- words on stacks ---- */

/* Thread 2 waits a hundred times, each time on another word of its stack, and thread 1 wakes it. */
static void words_on_stacks_are_one_event(void **state)
{
	struct lock_group *g;
	struct scene s;

	threads(&s, 2, 2);
	scene_run(&s, 0, 1);
	scene_run(&s, 1, 2);
	for (int i = 0; i < 100; i++) {
		uint64_t word = STACK_TOP(2) - 0x800 - i * 16;

		s.us += 50;
		scene_wait(&s, 1, 2, word, OP_COND, 0);
		s.us += 500;
		scene_wake(&s, 1, 2, word);
		s.us += 10;
		scene_run(&s, 1, 2);
	}
	scene_table(&s);
	assert_int_equal(lock_table_size(s.table), 1);
	g = group_of(&s, STACK_TOP(2) - 0x800);
	assert_ptr_equal(g, group_of(&s, STACK_TOP(2) - 0x800 - 99 * 16));
	assert_int_equal(g->sort, SORT_QUEUE);
	assert_string_equal(g->name, "words on waiters' stacks");
	assert_int_equal(g->evidence.waits, 100);
	scene_free(&s);
}

/* Threads that park on their stacks and wake each other look symmetric, yet nothing says that it is
 * one lock. */
static void stacks_of_two_threads_are_no_lock(void **state)
{
	struct scene s;

	threads(&s, 2, 2);
	scene_symbol(&s, AS, 0x7ffd00000100, "", "[stack]");
	scene_run(&s, 0, 1);
	scene_run(&s, 1, 2);
	scene_wait(&s, 1, 2, STACK_TOP(2) - 0x100, OP_COND, 0);
	for (int i = 0; i < 60; i++) {
		uint32_t from = i % 2 + 1, to = 3 - from;
		uint64_t own = from == 1 ? 0x7ffd00000100 : STACK_TOP(2) - 0x100;
		uint64_t other = from == 1 ? STACK_TOP(2) - 0x100 : 0x7ffd00000100;

		s.us += 700;
		scene_wake(&s, from, to, other);
		s.us += 5;
		scene_wait(&s, i & 1, from, own, OP_COND, 0);
		s.us += 15;
		scene_run(&s, ~i & 1, to);
	}
	scene_table(&s);
	assert_int_equal(lock_table_size(s.table), 1);
	assert_int_not_equal(group_of(&s, 0x7ffd00000100)->sort, SORT_LOCK);
	scene_free(&s);
}

/* A mutex in main's frame is a lock like any other: its other waiters are on other stacks. */
static void a_mutex_on_a_stack_stays_a_lock(void **state)
{
	const uint64_t mutex = STACK_TOP(2) - 0x200, cond = STACK_TOP(2) - 0x300;
	struct scene s;

	threads(&s, 2, 3);
	scene_run(&s, 0, 1);
	scene_run(&s, 1, 2);
	scene_wait(&s, 1, 2, mutex, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, 1, 2, mutex);
	scene_run(&s, 1, 2);
	scene_wait(&s, 1, 2, cond, OP_COND, 0);
	scene_run(&s, 1, 3);
	s.us += 10;
	scene_wait(&s, 1, 3, cond, OP_COND, 0);
	s.us += 10;
	scene_table(&s);
	assert_sort(&s, mutex, SORT_LOCK);
	assert_false(group_of(&s, cond)->evidence.stack_words);
	scene_free(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ruby_is_a_lock),
		cmocka_unit_test(ruby_on_one_cpu),
		cmocka_unit_test(the_woken_one_runs_into_the_mutex),
		cmocka_unit_test(the_waiter_as_timer),
		cmocka_unit_test(woken_on_its_way_to_sleep),
		cmocka_unit_test(a_rubys_sleeper_does_not_wait_for_the_gvl),
		cmocka_unit_test(a_shared_word_is_not_the_gvls),
		cmocka_unit_test(an_idle_ruby_waits_for_no_lock),
		cmocka_unit_test(without_a_ruby_it_is_turn_taking),
		cmocka_unit_test(a_pool_is_no_baton),
		cmocka_unit_test(ocaml_after_a_few_ticks),
		cmocka_unit_test(records_are_per_address_space),
		cmocka_unit_test(names_follow_forks_and_execs),
		cmocka_unit_test(hostile_records_are_ignored),
		cmocka_unit_test(words_on_stacks_are_one_event),
		cmocka_unit_test(stacks_of_two_threads_are_no_lock),
		cmocka_unit_test(a_mutex_on_a_stack_stays_a_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
