/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#define LOCK 0x5000

/* Two threads of process 1, born at the window's start, each on a CPU of its own from then on. */
static void two_free_threads(struct schedule *s, uint64_t length)
{
	schedule_init(s, length, 2);
	add_task(s, 0, 2, 1);
	add_task(s, 0, 3, 1);
	add_switch(s, 0, 0, 0, 2);
	add_switch(s, 0, 1, 0, 3);
}

/* Threads 2 and 3 hand one lock to and fro: each runs 100 µs while the other waits for it. */
static void alternate(struct schedule *s, int rounds)
{
	int64_t at = 0;

	schedule_init(s, (uint64_t)rounds * 200, 2);
	add_task(s, 0, 2, 1);
	add_task(s, 0, 3, 1);
	add_switch(s, 0, 0, 0, 2);
	add_switch(s, 0, 1, 0, 3);
	add_lock(s, 0, 1, 3, 0, LOCK);
	for (int i = 0; i < rounds; i++, at += 200) {
		add_futex_wake(s, at + 100, 0, 3, 2, LOCK);
		add_lock(s, at + 100, 0, 2, 0, LOCK);
		add_switch(s, at + 100, 1, 0, 3);
		if (i + 1 == rounds)
			break;
		add_futex_wake(s, at + 200, 1, 2, 3, LOCK);
		add_lock(s, at + 200, 1, 3, 0, LOCK);
		add_switch(s, at + 200, 0, 0, 2);
	}
}

static void free_threads_run_side_by_side(void **unused)
{
	struct schedule s;
	const struct result_parallelism *p = &s.out.parallelism;

	two_free_threads(&s, 20000);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(p->active, 20000 * US);
	assert_int_equal(p->max, 2);
	assert_int_equal(p->nhistogram, 3);
	assert_int_equal(p->histogram[0], 0);
	assert_int_equal(p->histogram[1], 0);
	assert_int_equal(p->histogram[2], 20000 * US);
	assert_true(p->average == 2 && p->attainable == 2 && p->efficiency == 1);
	assert_true(p->gain_bound == 2 && p->cpus == 2);
	assert_int_equal(p->lock_loss, 0);
	/* Each runs beside the other: half of its time is its own. */
	assert_int_equal(thread_row(&s, 2)->critical, 10000 * US);
	assert_int_equal(s.out.verdict.class, VERDICT_PARALLEL);
	schedule_free(&s);
}

static void alternating_threads_are_serialized(void **unused)
{
	struct schedule s;
	const struct result_parallelism *p = &s.out.parallelism;

	alternate(&s, 100);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(p->active, 20000 * US);
	assert_int_equal(p->histogram[1], 20000 * US);
	assert_int_equal(p->serialized, 20000 * US);
	assert_int_equal(p->lock_loss, 20000 * US); /* one of two CPUs, all the time */
	assert_true(p->average == 1 && p->attainable == 2 && p->efficiency == 0.5);
	assert_true(p->serialized_share == 1 && p->starved_share == 0 && p->gain_bound == 2);
	assert_int_equal(thread_row(&s, 2)->critical, 10000 * US);
	assert_int_equal(thread_row(&s, 2)->lock, 10000 * US);
	assert_int_equal(s.out.verdict.class, VERDICT_SERIALIZED);
	assert_int_equal(s.out.nlocks, 1);
	assert_int_equal(s.out.verdict.lock, s.out.locks[0].id);
	assert_int_equal(process_row(&s, 1)->verdict.class, VERDICT_SERIALIZED);
	schedule_free(&s);
}

/* 2 and 3 share CPU 0 in turns of `slice` µs. */
static void share_one_cpu(struct schedule *s, int64_t slice, int turns)
{
	schedule_init(s, (uint64_t)(slice * turns), 1);
	add_task(s, 0, 2, 1);
	add_task(s, 0, 3, 1);
	add_switch(s, 0, 0, 0, 2);
	for (int i = 1; i < turns; i++)
		add_switch(s, i * slice, 0, i & 1 ? 2 : 3, i & 1 ? 3 : 2);
}

static void waiting_for_a_cpu_starves_from_one_millisecond_on(void **unused)
{
	struct schedule s;

	share_one_cpu(&s, 1000, 30);
	schedule_play(&s);
	assert_true(s.out.parallelism.starved_share == 1);
	assert_true(s.out.parallelism.cpus == 1);
	assert_int_equal(s.out.verdict.class, VERDICT_CPU_STARVED);
	schedule_free(&s);

	share_one_cpu(&s, 999, 30);
	s.meta.cpus_online = s.meta.cpus_allowed = 2;
	schedule_play(&s);
	assert_true(s.out.parallelism.starved_share == 0);
	/* Nor is one alone beside which another could run. */
	assert_int_equal(s.out.verdict.class, VERDICT_MIXED);
	schedule_free(&s);
}

/* Runnable in [0, 5), [1, 3) and [7, 8.5) ms, and twice too short: the union is 6.5 ms. */
static void overlapping_runnable_intervals_count_once(void **unused)
{
	struct schedule s;
	const struct result_parallelism *p = &s.out.parallelism;

	schedule_init(&s, 20000, 4);
	for (uint32_t id = 2; id <= 5; id++)
		add_task(&s, 0, id, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_switch(&s, 0, 2, 0, 4);
	/* 5 waits from its birth until 5 ms */
	add_switch(&s, 1000, 1, 3, 0);
	add_switch(&s, 3000, 1, 0, 3);
	add_switch(&s, 5000, 3, 0, 5);
	add_switch(&s, 6000, 2, 4, 0);
	add_switch(&s, 6500, 2, 0, 4);
	add_switch(&s, 7000, 0, 2, 0);
	add_switch(&s, 8500, 0, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(p->active, 20000 * US);
	assert_float_equal(p->starved_share, 6.5 / 20, 1e-9);
	schedule_free(&s);
}

static void throttled_time_is_not_added_to_the_runnable_time_it_shows_as(void **unused)
{
	struct schedule s;

	share_one_cpu(&s, 1000, 30);
	s.meta.throttled = 10000 * US;
	schedule_play(&s);
	assert_true(s.out.parallelism.starved_share == 1);
	schedule_free(&s);

	two_free_threads(&s, 20000);
	s.meta.throttled = 5000 * US;
	s.meta.cpus_online = 1;
	schedule_play(&s);
	assert_float_equal(s.out.parallelism.starved_share, 0.25, 1e-9);
	schedule_free(&s);

	/* On two CPUs at the same time, as far as is known. */
	two_free_threads(&s, 20000);
	s.meta.throttled = 10000 * US;
	s.meta.cpus_online = 2;
	schedule_play(&s);
	assert_float_equal(s.out.parallelism.starved_share, 0.25, 1e-9);
	schedule_free(&s);
}

/* The launcher's own mask is all CPUs, but it soon pins itself: only what is used for long counts.
 */
static void masks_used_for_less_than_a_hundredth_do_not_count(void **unused)
{
	struct schedule s;

	schedule_init(&s, 100000, 4);
	add_task(&s, 0, 2, 1);
	add_affinity(&s, 0, 2, 0, 0xf);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 500, 0, 2, 2);
	add_affinity(&s, 501, 2, 1, 0x1);
	add_task(&s, 502, 3, 1)->u.task.parent = 2; /* inherits the narrow mask */
	schedule_play(&s);
	assert_true(s.out.parallelism.cpus == 1);
	schedule_free(&s);

	schedule_init(&s, 100000, 4);
	add_task(&s, 0, 2, 1);
	add_affinity(&s, 0, 2, 0, 0xf);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 1500, 0, 2, 2);
	add_affinity(&s, 1501, 2, 1, 0x1);
	schedule_play(&s);
	assert_true(s.out.parallelism.cpus == 4);
	schedule_free(&s);
}

static void threads_pinned_apart_use_all_their_cpus(void **unused)
{
	struct schedule s;

	two_free_threads(&s, 20000);
	s.meta.cpus_online = s.meta.cpus_allowed = 8;
	add_affinity(&s, 1, 2, 0, 0x1);
	add_affinity(&s, 1, 3, 1, 0x4);
	schedule_play(&s);
	assert_true(s.out.parallelism.cpus == 2);
	assert_int_equal(s.out.parallelism.narrow_cpus, 1);
	assert_float_equal(s.out.parallelism.narrow_share, 1, 0.01);
	schedule_free(&s);
}

static void a_mask_of_possible_cpus_is_cut_to_those_online(void **unused)
{
	struct schedule s;

	two_free_threads(&s, 20000);
	add_affinity(&s, 1, 2, 0, UINT64_MAX);
	schedule_play(&s);
	assert_true(s.out.parallelism.cpus == 2);
	schedule_free(&s);
}

static void a_quota_bounds_what_is_attainable(void **unused)
{
	struct schedule s;
	const struct result_parallelism *p = &s.out.parallelism;

	two_free_threads(&s, 20000);
	s.meta.cpu_quota = 1.5;
	schedule_play(&s);
	assert_true(p->cpus == 1.5 && p->attainable == 1.5 && p->gain_bound == 1.5);
	schedule_free(&s);
}

/* A lock held across a sleep: nobody runs, somebody waits. */
static void a_sleeping_holder_serializes_without_running(void **unused)
{
	struct schedule s;

	schedule_init(&s, 20000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_lock(&s, 1000, 1, 3, 0, LOCK);
	add_block(&s, 1000, 0, 2, 0, 230);
	add_waking(&s, 19000, 0, 2, 0);
	add_switch(&s, 19000, 0, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.out.parallelism.active, 20000 * US);
	assert_int_equal(s.out.parallelism.serialized, 19000 * US);
	assert_int_equal(s.out.parallelism.histogram[0], 18000 * US);
	assert_int_equal(s.out.parallelism.lock_loss, 19000 * US);
	assert_int_equal(thread_row(&s, 2)->sleep, 18000 * US);
	schedule_free(&s);
}

static void each_process_has_its_own_numbers(void **unused)
{
	struct schedule s;

	two_free_threads(&s, 20000);
	s.events[1].u.task.process = 4; /* thread 3 is another process */
	schedule_play(&s);
	assert_true(s.out.parallelism.average == 2);
	assert_true(process_row(&s, 1)->parallelism.average == 1);
	assert_int_equal(process_row(&s, 1)->parallelism.active, 20000 * US);
	assert_int_equal(process_row(&s, 4)->verdict.class, VERDICT_SINGLE_THREADED);
	assert_int_equal(s.out.verdict.class, VERDICT_PARALLEL);
	schedule_free(&s);
}

struct clock_check {
	const struct parallelism *p;
	uint64_t last;
	int told;
};

static void read_clock(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct clock_check *c = ctx;
	uint64_t clock = parallelism_serialized_so_far(c->p, NULL, now);

	assert_true(clock >= c->last);
	c->last = clock;
	c->told++;
}

static void the_serialized_clock_never_goes_back(void **unused)
{
	static const struct model_sink sink = { .transition = read_clock };
	struct lock_table *locks;
	struct lock_finder *finder = lock_finder_new();
	struct clock_check check = { 0 };
	struct analysis_set set;
	struct schedule s;
	struct model *m;

	alternate(&s, 100);
	m = model_new(&s.meta, NULL);
	model_add_sink(m, lock_finder_sink(), finder);
	schedule_feed(&s, m);
	model_free(m);
	locks = lock_finder_table(finder);
	m = model_new(&s.meta, locks);
	assert_int_equal(analysis_set_init(&set, m, &s.meta, locks), 0);
	check.p = set.ctx.parallelism;
	assert_int_equal(model_add_sink(m, &sink, &check), 0);
	schedule_feed(&s, m);
	assert_int_equal(check.last, 20000 * US);
	assert_true(check.told > 400);
	analysis_set_release(&set);
	model_free(m);
	lock_table_free(locks);
	lock_finder_free(finder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_threads_run_side_by_side),
		cmocka_unit_test(alternating_threads_are_serialized),
		cmocka_unit_test(waiting_for_a_cpu_starves_from_one_millisecond_on),
		cmocka_unit_test(overlapping_runnable_intervals_count_once),
		cmocka_unit_test(throttled_time_is_not_added_to_the_runnable_time_it_shows_as),
		cmocka_unit_test(masks_used_for_less_than_a_hundredth_do_not_count),
		cmocka_unit_test(threads_pinned_apart_use_all_their_cpus),
		cmocka_unit_test(a_mask_of_possible_cpus_is_cut_to_those_online),
		cmocka_unit_test(a_quota_bounds_what_is_attainable),
		cmocka_unit_test(a_sleeping_holder_serializes_without_running),
		cmocka_unit_test(each_process_has_its_own_numbers),
		cmocka_unit_test(the_serialized_clock_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
