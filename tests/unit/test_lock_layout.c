/* SPDX-License-Identifier: MIT */
/*
 * What tells a GIL on a machine without an idle CPU: its layout, or that it is handed over when a
 * wait for it times out. Two threads share one CPU here, so nobody can ever run side by side.
 */
#include "lock_scene.h"

#include <analysis/lock_kind.h>
#include <analysis/lock_sort.h>

#define COND 0x1000ULL
#define FORCED 0x1058ULL
#define FAR_OFF 0x1090ULL /* no place for the second condition variable of that layout */
#define A 1
#define B 2

static const struct lock_group *group_of(const struct scene *s, uint64_t addr)
{
	const struct lock_group *g = lock_table_find(s->table, 100, addr);

	assert_non_null(g);
	return g;
}

/* Both words of the condition variable are in use: one thread is always on the same. */
static uint64_t half_of(uint32_t id)
{
	return id == A ? COND + 4 : COND;
}

/* `id` takes the CPU from `from`, which could run on. */
static void preempt(struct scene *s, uint32_t from, uint32_t id)
{
	struct gt_event *ev = scene_event(s, GT_SWITCH, 0);

	ev->task = from;
	ev->peer = id;
	ev->flags = GT_F_PREEMPTED;
}

/* `to`, whose wait times out, shows itself and waits on; `from` runs before and after. */
static void round_times_out(struct scene *s, uint32_t from, uint32_t to)
{
	s->us += 5000;
	scene_timeout(s, to);
	s->us += 5;
	preempt(s, from, to);
	s->us += 5;
	scene_wait_to(s, 0, to, half_of(to), OP_COND, 0, true, from);
}

/* `from`, made to let go, waits on `forced` until `to` has taken over, then for its own turn. */
static void forced_handover(struct scene *s, uint32_t from, uint32_t to, uint64_t forced)
{
	round_times_out(s, from, to);
	s->us += 3000;
	scene_wake(s, from, to, half_of(to));
	s->us += 5;
	scene_wait_to(s, 0, from, forced, OP_COND_REALTIME, 0, false, to);
	s->us += 5;
	scene_wake(s, to, from, forced);
	s->us += 5;
	preempt(s, to, from);
	s->us += 5;
	scene_wait_to(s, 0, from, half_of(from), OP_COND, 0, true, to);
}

/* `to` is woken `after` µs after its wait went on, and `from` waits for its own turn. */
static void handover_after(struct scene *s, uint32_t from, uint32_t to, uint64_t after)
{
	round_times_out(s, from, to);
	s->us += after;
	scene_wake(s, from, to, half_of(to));
	s->us += 500;
	scene_wait_to(s, 0, from, half_of(from), OP_COND, 0, true, to);
}

static void one_cpu(struct scene *s)
{
	scene_init(s, 1);
	scene_thread(s, A);
	scene_thread(s, B);
	scene_run(s, 0, B);
	s->us += 10;
	scene_wait_to(s, 0, B, half_of(B), OP_COND, 0, true, A);
}

static void forced(struct scene *s, int rounds, uint64_t forced)
{
	one_cpu(s);
	for (int i = 0; i < rounds; i++)
		forced_handover(s, i & 1 ? B : A, i & 1 ? A : B, forced);
	scene_table(s);
}

static void layout_needs_no_idle_cpu(void **state)
{
	struct scene s;

	forced(&s, 8, FORCED);
	assert_int_equal(group_of(&s, COND)->evidence.handovers_idle, 0);
	assert_int_equal(group_of(&s, COND)->sort, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_GIL);
	assert_ptr_equal(group_of(&s, FORCED), group_of(&s, COND));
	scene_free(&s);
}

/*
 * B comes from elsewhere and goes there with the lock free; A computes and is made to let go. So
 * only B ever waits for the lock, and only A for its successor. `after`: µs from when B's wait
 * times out until A answers.
 */
static void convoy(struct scene *s, int rounds, uint64_t second, uint64_t after)
{
	one_cpu(s);
	for (int i = 0; i < rounds; i++) {
		round_times_out(s, A, B);
		s->us += after;
		scene_wake(s, A, B, half_of(B));
		s->us += 5;
		scene_wait_to(s, 0, A, second, OP_COND_REALTIME, 0, false, B);
		s->us += 5;
		scene_wake(s, B, A, second);
		s->us += 10;
		scene_sleep(s, 0, B);
		scene_run(s, 0, A);
		s->us += 3000;
		preempt(s, A, B);
		s->us += 10;
		scene_wait_to(s, 0, B, half_of(B), OP_COND, 0, true, A);
	}
	scene_table(s);
}

static void nobody_need_wait_on_both(void **state)
{
	struct scene s;

	convoy(&s, 12, FORCED, 20);
	assert_int_equal(group_of(&s, COND)->sort, SORT_LOCK);
	assert_int_equal(group_of(&s, COND)->kind, LOCK_KIND_GIL);
	assert_ptr_equal(group_of(&s, FORCED), group_of(&s, COND));
	scene_free(&s);
}

static void request_and_response_stay_two(void **state)
{
	struct scene s;

	convoy(&s, 12, FORCED, 3000); /* answered when it is done, not when it is asked */
	assert_ptr_not_equal(group_of(&s, FORCED), group_of(&s, COND));
	assert_int_not_equal(group_of(&s, COND)->sort, SORT_LOCK);
	scene_free(&s);
	convoy(&s, 12, FAR_OFF, 20);
	assert_ptr_not_equal(group_of(&s, FAR_OFF), group_of(&s, COND));
	scene_free(&s);
}

static void another_layout_proves_nothing(void **state)
{
	struct scene s;

	forced(&s, 8, FAR_OFF);
	assert_int_equal(group_of(&s, COND)->sort, SORT_UNPROVEN);
	scene_free(&s);
}

static void once_or_twice_may_be_chance(void **state)
{
	struct scene s;

	forced(&s, 2, FORCED);
	assert_int_equal(group_of(&s, COND)->sort, SORT_UNPROVEN);
	scene_free(&s);
}

static void handed_over(struct scene *s, int rounds, uint64_t after)
{
	one_cpu(s);
	for (int i = 0; i < rounds; i++)
		handover_after(s, i & 1 ? B : A, i & 1 ? A : B, after);
	scene_table(s);
}

static void given_when_a_wait_times_out(void **state)
{
	struct scene s;

	handed_over(&s, 24, 20);
	assert_int_equal(group_of(&s, COND)->sort, SORT_LOCK);
	scene_free(&s);
	handed_over(&s, 12, 20);
	assert_int_equal(group_of(&s, COND)->sort, SORT_UNPROVEN);
	scene_free(&s);
}

/* Workers that wake each other for new work also look about now and then: no lock for that. */
static void time_outs_beside_hand_overs_ask_for_nothing(void **state)
{
	struct scene s;

	handed_over(&s, 40, 3000);
	assert_int_equal(group_of(&s, COND)->sort, SORT_UNPROVEN);
	scene_free(&s);
}

static enum lock_sort sort_of(struct lock_evidence evidence)
{
	struct lock_group g = { .evidence = evidence };

	lock_sort_group(&g);
	return g.sort;
}

/* Twice is too little to call it a queue; whoever waits without a limit waits for another's work.
 */
static void a_few_timed_waits_prove_nothing(void **state)
{
	struct lock_evidence e = { .waiters = 1, .handovers = 2, .timed = true, .bitset = true };

	assert_int_equal(sort_of(e), SORT_UNPROVEN);
	e.handovers = 20;
	assert_int_equal(sort_of(e), SORT_QUEUE);
	e.handovers = 2;
	e.untimed = true;
	assert_int_equal(sort_of(e), SORT_QUEUE);
}

/* Locks came to 0.2 at most, other waits to 0.14 and more: between, neither is claimed. */
static void neither_lock_nor_queue_is_claimed_between(void **state)
{
	struct lock_evidence e = {
		.both = 2, .symmetry = 1, .handovers = 100, .handovers_idle = 50, .bitset = true
	};

	e.side_by_side = 0.14;
	assert_int_equal(sort_of(e), SORT_LOCK);
	e.side_by_side = 0.2;
	assert_int_equal(sort_of(e), SORT_UNPROVEN);
	e.side_by_side = 0.25;
	assert_int_equal(sort_of(e), SORT_QUEUE);
}

static void running_on_side_by_side_outweighs_likeness(void **state)
{
	struct lock_evidence e = { .both = 2,
				   .symmetry = 1,
				   .handovers = 100,
				   .handovers_idle = 50,
				   .asked = 100,
				   .gil_layout = true,
				   .bitset = true };

	e.side_by_side = 0.3;
	assert_int_equal(sort_of(e), SORT_LOCK);
	e.side_by_side = 0.5;
	assert_int_equal(sort_of(e), SORT_QUEUE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_needs_no_idle_cpu),
		cmocka_unit_test(nobody_need_wait_on_both),
		cmocka_unit_test(request_and_response_stay_two),
		cmocka_unit_test(another_layout_proves_nothing),
		cmocka_unit_test(once_or_twice_may_be_chance),
		cmocka_unit_test(given_when_a_wait_times_out),
		cmocka_unit_test(time_outs_beside_hand_overs_ask_for_nothing),
		cmocka_unit_test(a_few_timed_waits_prove_nothing),
		cmocka_unit_test(neither_lock_nor_queue_is_claimed_between),
		cmocka_unit_test(running_on_side_by_side_outweighs_likeness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
