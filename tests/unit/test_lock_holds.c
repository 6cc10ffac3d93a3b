/* SPDX-License-Identifier: MIT */
/* Second pass: who held scripted locks, exactly and inferred, and who kept whom waiting. */
#include "lock_scene.h"

#include <analysis/lock_kind.h>
#include <analysis/lock_probed.h>

#define GIL 0x1000ULL /* a condition variable's pair of words, timed: a GIL */
#define MUTEX 0x9000ULL
#define A 1
#define B 2
#define C 3
#define US SCENE_US
#define MS (1000 * SCENE_US)

static void begin(struct scene *s)
{
	scene_init(s, 3);
	scene_thread(s, A);
	scene_thread(s, B);
	scene_thread(s, C);
	scene_run(s, 0, A);
	scene_run(s, 1, B);
}

static void site(struct scene *s, uint32_t number, enum gt_lock_role role,
		 enum gt_interpreter interpreter)
{
	struct gt_event *ev = scene_event(s, GT_LOCK_SITE, GT_CPU_COLLECTOR);

	ev->u.lock_site.site = number;
	ev->u.lock_site.role = role;
	ev->u.lock_site.flags = interpreter ? 0 : GT_LOCK_SITE_USDT;
	ev->u.lock_site.interpreter = interpreter;
	ev->u.lock_site.name = interpreter ? "take_gil" : "gil:acquired";
	ev->u.lock_site.image = "/bin/x";
}

static void sites(struct scene *s, enum gt_interpreter interpreter)
{
	for (uint32_t role = GT_LOCK_REQUEST; role < GT_LOCK_ROLES; role++)
		site(s, role, role, interpreter);
}

static void probe(struct scene *s, uint32_t id, uint64_t addr, uint32_t role)
{
	struct gt_event *ev = scene_event(s, GT_LOCK, 0);

	ev->task = id;
	ev->u.lock.addr = addr;
	ev->u.lock.site = role;
	ev->u.lock.role = role;
}

static void preempt(struct scene *s, uint32_t cpu, uint32_t id)
{
	struct gt_event *ev = scene_event(s, GT_SWITCH, cpu);

	ev->task = id;
	ev->flags = GT_F_PREEMPTED;
}

static void run_after_others(struct scene *s, uint32_t cpu, uint32_t id)
{
	scene_event(s, GT_SWITCH, cpu)->peer = id;
}

static const struct result_lock_thread *part_of(const struct result_lock *l, uint32_t thread)
{
	for (size_t i = 0; i < l->nby_thread; i++)
		if (l->by_thread[i].thread == thread)
			return &l->by_thread[i];
	fail_msg("thread %u has no part in the lock", thread);
	return NULL;
}

static uint64_t charged(const struct result_lock *l, uint32_t holder, uint32_t waiter)
{
	for (size_t i = 0; i < l->npairs; i++)
		if (l->pairs[i].holder == holder && l->pairs[i].waiter == waiter)
			return l->pairs[i].time;
	return 0;
}

/* Whatever was charged to whom: it adds up. */
static void assert_pairs_put_up(const struct results *r)
{
	for (size_t i = 0; i < r->nlocks; i++) {
		const struct result_lock *l = &r->locks[i];

		for (size_t j = 0; j < l->nby_thread; j++) {
			uint64_t sum = 0;

			for (size_t k = 0; k < l->npairs; k++)
				if (l->pairs[k].waiter == l->by_thread[j].thread)
					sum += l->pairs[k].time;
			assert_int_equal(sum, l->by_thread[j].wait);
			if (l->by_thread[j].held != RESULT_UNKNOWN)
				assert_int_equal(l->by_thread[j].held,
						 l->by_thread[j].held_running +
							 l->by_thread[j].held_runnable +
							 l->by_thread[j].held_blocked);
		}
	}
}

/* ---- exact ---- */

/* A takes, is preempted, sleeps, lets go to B, which waited. */
static void a_probed_hold_is_split_by_what_the_holder_did(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_NONE);
	probe(&s, A, MUTEX, GT_LOCK_REQUEST);
	probe(&s, A, MUTEX, GT_LOCK_ACQUIRED);
	s.us += 100;
	probe(&s, B, MUTEX, GT_LOCK_REQUEST);
	scene_wait(&s, 1, B, MUTEX + 8, OP_MUTEX, 2);
	s.us += 900;
	preempt(&s, 0, A);
	s.us += 3000;
	run_after_others(&s, 0, A);
	s.us += 500;
	scene_sleep(&s, 0, A);
	s.us += 2000;
	scene_timeout(&s, A);
	scene_run(&s, 0, A);
	s.us += 100;
	probe(&s, A, MUTEX, GT_LOCK_RELEASED);
	scene_wake(&s, A, B, MUTEX + 8);
	s.us += 40;
	scene_run(&s, 1, B);
	s.us += 10;
	probe(&s, B, MUTEX, GT_LOCK_ACQUIRED);
	s.us += 200;
	probe(&s, B, MUTEX, GT_LOCK_RELEASED);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 1);
	assert_string_equal(r.locks[0].hold_source, "usdt");
	assert_int_equal(r.locks[0].kind, LOCK_KIND_MUTEX);
	assert_int_equal(r.locks[0].acquisitions, 2);
	assert_int_equal(r.locks[0].releases, 2);
	assert_int_equal(r.locks[0].hold.sum, 6800 * US);
	assert_int_equal(r.locks[0].held_running, 1800 * US);
	assert_int_equal(r.locks[0].held_runnable, 3000 * US);
	assert_int_equal(r.locks[0].held_blocked, 2000 * US);
	assert_int_equal(part_of(&r.locks[0], A)->held, 6600 * US);
	assert_int_equal(charged(&r.locks[0], A, B), 6500 * US);
	assert_int_equal(charged(&r.locks[0], 0, B), 40 * US);
	assert_int_equal(part_of(&r.locks[0], B)->wait_blocked, 6500 * US);
	assert_int_equal(part_of(&r.locks[0], B)->wait_runnable, 40 * US);
	assert_int_equal(r.locks[0].handoff_sum, 40 * US);
	assert_true(part_of(&r.locks[0], A)->hold_share > 0.97);
	/* (6.6 + 0.2)² ÷ (2 · (6.6² + 0.2²)) */
	assert_true(r.locks[0].fairness > 0.530 && r.locks[0].fairness < 0.531);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/* Where nothing tells of having it: at once, or from the last wait on. */
static void without_a_probe_for_having_it_a_thread_has_it_when_it_goes_on(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_NONE);
	probe(&s, A, MUTEX, GT_LOCK_REQUEST);
	s.us += 500;
	probe(&s, B, MUTEX, GT_LOCK_REQUEST);
	scene_wait(&s, 1, B, MUTEX + 8, OP_MUTEX, 2);
	s.us += 500;
	probe(&s, A, MUTEX, GT_LOCK_RELEASED);
	probe(&s, A, MUTEX, GT_LOCK_RELEASED); /* the same, told of inside it */
	scene_wake(&s, A, B, MUTEX + 8);
	s.us += 50;
	scene_run(&s, 1, B);
	s.us += 300;
	probe(&s, B, MUTEX, GT_LOCK_RELEASED);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(r.locks[0].acquisitions, 2);
	assert_int_equal(r.locks[0].releases, 2);
	assert_int_equal(part_of(&r.locks[0], A)->held, 1000 * US);
	assert_int_equal(part_of(&r.locks[0], B)->held, 300 * US);
	assert_int_equal(charged(&r.locks[0], A, B), 500 * US);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

static void held_before_the_probes_were_set(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	s.us += 400;
	sites(&s, GT_INTERPRETER_NONE);
	s.us += 600;
	probe(&s, A, MUTEX, GT_LOCK_RELEASED);
	s.us += 100;
	probe(&s, B, MUTEX, GT_LOCK_REQUEST);
	probe(&s, B, MUTEX, GT_LOCK_ACQUIRED);
	s.us += 700; /* and holds it to the end, which is 1 µs later */
	scene_results(&s, &r);
	assert_int_equal(part_of(&r.locks[0], A)->held, 600 * US);
	assert_int_equal(part_of(&r.locks[0], B)->held, 701 * US);
	assert_int_equal(r.locks[0].acquisitions, 1);
	assert_int_equal(r.locks[0].releases, 1);
	/* Nobody waited: all that is known of it comes from its probes. */
	assert_int_equal(r.locks[0].waits, 0);
	assert_int_equal(r.locks[0].nwords, 0);
	assert_int_equal(r.locks[0].kind, LOCK_KIND_GIL);
	assert_int_equal(r.locks[0].processes[0], 100);
	scene_done(&s, &r);
}

/* 64 bytes apart, and only the second was waited for. */
static void a_word_belongs_to_the_probed_lock_before_it(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_NONE);
	probe(&s, A, MUTEX, GT_LOCK_ACQUIRED);
	probe(&s, A, MUTEX, GT_LOCK_RELEASED);
	probe(&s, A, MUTEX + 64, GT_LOCK_ACQUIRED);
	scene_wait(&s, 1, B, MUTEX + 64, OP_MUTEX, 2);
	s.us += 500;
	probe(&s, A, MUTEX + 64, GT_LOCK_RELEASED);
	scene_wake(&s, A, B, MUTEX + 64);
	scene_run(&s, 1, B);
	probe(&s, B, MUTEX + 64, GT_LOCK_ACQUIRED);
	s.us += 100;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 2);
	assert_int_equal(r.locks[0].words[0].addr, MUTEX + 64);
	assert_int_equal(r.locks[0].acquisitions, 2);
	assert_int_equal(r.locks[1].acquisitions, 1);
	assert_int_equal(r.locks[1].kind, LOCK_KIND_UNKNOWN); /* of two, neither is global */
	scene_done(&s, &r);
}

/* One waits and never wakes, which looks like a queue; but probes tell that it asks for a lock. */
static void waits_while_asking_for_a_lock_are_waits_for_it(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_NONE);
	for (int i = 0; i < 3; i++) {
		probe(&s, A, MUTEX, GT_LOCK_ACQUIRED);
		probe(&s, B, MUTEX, GT_LOCK_REQUEST);
		scene_wait(&s, 1, B, MUTEX + 8, OP_COND, 0);
		s.us += 500;
		probe(&s, A, MUTEX, GT_LOCK_RELEASED);
		scene_wake(&s, A, B, MUTEX + 8);
		scene_run(&s, 1, B);
		probe(&s, B, MUTEX, GT_LOCK_ACQUIRED);
		probe(&s, B, MUTEX, GT_LOCK_RELEASED);
		/* A queue of its own, beside the lock. */
		scene_wait(&s, 1, B, MUTEX + 64, OP_COND, 0);
		s.us += 100;
		scene_wake(&s, A, B, MUTEX + 64);
		scene_run(&s, 1, B);
		s.us += 100;
	}
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 1);
	assert_int_equal(r.locks[0].words[0].addr, MUTEX + 8);
	assert_int_equal(r.locks[0].wait.sum, 1500 * US);
	assert_int_equal(charged(&r.locks[0], A, B), 1500 * US);
	assert_int_equal(r.nevents, 1);
	scene_done(&s, &r);
}

static void interpreter(struct scene *s, uint32_t flags)
{
	struct gt_event *ev = scene_event(s, GT_INTERPRETER, GT_CPU_COLLECTOR);

	ev->u.interpreter.as = 100;
	ev->u.interpreter.kind = GT_INTERPRETER_CPYTHON;
	ev->u.interpreter.flags = flags;
	ev->u.interpreter.name = "CPython 3.11.2";
	ev->u.interpreter.image = "/usr/bin/python3.11";
}

static void an_interpreters_uncontended_lock_is_one_of_its_kind(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_CPYTHON);
	interpreter(&s, GT_INTERPRETER_PROBED);
	probe(&s, A, 0, GT_LOCK_REQUEST);
	s.us += 500;
	probe(&s, A, 0, GT_LOCK_RELEASED);
	s.us += 500;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 1);
	assert_int_equal(r.locks[0].kind, LOCK_KIND_CPYTHON_GIL);
	assert_string_equal(r.locks[0].hold_source, "probes");
	assert_int_equal(r.locks[0].hold.sum, 500 * US);
	assert_string_equal(r.locks[0].image, "/usr/bin/python3.11");
	assert_int_equal(r.processes[0].interpreter.kind, GT_INTERPRETER_CPYTHON);
	assert_string_equal(r.processes[0].interpreter.name, "CPython 3.11.2");
	assert_int_equal(r.nnotes, 0);
	scene_done(&s, &r);
}

static void probes_at_some_places_only_are_no_account_of_a_lock(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_CPYTHON);
	interpreter(&s, GT_INTERPRETER_IN_PART);
	probe(&s, A, 0, GT_LOCK_REQUEST);
	s.us += 500;
	probe(&s, A, 0, GT_LOCK_RELEASED);
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 0);
	assert_int_equal(r.nnotes, 1);
	assert_int_equal(r.notes[0].process, 100);
	assert_non_null(strstr(r.notes[0].text, "CPython 3.11.2"));
	scene_done(&s, &r);
}

/* Of tasks, sites and roles that there are not. */
static void strange_records_are_counted_and_left_out(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	sites(&s, GT_INTERPRETER_NONE);
	site(&s, GT_LOCK_SITES_MAX + 1, GT_LOCK_REQUEST, GT_INTERPRETER_NONE);
	probe(&s, 77, MUTEX, GT_LOCK_ACQUIRED);
	probe(&s, A, MUTEX, 0);
	probe(&s, A, MUTEX, GT_LOCK_ROLES);
	probe(&s, A, MUTEX, UINT32_MAX);
	s.us += 10;
	scene_table(&s);
	assert_int_equal(lock_probed_nlocks(lock_table_probed(s.table)), 0);
	lock_table_free(s.table);
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 0);
	scene_done(&s, &r);
}

/* ---- who keeps whom waiting ---- */

/* A to B to C: each waiter's time is charged to who had the mutex just then. */
static void waiting_time_is_charged_to_the_holder_of_the_moment(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 700;
	scene_wake(&s, A, B, MUTEX); /* so A had it */
	s.us += 20;
	scene_run(&s, 1, B);
	s.us += 400;
	scene_wake(&s, B, C, MUTEX);
	s.us += 30;
	scene_run(&s, 2, C);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(charged(&r.locks[0], A, B), 700 * US);
	assert_int_equal(charged(&r.locks[0], 0, B), 20 * US);
	assert_int_equal(charged(&r.locks[0], A, C), 700 * US);
	assert_int_equal(charged(&r.locks[0], B, C), 400 * US);
	assert_int_equal(charged(&r.locks[0], 0, C), 50 * US);
	assert_int_equal(r.locks[0].pairs[0].time, 700 * US); /* longest first */
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/* B is woken, finds the mutex taken again, and waits on: that moment was waiting, too. */
static void a_lost_race_is_charged(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 500;
	scene_wake(&s, A, B, MUTEX);
	s.us += 10;
	scene_run(&s, 1, B);
	s.us += 5;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 500;
	scene_wake(&s, A, B, MUTEX);
	scene_run(&s, 1, B);
	s.us += 1000;
	scene_results(&s, &r);
	assert_int_equal(part_of(&r.locks[0], B)->races_lost, 1);
	assert_int_equal(part_of(&r.locks[0], B)->wait, 1015 * US);
	assert_in_range(charged(&r.locks[0], A, B), 1000 * US, 1005 * US);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/* A blocks for `us` elsewhere and is back. */
static void asleep(struct scene *s, uint64_t us)
{
	scene_sleep(s, 0, A);
	s->us += us;
	scene_timeout(s, A);
	scene_run(s, 0, A);
}

/* B lets go to A; A then sleeps, with the mutex or not. */
static void begin_with_a_wait(struct scene *s)
{
	begin(s);
	scene_wait(s, 0, A, MUTEX, OP_MUTEX, 2);
	s->us += 100;
	scene_wake(s, B, A, MUTEX);
	scene_run(s, 0, A);
	s->us += 300;
}

/* A sleeps with the mutex, which B finds taken meanwhile. */
static void a_mutex_is_held_asleep(void **state)
{
	struct results r;
	struct scene s;

	begin_with_a_wait(&s);
	scene_sleep(&s, 0, A);
	s.us += 1000;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 1000;
	scene_timeout(&s, A);
	scene_run(&s, 0, A);
	s.us += 100;
	scene_wake(&s, A, B, MUTEX);
	scene_run(&s, 1, B);
	s.us += 100;
	scene_results(&s, &r);
	assert_in_range(part_of(&r.locks[0], A)->held, 2400 * US, 2410 * US);
	scene_done(&s, &r);
}

/*
 * A may have let go before it first slept, without a call, and taken the mutex again without
 * waiting: B, who found it taken when A slept a second time, proves nothing about the time before.
 */
static void two_holds_without_calls_are_not_taken_for_one(void **state)
{
	struct results r;
	struct scene s;

	begin_with_a_wait(&s);
	asleep(&s, 5000);
	s.us += 300;
	scene_sleep(&s, 0, A);
	s.us += 1000;
	scene_wait(&s, 1, B, MUTEX, OP_MUTEX, 2);
	s.us += 1000;
	scene_timeout(&s, A);
	scene_run(&s, 0, A);
	s.us += 100;
	scene_wake(&s, A, B, MUTEX);
	scene_run(&s, 1, B);
	s.us += 100;
	scene_results(&s, &r);
	assert_int_equal(part_of(&r.locks[0], A)->held, RESULT_UNKNOWN); /* left out */
	scene_done(&s, &r);
}

/* ---- a global lock, inferred ---- */

/* `from` lets go and is made to wait until `to` has taken over. */
static void hand_over(struct scene *s, uint32_t from, uint32_t to)
{
	scene_wake(s, from, to, GIL + 4 * (to == A));
	s->us += 6;
	scene_timed_wait(s, from == A ? 0 : 1, from, GIL + 4 * (from == A));
	s->us += 9;
	scene_run(s, to == A ? 0 : 1, to);
}

/* B waits for A's lock, and then they take turns, 5 ms each. */
static void turns(struct scene *s, unsigned int n)
{
	scene_symbol(s, 100, GIL, "the_gil", "/bin/x");
	s->us += 100;
	scene_timed_wait(s, 1, B, GIL);
	for (unsigned int i = 0; i < n; i++) {
		s->us += 5000;
		hand_over(s, i % 2 ? B : A, i % 2 ? A : B);
	}
}

static void a_gil_is_held_by_who_goes_on(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	turns(&s, 40);
	s.us += 5000;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 1);
	assert_int_equal(r.locks[0].kind, LOCK_KIND_GIL);
	assert_string_equal(r.locks[0].hold_source, "inferred");
	/* 41 turns of 5 ms, and what A ran before B came. */
	assert_in_range(r.locks[0].hold.sum, 204 * MS, 206 * MS);
	assert_in_range(part_of(&r.locks[0], A)->held, 104 * MS, 106 * MS);
	assert_in_range(part_of(&r.locks[0], B)->held, 99 * MS, 101 * MS);
	assert_true(r.locks[0].fairness > 0.99);
	assert_in_range(charged(&r.locks[0], A, B), 99 * MS, 101 * MS);
	assert_in_range(charged(&r.locks[0], B, A), 99 * MS, 101 * MS);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/* A had a mutex, and since then has waited for the GIL: whether with the mutex, nothing tells. */
static void a_wait_for_a_gil_is_one_elsewhere(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	scene_run(&s, 2, C);
	scene_wait(&s, 0, A, MUTEX, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, C, A, MUTEX);
	scene_run(&s, 0, A);
	s.us += 300;
	turns(&s, 40);
	scene_wait(&s, 2, C, MUTEX, OP_MUTEX, 2);
	s.us += 100;
	scene_wake(&s, A, C, MUTEX);
	scene_run(&s, 2, C);
	s.us += 100;
	scene_results(&s, &r);
	assert_int_equal(r.nlocks, 2);
	assert_int_equal(r.locks[1].kind, LOCK_KIND_MUTEX);
	assert_int_equal(part_of(&r.locks[1], A)->held, RESULT_UNKNOWN);
	scene_done(&s, &r);
}

static void a_preempted_holder_goes_on_holding(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	turns(&s, 40); /* now A has it */
	s.us += 1000;
	preempt(&s, 0, A);
	s.us += 4000;
	run_after_others(&s, 0, A);
	s.us += 1000;
	hand_over(&s, A, B);
	s.us += 5000;
	scene_results(&s, &r);
	assert_int_equal(part_of(&r.locks[0], A)->held_runnable, 4000 * US);
	assert_int_equal(part_of(&r.locks[0], B)->held_runnable, 0);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/* A sleeps, B waits and is not woken: A sleeps with the lock. */
static void who_sleeps_while_nobody_is_woken_holds_it_asleep(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	turns(&s, 40);
	s.us += 1000;
	scene_sleep(&s, 0, A);
	s.us += 7000;
	scene_timeout(&s, A);
	scene_run(&s, 0, A);
	s.us += 1000;
	hand_over(&s, A, B);
	s.us += 5000;
	scene_results(&s, &r);
	assert_int_equal(part_of(&r.locks[0], A)->held_blocked, 7000 * US);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/*
 * B reads while A computes. Its data comes; it asks, and gets the lock 5 ms later. Another time
 * nobody has it: A waits for data, too.
 */
static void latency_runs_from_the_data_to_the_lock(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	turns(&s, 40);
	s.us += 5000;
	hand_over(&s, A, B);
	scene_wake(&s, B, A, GIL + 4);
	scene_sleep(&s, 1, B);
	s.us += 3;
	scene_run(&s, 0, A);
	s.us += 2000;
	scene_timeout(&s, B);
	s.us += 20;
	scene_run(&s, 1, B);
	s.us += 10;
	scene_timed_wait(&s, 1, B, GIL);
	s.us += 4970;
	hand_over(&s, A, B);
	s.us += 100;
	scene_results(&s, &r);
	assert_int_equal(part_of(&r.locks[0], B)->io_waits, 1);
	assert_int_equal(part_of(&r.locks[0], B)->io_latency.sum, 5015 * US);
	assert_int_equal(part_of(&r.locks[0], A)->io_waits, 0);
	assert_pairs_put_up(&r);
	scene_done(&s, &r);
}

/* B comes back shortly before A sleeps, and goes on: it has the lock from when A has not. */
static void a_hold_begins_when_the_one_before_is_over(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	turns(&s, 40);
	s.us += 5000;
	hand_over(&s, A, B);
	scene_wake(&s, B, A, GIL + 4);
	scene_sleep(&s, 1, B);
	s.us += 3;
	scene_run(&s, 0, A);
	s.us += 2000;
	scene_timeout(&s, B);
	scene_run(&s, 1, B);
	s.us += 100;
	scene_sleep(&s, 0, A);
	s.us += 9000;
	scene_results(&s, &r);
	assert_in_range(r.locks[0].hold.max, 9000 * US, 9020 * US);
	scene_done(&s, &r);
}

/* B's data comes, it waits for a mutex after `ran`, and has the probed lock without waiting next. */
static void data_then_a_mutex_then_a_probed_lock(struct scene *s, uint64_t ran, struct results *r)
{
	begin(s);
	sites(s, GT_INTERPRETER_NONE);
	probe(s, B, 0x5000, GT_LOCK_REQUEST);
	probe(s, B, 0x5000, GT_LOCK_ACQUIRED);
	s->us += 10;
	probe(s, B, 0x5000, GT_LOCK_RELEASED);
	scene_sleep(s, 1, B);
	s->us += 500;
	scene_timeout(s, B);
	s->us += 10;
	scene_run(s, 1, B);
	s->us += ran;
	scene_wait(s, 1, B, MUTEX, OP_MUTEX, 2);
	s->us += 700;
	scene_wake(s, A, B, MUTEX);
	s->us += 5;
	scene_run(s, 1, B);
	s->us += 90;
	probe(s, B, 0x5000, GT_LOCK_REQUEST);
	probe(s, B, 0x5000, GT_LOCK_ACQUIRED);
	s->us += 100;
	probe(s, B, 0x5000, GT_LOCK_RELEASED);
	s->us += 10;
	scene_results(s, r);
	assert_int_equal(r->nlocks, 2);
}

static void data_is_for_the_lock_that_is_wanted_next(void **state)
{
	struct results r;
	struct scene s;

	data_then_a_mutex_then_a_probed_lock(&s, 20, &r);
	assert_string_equal(lock_kind_name(r.locks[0].kind), "mutex");
	assert_int_equal(part_of(&r.locks[0], B)->io_waits, 1);
	assert_int_equal(part_of(&r.locks[0], B)->io_latency.sum, 735 * US);
	assert_int_equal(part_of(&r.locks[1], B)->io_waits, 0);
	scene_done(&s, &r);
}

/* Who computes first did not come for the lock, and what is taken later is not next. */
static void data_that_is_worked_on_first_is_for_no_lock(void **state)
{
	struct results r;
	struct scene s;

	data_then_a_mutex_then_a_probed_lock(&s, 300, &r);
	assert_int_equal(part_of(&r.locks[0], B)->io_waits, 0);
	assert_int_equal(part_of(&r.locks[1], B)->io_waits, 0);
	scene_done(&s, &r);
}

/* ---- notes ---- */

static void notes_are_told_once(void **state)
{
	struct results r;
	struct scene s;

	begin(&s);
	for (int i = 0; i < 3; i++) {
		struct gt_event *ev = scene_event(&s, GT_NOTE, GT_CPU_COLLECTOR);

		ev->u.note.as = i == 2 ? 100 : 0;
		ev->u.note.text = "no symbols";
	}
	s.us += 10;
	scene_results(&s, &r);
	assert_int_equal(r.nnotes, 2);
	assert_int_equal(r.notes[0].process, 0);
	assert_int_equal(r.notes[1].process, 100);
	assert_string_equal(r.notes[1].text, "no symbols");
	scene_done(&s, &r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probed_hold_is_split_by_what_the_holder_did),
		cmocka_unit_test(without_a_probe_for_having_it_a_thread_has_it_when_it_goes_on),
		cmocka_unit_test(held_before_the_probes_were_set),
		cmocka_unit_test(a_word_belongs_to_the_probed_lock_before_it),
		cmocka_unit_test(waits_while_asking_for_a_lock_are_waits_for_it),
		cmocka_unit_test(an_interpreters_uncontended_lock_is_one_of_its_kind),
		cmocka_unit_test(probes_at_some_places_only_are_no_account_of_a_lock),
		cmocka_unit_test(strange_records_are_counted_and_left_out),
		cmocka_unit_test(waiting_time_is_charged_to_the_holder_of_the_moment),
		cmocka_unit_test(a_lost_race_is_charged),
		cmocka_unit_test(a_mutex_is_held_asleep),
		cmocka_unit_test(two_holds_without_calls_are_not_taken_for_one),
		cmocka_unit_test(a_gil_is_held_by_who_goes_on),
		cmocka_unit_test(a_wait_for_a_gil_is_one_elsewhere),
		cmocka_unit_test(a_preempted_holder_goes_on_holding),
		cmocka_unit_test(who_sleeps_while_nobody_is_woken_holds_it_asleep),
		cmocka_unit_test(latency_runs_from_the_data_to_the_lock),
		cmocka_unit_test(a_hold_begins_when_the_one_before_is_over),
		cmocka_unit_test(data_is_for_the_lock_that_is_wanted_next),
		cmocka_unit_test(data_that_is_worked_on_first_is_for_no_lock),
		cmocka_unit_test(notes_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
