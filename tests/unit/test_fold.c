/* SPDX-License-Identifier: MIT */
/* Time by stacks: its sums are those of the threads' states, and what is unknown is not made up. */
#include "schedule.h"

#define EVERYTHING (GT_STACKS_LOCK | GT_STACKS_OFFCPU | GT_STACKS_WAKE | GT_STACKS_ONCPU)
#define MUTEX 0x1000

static struct schedule s;

static void add_stack_of(int64_t at, uint32_t cpu, uint32_t task, uint32_t stack)
{
	add_event(&s, at, cpu, GT_STACK_OF, task)->u.stack_of.stack = stack;
}

static void add_sample(int64_t at, uint32_t cpu, uint32_t task, uint32_t stack, uint64_t us)
{
	struct gt_event *ev = add_event(&s, at, cpu, GT_SAMPLE, task);

	ev->u.sample.stack = stack;
	ev->u.sample.period = us * US;
}

static void add_frame(int64_t at, uint32_t frame, const char *name)
{
	struct gt_event *ev = add_event(&s, at, GT_CPU_COLLECTOR, GT_FRAME, 0);

	ev->u.frame.frame = frame;
	ev->u.frame.name = name;
	ev->u.frame.image = "/bin/prog";
	ev->u.frame.file = "";
}

static void add_stack(int64_t at, uint32_t stack, uint32_t flags, const uint32_t *frames,
		      uint32_t n)
{
	struct gt_event *ev = add_event(&s, at, GT_CPU_COLLECTOR, GT_STACK, 0);

	ev->u.stack.stack = stack;
	ev->u.stack.flags = flags;
	ev->u.stack.nframes = n;
	ev->u.stack.frames = frames;
}

static uint64_t state_time(const struct result_thread *t, enum state state)
{
	switch (state) {
	case STATE_RUNNABLE:
		return t->runnable;
	case STATE_LOCK:
		return t->lock;
	case STATE_EVENT:
		return t->event;
	case STATE_IO:
		return t->io;
	case STATE_KERNEL_LOCK:
		return t->kernel_lock;
	case STATE_SLEEP:
		return t->sleep;
	case STATE_OTHER:
		return t->other;
	default:
		return t->unknown;
	}
}

/* Of every thread and state: what its weights add up to is what its row says. */
static void assert_sums_are_states(void)
{
	uint64_t total[STACK_KINDS] = { 0 }, complete[STACK_KINDS] = { 0 };

	for (size_t i = 0; i < s.out.nthreads; i++) {
		const struct result_thread *t = &s.out.threads[i];
		uint64_t off[STATE_COUNT] = { 0 }, lock = 0;

		for (size_t k = 0; k < s.out.nweights; k++) {
			const struct result_weight *w = &s.out.weights[k];

			if (w->thread == t->id && w->kind == STACK_OFFCPU)
				off[w->state] += w->ns;
			if (w->thread == t->id && w->kind == STACK_LOCK)
				lock += w->ns;
		}
		assert_int_equal(lock, t->lock);
		for (int state = STATE_RUNNABLE; state <= STATE_UNKNOWN; state++)
			assert_int_equal(off[state], state_time(t, state));
	}
	for (size_t k = 0; k < s.out.nweights; k++) {
		const struct result_weight *w = &s.out.weights[k];

		total[w->kind] += w->ns;
		if (w->stack && s.out.stacks[w->stack - 1].flags & GT_STACK_COMPLETE)
			complete[w->kind] += w->ns;
	}
	for (int kind = 0; kind < STACK_KINDS; kind++) {
		assert_int_equal(s.out.stack_sums[kind].ns, total[kind]);
		assert_int_equal(s.out.stack_sums[kind].complete, complete[kind]);
	}
}

/* The innermost frame of a stack of the results. */
static const char *top(uint32_t stack)
{
	return stack ? s.out.frames[s.out.stacks[stack - 1].frames[0]].name : "none";
}

static const struct result_weight *weight(enum stack_kind kind, uint32_t thread, enum state state,
					  const char *innermost)
{
	for (size_t i = 0; i < s.out.nweights; i++) {
		const struct result_weight *w = &s.out.weights[i];

		if (w->kind == kind && w->thread == thread &&
		    (kind != STACK_OFFCPU || w->state == state) &&
		    !strcmp(top(w->stack), innermost))
			return w;
	}
	fail_msg("no weight of kind %d for thread %u in state %d at %s", kind, thread, state,
		 innermost);
	return NULL;
}

/*
 * Thread 1 holds a mutex for which 2 and 3 wait; it wakes 2, which wakes 3. The stacks of 2 and 3
 * are told at the end, that of thread 1's waking never.
 */
static void lock_scene(uint32_t stacks)
{
	static const uint32_t frames[] = { 11, 12 }, waker[] = { 13, 12 };

	schedule_init(&s, 1000, 4);
	s.meta.stacks = stacks;
	for (uint32_t id = 1; id <= 3; id++)
		add_task(&s, 0, id, 1);
	for (uint32_t id = 1; id <= 3; id++)
		add_switch(&s, 0, id - 1, 0, id);
	add_stack_of(100, 1, 2, 5);
	add_lock(&s, 100, 1, 2, 0, MUTEX);
	add_stack_of(200, 2, 3, 5);
	add_lock(&s, 200, 2, 3, 0, MUTEX);
	add_stack_of(300, 0, 1, 6);
	add_futex_wake(&s, 300, 0, 2, 1, MUTEX);
	add_switch(&s, 310, 1, 0, 2);
	add_stack_of(400, 1, 2, 7);
	add_futex_wake(&s, 400, 1, 3, 2, MUTEX);
	add_switch(&s, 420, 2, 0, 3);
	add_stack_of(500, 2, 3, 8);
	add_block(&s, 500, 2, 3, 0, NR_READ);
	add_block(&s, 600, 1, 2, 0, NR_READ);
	add_waking(&s, 700, 1, 2, 0);
	add_switch(&s, 720, 1, 0, 2);
	add_frame(900, 11, "lock_wait");
	add_frame(900, 12, "main");
	add_frame(900, 13, "lock_wake");
	add_stack(900, 5, GT_STACK_COMPLETE, frames, 2);
	add_stack(900, 7, GT_STACK_COMPLETE, waker, 2);
	add_stack(900, 8, GT_STACK_TRUNCATED, frames, 1);
	schedule_play(&s);
}

static void lock_time_has_waiter_and_waker(void **state)
{
	const struct result_weight *w;

	lock_scene(GT_STACKS_LOCK);
	assert_sums_add_up(&s);
	w = weight(STACK_LOCK, 2, STATE_LOCK, "lock_wait");
	assert_int_equal(w->ns, 200 * US);
	assert_int_equal(w->count, 1);
	assert_int_equal(w->lock, s.out.locks[0].id);
	assert_int_equal(w->other_thread, 1);
	assert_string_equal(top(w->other), "[stack not kept]");
	assert_false(s.out.stacks[w->other - 1].flags & GT_STACK_COMPLETE);
	w = weight(STACK_LOCK, 3, STATE_LOCK, "lock_wait");
	assert_int_equal(w->ns, 200 * US);
	assert_int_equal(w->other_thread, 2);
	assert_string_equal(top(w->other), "lock_wake");
	/* Nothing else was asked for, so nothing else is claimed. */
	assert_int_equal(s.out.nweights, 2);
	assert_int_equal(s.out.stack_sums[STACK_LOCK].ns, 400 * US);
	assert_int_equal(s.out.stack_sums[STACK_LOCK].complete, 400 * US);
	schedule_free(&s);
}

/*
 * Thread 2 waits for a mutex in rounds of 100 us. Nobody ends the first two, thread 1 the third: it
 * kept 2 waiting through all of them. What 2 waited before it gave up once is nobody's.
 */
static void rounds_are_whoevers_ended_the_wait(void **state)
{
	static const uint32_t frames[] = { 11, 12 };
	const struct result_weight *ended = NULL, *given_up = NULL;

	schedule_init(&s, 2000, 2);
	s.meta.stacks = GT_STACKS_LOCK;
	for (uint32_t id = 1; id <= 2; id++)
		add_task(&s, 0, id, 1);
	for (uint32_t id = 1; id <= 2; id++)
		add_switch(&s, 0, id - 1, 0, id);
	for (int64_t at = 100; at <= 1000; at += at == 100 ? 700 : 100) {
		add_stack_of(at, 1, 2, 5);
		add_lock(&s, at, 1, 2, 0, MUTEX)->flags |= GT_F_TIMED;
		if (at < 1000)
			add_waking(&s, at + 90, 1, 2, 0);
		else
			add_futex_wake(&s, at + 90, 0, 2, 1, MUTEX);
		add_switch(&s, at + 95, 1, 0, 2);
	}
	add_frame(1900, 11, "lock_wait");
	add_frame(1900, 12, "main");
	add_stack(1900, 5, GT_STACK_COMPLETE, frames, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	for (size_t i = 0; i < s.out.nweights; i++)
		*(s.out.weights[i].other_thread ? &ended : &given_up) = &s.out.weights[i];
	assert_int_equal(s.out.nweights, 2);
	assert_int_equal(ended->other_thread, 1);
	assert_int_equal(ended->ns, 270 * US);
	assert_int_equal(ended->count, 3);
	assert_int_equal(given_up->ns, 90 * US);
	schedule_free(&s);
}

static void every_state_adds_up(void **state)
{
	lock_scene(EVERYTHING);
	assert_sums_are_states();
	assert_int_equal(weight(STACK_OFFCPU, 2, STATE_LOCK, "lock_wait")->ns, 200 * US);
	/* Woken, it waits for a CPU at the same place. */
	assert_int_equal(weight(STACK_OFFCPU, 2, STATE_RUNNABLE, "lock_wait")->ns, 10 * US);
	assert_int_equal(weight(STACK_OFFCPU, 3, STATE_IO, "lock_wait")->ns, 500 * US);
	/* A block without a stack does not go by the one before. */
	assert_int_equal(weight(STACK_OFFCPU, 2, STATE_IO, "none")->ns, 100 * US);
	assert_int_equal(weight(STACK_OFFCPU, 2, STATE_RUNNABLE, "none")->ns, 20 * US);
	schedule_free(&s);
}

static void a_waking_is_its_wakers(void **state)
{
	const struct result_weight *w;

	lock_scene(EVERYTHING);
	w = weight(STACK_WAKE, 2, STATE_LOCK, "lock_wake");
	assert_int_equal(w->other_thread, 3);
	assert_int_equal(w->count, 1);
	assert_int_equal(w->ns, 200 * US);
	w = weight(STACK_WAKE, 1, STATE_LOCK, "[stack not kept]");
	assert_int_equal(w->other_thread, 2);
	/* A timer's is nobody's. */
	assert_int_equal(s.out.stack_sums[STACK_WAKE].count, 2);
	schedule_free(&s);
}

/* Same time and CPU, but another task's, or the right task's but of an earlier time. */
static void a_stack_belongs_to_its_own_record(void **state)
{
	schedule_init(&s, 1000, 2);
	s.meta.stacks = EVERYTHING;
	add_task(&s, 0, 1, 1);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 1);
	add_stack_of(50, 0, 1, 5);
	add_stack_of(100, 1, 1, 5);
	add_stack_of(100, 0, 2, 5);
	add_block(&s, 100, 0, 1, 0, NR_READ);
	schedule_play(&s);
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_IO, "none")->ns, 900 * US);
	assert_sums_are_states();
	schedule_free(&s);
}

/* Two CPUs may interleave at one moment; each has its own stack. */
static void two_cpus_at_one_time(void **state)
{
	static const uint32_t one[] = { 1 }, two[] = { 2 };

	schedule_init(&s, 1000, 2);
	s.meta.stacks = EVERYTHING;
	add_frame(0, 1, "one");
	add_frame(0, 2, "two");
	add_stack(0, 1, GT_STACK_COMPLETE, one, 1);
	add_stack(0, 2, GT_STACK_COMPLETE, two, 1);
	for (uint32_t id = 1; id <= 2; id++)
		add_task(&s, 0, id, 1);
	for (uint32_t id = 1; id <= 2; id++)
		add_switch(&s, 0, id - 1, 0, id);
	add_stack_of(100, 0, 1, 1);
	add_stack_of(100, 1, 2, 2);
	add_block(&s, 100, 0, 1, 0, NR_READ);
	add_block(&s, 100, 1, 2, 0, NR_READ);
	schedule_play(&s);
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_IO, "one")->ns, 900 * US);
	assert_int_equal(weight(STACK_OFFCPU, 2, STATE_IO, "two")->ns, 900 * US);
	schedule_free(&s);
}

/* Woken on its way to sleep: the waking is told at the switch-in, with its stack all the same. */
static void an_early_waking_keeps_its_stack(void **state)
{
	static const uint32_t frames[] = { 1 };

	schedule_init(&s, 1000, 2);
	s.meta.stacks = EVERYTHING;
	for (uint32_t id = 1; id <= 2; id++)
		add_task(&s, 0, id, 1);
	for (uint32_t id = 1; id <= 2; id++)
		add_switch(&s, 0, id - 1, 0, id);
	add_stack_of(100, 1, 2, 3);
	add_futex_wake(&s, 100, 1, 1, 2, MUTEX);
	add_lock(&s, 101, 0, 1, 0, MUTEX);
	add_switch(&s, 110, 0, 0, 1);
	add_frame(900, 1, "early");
	add_stack(900, 3, GT_STACK_COMPLETE, frames, 1);
	schedule_play(&s);
	assert_int_equal(weight(STACK_LOCK, 1, STATE_LOCK, "none")->ns, 9 * US);
	assert_int_equal(weight(STACK_LOCK, 1, STATE_LOCK, "none")->other_thread, 2);
	assert_string_equal(top(weight(STACK_LOCK, 1, STATE_LOCK, "none")->other), "early");
	assert_int_equal(weight(STACK_WAKE, 2, STATE_NONE, "early")->ns, 0);
	assert_sums_are_states();
	schedule_free(&s);
}

/* What was lost is nobody's stack, and the time up to the loss is kept. */
static void lost_time_has_no_stack(void **state)
{
	static const uint32_t frames[] = { 1 };
	struct gt_event *ev;

	schedule_init(&s, 1000, 2);
	s.meta.stacks = EVERYTHING;
	add_task(&s, 0, 1, 1);
	add_switch(&s, 0, 0, 0, 1);
	add_frame(0, 1, "sleeper");
	add_stack(0, 4, GT_STACK_COMPLETE, frames, 1);
	add_stack_of(100, 0, 1, 4);
	add_block(&s, 100, 0, 1, 0, NR_READ);
	ev = add_event(&s, 600, 0, GT_LOST, 0);
	ev->u.lost.reason = GT_LOSS_RING_FULL;
	ev->u.lost.count = 3;
	ev->u.lost.first = (WINDOW_START + 400) * US;
	ev->u.lost.last = (WINDOW_START + 590) * US;
	schedule_play(&s);
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_IO, "sleeper")->ns, 300 * US);
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_UNKNOWN, "none")->ns, 600 * US);
	assert_sums_are_states();
	schedule_free(&s);
}

/* 1, 2 and 4 threads run: a sample's criticality is its period divided by that. */
static void samples_weigh_by_who_runs_beside(void **state)
{
	static const uint32_t frames[] = { 1 };

	schedule_init(&s, 1000, 4);
	s.meta.stacks = EVERYTHING;
	for (uint32_t id = 1; id <= 4; id++)
		add_task(&s, 0, id, 1);
	add_switch(&s, 0, 0, 0, 1);
	add_frame(0, 1, "work");
	add_stack(0, 9, GT_STACK_COMPLETE, frames, 1);
	add_sample(10, 0, 1, 9, 1000);
	add_switch(&s, 100, 1, 0, 2);
	add_sample(110, 0, 1, 9, 1000);
	add_switch(&s, 200, 2, 0, 3);
	add_switch(&s, 200, 3, 0, 4);
	add_sample(210, 0, 1, 9, 1000);
	add_sample(220, 1, 2, 0, 1000);
	schedule_play(&s);
	assert_int_equal(weight(STACK_ONCPU, 1, STATE_NONE, "work")->ns, 3000 * US);
	assert_int_equal(weight(STACK_ONCPU, 1, STATE_NONE, "work")->count, 3);
	assert_int_equal(weight(STACK_CRITICAL, 1, STATE_NONE, "work")->ns,
			 (1000 + 500 + 250) * US);
	assert_int_equal(weight(STACK_CRITICAL, 2, STATE_NONE, "none")->ns, 250 * US);
	assert_int_equal(s.out.stack_sums[STACK_ONCPU].ns, 4000 * US);
	assert_int_equal(s.out.stack_sums[STACK_ONCPU].complete, 3000 * US);
	schedule_free(&s);
}

static void samples_outside_the_window_do_not_count(void **state)
{
	schedule_init(&s, 1000, 1);
	s.meta.stacks = EVERYTHING;
	add_task(&s, -500, 1, 1);
	add_sample(-100, 0, 1, 1, 10);
	add_switch(&s, 0, 0, 0, 1);
	add_sample(500, 0, 1, 1, UINT64_MAX / US);
	add_sample(1001, 0, 1, 1, 10);
	schedule_play(&s);
	assert_int_equal(s.out.stack_sums[STACK_ONCPU].count, 1);
	/* And none stands for more than the window. */
	assert_int_equal(s.out.stack_sums[STACK_ONCPU].ns, 1000 * US);
	schedule_free(&s);
}

/* Numbers that mean nothing, are told twice, or hold nothing. */
static void hostile_numbers(void **state)
{
	static const uint32_t frames[] = { UINT32_MAX, 0, 7, 7 };

	schedule_init(&s, 1000, 2);
	s.meta.stacks = EVERYTHING;
	add_task(&s, 0, 1, 1);
	add_switch(&s, 0, 0, 0, 1);
	add_stack_of(10, 0, 1, UINT32_MAX);
	add_block(&s, 10, 0, 1, 0, NR_READ);
	add_switch(&s, 100, 0, 0, 1);
	add_stack_of(110, 0, 1, 3);
	add_block(&s, 110, 0, 1, 0, NR_READ);
	add_switch(&s, 200, 0, 0, 1);
	add_stack_of(210, 0, 1, 2);
	add_block(&s, 210, 0, 1, 0, NR_READ);
	add_switch(&s, 300, 0, 0, 1);
	add_stack_of(310, 0, 1, 1);
	add_block(&s, 310, 0, 1, 0, NR_READ);
	add_frame(400, 7, "");
	add_frame(400, 7, "again");
	add_stack(400, 3, GT_STACK_COMPLETE, NULL, 0);
	add_stack(400, UINT32_MAX, UINT32_MAX & ~GT_STACK_COMPLETE, frames, 4);
	add_stack(400, UINT32_MAX, GT_STACK_COMPLETE, NULL, 0);
	add_stack(400, 0, GT_STACK_COMPLETE, frames, 4);
	add_sample(410, 0, 77, 3, 5);
	s.events[s.n - 7].u.frame.kind = 200;
	schedule_play(&s);
	assert_sums_are_states();
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_IO, "[frame not kept]")->ns, 90 * US);
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_IO, "[stack not unwound]")->ns, 90 * US);
	/* Two that were never told are one. */
	assert_int_equal(weight(STACK_OFFCPU, 1, STATE_IO, "[stack not kept]")->ns,
			 (90 + 690) * US);
	assert_int_equal(s.out.stack_sums[STACK_OFFCPU].complete, 0);
	assert_int_equal(s.out.losses.left_out, 2); /* stack 0, and the sample of no thread */
	schedule_free(&s);
}

static void nothing_is_folded_where_nothing_was_taken(void **state)
{
	lock_scene(0);
	assert_int_equal(s.out.nweights, 0);
	assert_int_equal(s.out.nstacks, 0);
	assert_true(thread_row(&s, 2)->lock > 0);
	schedule_free(&s);
}

static void heaviest_first(void **state)
{
	lock_scene(EVERYTHING);
	for (size_t i = 1; i < s.out.nweights; i++) {
		const struct result_weight *a = &s.out.weights[i - 1], *b = a + 1;

		assert_true(a->kind < b->kind || (a->kind == b->kind && a->ns >= b->ns));
	}
	schedule_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_time_has_waiter_and_waker),
		cmocka_unit_test(rounds_are_whoevers_ended_the_wait),
		cmocka_unit_test(every_state_adds_up),
		cmocka_unit_test(a_waking_is_its_wakers),
		cmocka_unit_test(a_stack_belongs_to_its_own_record),
		cmocka_unit_test(two_cpus_at_one_time),
		cmocka_unit_test(an_early_waking_keeps_its_stack),
		cmocka_unit_test(lost_time_has_no_stack),
		cmocka_unit_test(samples_weigh_by_who_runs_beside),
		cmocka_unit_test(samples_outside_the_window_do_not_count),
		cmocka_unit_test(hostile_numbers),
		cmocka_unit_test(nothing_is_folded_where_nothing_was_taken),
		cmocka_unit_test(heaviest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
