/* SPDX-License-Identifier: MIT */
#include "schedule.h"

static uint64_t held(const struct schedule *s, uint32_t cpu, uint32_t thread)
{
	for (size_t i = 0; i < s->out.noccupancy; i++)
		if (s->out.occupancy[i].cpu == cpu && s->out.occupancy[i].thread == thread)
			return s->out.occupancy[i].run;
	return 0;
}

static void a_cpus_shares_are_what_the_records_say(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_event(&s, 0, 0, GT_ON_CPU, 0)->flags = GT_F_NEXT_IDLE;
	add_task(&s, 50, 2, 1);
	add_switch(&s, 100, 0, 0, 2);				  /* idle until here */
	add_block(&s, 300, 0, 2, 0, 0)->flags &= ~GT_F_NEXT_IDLE; /* a stranger follows */
	add_switch(&s, 450, 0, 0, 2)->flags = 0;
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(cpu_row(&s, 0)->idle, 100 * US);
	assert_int_equal(cpu_row(&s, 0)->other, 150 * US);
	assert_int_equal(cpu_row(&s, 0)->workload, 750 * US);
	schedule_free(&s);
}

static void a_stretch_of_idle_and_others_is_split_as_told(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_event(&s, -500, 0, GT_ON_CPU, 0)->flags = GT_F_NEXT_IDLE;
	ev = add_event(&s, 500, 0, GT_CPU, 0); /* half of it before the window */
	ev->u.cpu_span.start = 500 * US;
	ev->u.cpu_span.idle = 600 * US;
	ev = add_event(&s, 700, 0, GT_CPU, 0);
	ev->flags = GT_F_NEXT_IDLE;
	ev->u.cpu_span.start = 1500 * US;
	ev->u.cpu_span.idle = 50 * US;
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(cpu_row(&s, 0)->idle, (300 + 50 + 300) * US);
	assert_int_equal(cpu_row(&s, 0)->other, (200 + 150) * US);
	schedule_free(&s);
}

static void shares_add_up_whatever_a_record_claims(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 1);
	ev = add_event(&s, 400, 0, GT_CPU, 0);
	ev->u.cpu_span.start = 0;
	ev->u.cpu_span.idle = UINT64_MAX;
	add_task(&s, 400, 2, 1);
	add_switch(&s, 500, 0, 0, 2);
	ev = add_event(&s, 600, 0, GT_CPU, 0); /* while thread 2 has the CPU */
	ev->u.cpu_span.start = 1100 * US;
	ev->u.cpu_span.idle = 500 * US;
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(held(&s, 0, 2), thread_row(&s, 2)->run);
	schedule_free(&s);
}

static void threads_are_told_apart_on_each_cpu(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_switch(&s, 200, 0, 2, 0);
	add_switch(&s, 300, 1, 3, 2); /* 2 migrates */
	add_switch(&s, 600, 1, 2, 3);
	add_switch(&s, 700, 0, 0, 2); /* and back */
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(held(&s, 0, 2), (200 + 300) * US);
	assert_int_equal(held(&s, 1, 2), 300 * US);
	assert_int_equal(held(&s, 1, 3), (300 + 400) * US);
	assert_int_equal(held(&s, 0, 3), 0);
	assert_int_equal(cpu_row(&s, 0)->migrations_in, 1);
	assert_int_equal(cpu_row(&s, 1)->migrations_in, 1);
	assert_int_equal(thread_row(&s, 2)->migrations, 2);
	assert_int_equal(thread_row(&s, 3)->migrations, 0);
	schedule_free(&s);
}

static struct gt_event *add_cpu_sum(struct schedule *s, uint32_t cpu, uint64_t traced,
				    uint64_t other, uint64_t idle)
{
	struct gt_event *ev = add_event(s, 1000, cpu, GT_CPU_SUM, 0);

	ev->u.cpu_sum.traced = traced * US;
	ev->u.cpu_sum.other = other * US;
	ev->u.cpu_sum.idle = idle * US;
	return ev;
}

static void run_100_us_of_1000(struct schedule *s)
{
	schedule_init(s, 1000, 1);
	add_event(s, 0, 0, GT_ON_CPU, 0)->flags = GT_F_NEXT_IDLE;
	add_task(s, 0, 2, 1);
	add_switch(s, 100, 0, 0, 2);
	add_end(s, 200, 0, 2, 0);
}

static void the_audit_compares_with_the_kernel_sides_sums(void **unused)
{
	struct schedule s;

	run_100_us_of_1000(&s);
	schedule_play(&s);
	assert_true(s.out.audit_cpu_error < 0 && s.out.audit_task_error < 0); /* no sums */
	schedule_free(&s);

	run_100_us_of_1000(&s);
	add_event(&s, 200, 0, GT_TASK_SUM, 2)->u.task_sum.run = 100 * US;
	add_cpu_sum(&s, 0, 100, 0, 900);
	schedule_play(&s);
	assert_true(s.out.audit_cpu_error == 0 && s.out.audit_task_error == 0);
	schedule_free(&s);

	run_100_us_of_1000(&s);
	add_event(&s, 200, 0, GT_TASK_SUM, 2)->u.task_sum.run = 2000 * US;
	add_cpu_sum(&s, 0, 200, 0, 800);
	schedule_play(&s);
	assert_float_equal(s.out.audit_cpu_error, 0.1, 1e-9);
	assert_float_equal(s.out.audit_task_error, 0.95, 1e-9);
	schedule_free(&s);
}

static void the_audit_covers_the_time_before_the_window(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, -600, 2, 1);
	add_switch(&s, -500, 0, 0, 2);
	add_end(&s, 400, 0, 2, 0);
	add_event(&s, 400, 0, GT_TASK_SUM, 2)->u.task_sum.run = 900 * US;
	schedule_play(&s);
	assert_true(s.out.audit_task_error == 0);
	assert_int_equal(thread_row(&s, 2)->run, 400 * US);
	schedule_free(&s);
}

/* A stretch of idle and others across the opening: what the kernel side says of all of it counts.
 */
static void the_audit_takes_a_stretch_across_the_opening_as_told(void **unused)
{
	struct schedule s;
	struct gt_event *ev;

	schedule_init(&s, 1000, 1);
	add_event(&s, -500, 0, GT_ON_CPU, 0);
	ev = add_event(&s, -400, 0, GT_CPU, 0);
	ev->u.cpu_span.start = s.meta.start - 500 * US;
	ev->flags = GT_F_NEXT_IDLE;
	ev = add_event(&s, 400, 0, GT_CPU, 0);
	ev->u.cpu_span.start = s.meta.start - 400 * US;
	ev->u.cpu_span.idle = 100 * US;
	add_cpu_sum(&s, 0, 0, 1400, 100);
	schedule_play(&s);
	assert_true(s.out.audit_cpu_error == 0);
	assert_int_equal(s.out.cpus[0].idle, 50 * US);
	schedule_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpus_shares_are_what_the_records_say),
		cmocka_unit_test(a_stretch_of_idle_and_others_is_split_as_told),
		cmocka_unit_test(shares_add_up_whatever_a_record_claims),
		cmocka_unit_test(threads_are_told_apart_on_each_cpu),
		cmocka_unit_test(the_audit_compares_with_the_kernel_sides_sums),
		cmocka_unit_test(the_audit_covers_the_time_before_the_window),
		cmocka_unit_test(the_audit_takes_a_stretch_across_the_opening_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
