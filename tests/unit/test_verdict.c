/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <stdio.h>

#include "analysis/verdict.h"

#define LOCK 0x5000

/* ---- the ladder by its numbers ---- */

/* A second of active time on four CPUs with four busy threads and nothing remarkable about it:
 * mixed. */
static struct verdict_facts plain(struct result_parallelism *p)
{
	*p = (struct result_parallelism){
		.average = 2,
		.attainable = 3,
		.efficiency = 2.0 / 3,
		.cpus = 4,
		.gain_bound = 3,
		.active = 1000000000,
		.window = 1000000000,
	};
	return (struct verdict_facts){
		.parallelism = p,
		.sums = { .active = 1000000000,
			  .several = 900000000,
			  .run = 2000000000,
			  .run_max = 600000000,
			  .runnable = 1000000000,
			  .workers = 4 },
	};
}

static void sentence_is(const struct verdict_facts *f, const char *part)
{
	struct result_verdict v = { 0 };

	assert_int_equal(verdict_write(f, &v), 0);
	if (!strstr(v.sentence, part))
		fail_msg("no \"%s\" in: %s", part, v.sentence);
	for (size_t i = 0; i < v.nevidence; i++)
		free(v.evidence[i]);
	free(v.evidence);
	free(v.sentence);
}

static void sentence_lacks(const struct verdict_facts *f, const char *part)
{
	struct result_verdict v = { 0 };

	assert_int_equal(verdict_write(f, &v), 0);
	if (strstr(v.sentence, part))
		fail_msg("\"%s\" in: %s", part, v.sentence);
	for (size_t i = 0; i < v.nevidence; i++)
		free(v.evidence[i]);
	free(v.evidence);
	free(v.sentence);
}

static void nothing_remarkable_is_mixed(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

static void unknown_time_or_too_little_work_is_inconclusive(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.unknown_share = 0.0101;
	assert_int_equal(verdict_decide(&f), VERDICT_INCONCLUSIVE);
	f.unknown_share = 0.01;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	f.sums.active = 9999999;
	assert_int_equal(verdict_decide(&f), VERDICT_INCONCLUSIVE);
	memset(&p, 0, sizeof(p));
	memset(&f.sums, 0, sizeof(f.sums));
	assert_int_equal(verdict_decide(&f), VERDICT_INCONCLUSIVE);
}

static void mostly_inactive_is_io_bound_whatever_the_locks(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.serialized_share = 1;
	p.window = 2000000001;
	assert_int_equal(verdict_decide(&f), VERDICT_IO_BOUND);
	p.window = 2000000000;
	assert_int_equal(verdict_decide(&f), VERDICT_SERIALIZED);
}

static void seldom_two_at_once_is_single_threaded(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.sums.several = 19999999;
	assert_int_equal(verdict_decide(&f), VERDICT_SINGLE_THREADED);
	f.sums.several = 20000000;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

static void less_than_two_cpus_for_several_threads_is_starved(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.cpus = 1.9;
	p.gain_bound = 1.19;
	p.serialized_share = 1;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	f.sums.several = 500000000;
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL);
	f.sums.several = 900000000;
	p.gain_bound = 1.9; /* a quota that a lock keeps it from reaching */
	assert_int_equal(verdict_decide(&f), VERDICT_SERIALIZED);
}

static void threads_that_would_only_wait_for_their_lock_are_not_starved(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.starved_share = 0.9;
	p.average = 1.9;
	p.cpus = 2;
	f.demand = p.cpus; /* as many serialized processes as CPUs */
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL);
	f.others = 0.2;
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL);
	f.others = 0.5; /* another program takes what they could use */
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	f.others = 0;
	f.demand = p.cpus + 1;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	f.demand = 0;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
}

/* Moved to one CPU half-way (taskset -p): the other one's idling was of no use. */
static void threads_held_to_fewer_cpus_lack_them(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.starved_share = 0.6;
	p.cpus = 2;
	f.demand = 2;
	f.others = 0.02;
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL);
	p.average = 1.5;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	p.narrow_cpus = 1;
	p.narrow_share = 0.19;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	sentence_is(&f, "held to 1 of 2 CPUs for 19.0 % of their time");
	p.narrow_share = 0.66;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	sentence_is(&f, "in 60.0 % of active time, held to 1 of 2 CPUs for 66.0 % of their time");
}

/* On 64 CPUs beside one busy program somebody always waits for a CPU, and all others have theirs.
 */
static void one_of_many_threads_waiting_is_not_starving(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.cpus = 4;
	p.average = 3.5;
	p.efficiency = 0.9;
	p.starved_share = 0.9;
	f.sums.run = 3500000000;
	f.sums.runnable = 380000000;
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL);
	f.sums.runnable = 400000000;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
}

/* One busy program takes a quarter of two CPUs: threads waited for 40 % of the time, for a CPU. */
static void what_is_missing_for_want_of_a_cpu_is_starving(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.starved_share = 0.2;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	f.demand = 3.5; /* all that it can use is there: moments on the way to it */
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	f.others = 1;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	p.starved_share = 0.19;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	p.starved_share = 0.4;
	p.lock_loss = 500000000; /* of a second's worth */
	assert_int_equal(verdict_decide(&f), VERDICT_CONTENDED);
	p.lock_loss = 0;
	p.efficiency = 0.8;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

static void serialized_needs_a_possible_gain_and_no_starving(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.serialized_share = 0.5;
	assert_int_equal(verdict_decide(&f), VERDICT_SERIALIZED);
	p.starved_share = 0.5;
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
	p.starved_share = 0.19;
	p.gain_bound = 1.19;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	p.gain_bound = 1.2;
	p.serialized_share = 0.49;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

static void contended_is_when_locks_cause_half_of_what_is_missing(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.lock_loss = 500000000; /* of one CPU second */
	assert_int_equal(verdict_decide(&f), VERDICT_CONTENDED);
	p.lock_loss = 499999999;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	p.lock_loss = 500000000;
	p.efficiency = 0.8;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

static void one_alone_for_half_of_the_time_is_imbalanced(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.sums.alone = 500000000;
	assert_int_equal(verdict_decide(&f), VERDICT_IMBALANCED);
	f.sums.alone = 499999999;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

static void parallel_is_measured_by_busy_threads_and_cpus(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.average = 3.2;
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL); /* 4 threads on 4 CPUs */
	p.average = 3.19;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
	p.average = 1.6;
	f.sums.workers = 1;
	assert_int_equal(verdict_decide(&f), VERDICT_PARALLEL); /* never asks for less than 2 */
	p.average = 1.59;
	assert_int_equal(verdict_decide(&f), VERDICT_MIXED);
}

/* What may be a lock decides nothing, one way or the other, once it covers a fifth of the time. */
static void what_hangs_on_unproven_waits_is_inconclusive(void **unused)
{
	struct result_parallelism p, q;
	struct verdict_facts f = plain(&p), if_lock = plain(&q);

	f.sums.alone = 600000000;
	f.if_lock = &if_lock;
	q.serialized_share = 0.6;
	if_lock.sums.serialized = 199999999;
	assert_int_equal(verdict_decide(&f), VERDICT_IMBALANCED);
	if_lock.sums.serialized = 200000000;
	assert_int_equal(verdict_decide(&f), VERDICT_INCONCLUSIVE);
	p.starved_share = q.starved_share = 0.5; /* either way */
	assert_int_equal(verdict_decide(&f), VERDICT_CPU_STARVED);
}

static void names_and_classes_agree_both_ways(void **unused)
{
	for (int i = 0; i < VERDICT_COUNT; i++)
		assert_int_equal(verdict_class_parse(verdict_class_name(i)), i);
	assert_int_equal(verdict_class_parse("fast"), VERDICT_COUNT);
	assert_null(verdict_class_name(VERDICT_COUNT));
}

static void every_sentence_has_its_class_and_the_gain_bound(void **unused)
{
	struct result_lock lock = { .id = 7, .kind = LOCK_KIND_GIL, .name = (char *)"the_gil" };
	struct result_parallelism p;
	struct verdict_facts f;

	for (int i = 0; i < VERDICT_COUNT; i++) {
		struct result_verdict v = { 0 };

		f = plain(&p);
		f.lock = &lock;
		switch (i) {
		case VERDICT_INCONCLUSIVE:
			f.unknown_share = 0.5;
			break;
		case VERDICT_IO_BOUND:
			p.window *= 3;
			break;
		case VERDICT_SINGLE_THREADED:
			f.sums.several = 0;
			break;
		case VERDICT_CPU_STARVED:
			p.starved_share = 0.9;
			break;
		case VERDICT_SERIALIZED:
			p.serialized_share = 0.9;
			break;
		case VERDICT_CONTENDED:
			p.lock_loss = 900000000;
			break;
		case VERDICT_IMBALANCED:
			f.sums.alone = 900000000;
			break;
		case VERDICT_PARALLEL:
			p.average = 4;
			break;
		}
		assert_int_equal(verdict_write(&f, &v), 0);
		assert_int_equal(v.class, i);
		assert_int_equal(
			strncmp(v.sentence, verdict_class_name(i), strlen(verdict_class_name(i))),
			0);
		assert_non_null(strstr(v.sentence, "gain bound 3.00"));
		assert_null(strchr(v.sentence, '\n'));
		assert_true(v.nevidence >= 4);
		if (i == VERDICT_SERIALIZED || i == VERDICT_CONTENDED) {
			assert_int_equal(v.lock, 7);
			assert_non_null(strstr(v.sentence, "the_gil"));
		} else {
			assert_int_equal(v.lock, 0);
		}
		for (size_t j = 0; j < v.nevidence; j++)
			free(v.evidence[j]);
		free(v.evidence);
		free(v.sentence);
	}
}

/* Two threads of Ruby that end before the first must let go: that says nothing of the GVL. */
static void single_threaded_for_less_than_a_time_slice_is_too_short(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.sums.several = 0;
	f.sums.run_max = 99000000;
	sentence_lacks(&f, "too short");
	f.interpreter = GT_INTERPRETER_RUBY;
	sentence_is(&f, "single-threaded: ");
	sentence_is(
		&f,
		"too short to tell whether Ruby's GVL keeps its threads apart: none of 4 ran as "
		"long as a time slice (100 ms)");
	f.sums.run_max = 100000000;
	sentence_lacks(&f, "too short");
	f.sums.run_max = 99000000;
	f.sums.workers = 1; /* it is single-threaded */
	sentence_lacks(&f, "too short");
}

/* One after the other: by an agreement, by a lock that is not known as one, or for want of time. */
static void imbalanced_tells_what_would_look_the_same(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.sums.alone = 900000000;
	sentence_is(&f, "imbalanced: for 90.0 % of active time one thread ran alone");
	sentence_is(&f, "waited for a known lock");
	sentence_is(
		&f,
		"; 4 threads worked, and a lock whose waiters each sleep on a word of their own "
		"would look the same");
	sentence_lacks(&f, "too short");
	f.interpreter = GT_INTERPRETER_RUBY;
	f.sums.run_max = 99000000;
	sentence_is(&f, "too short to tell whether Ruby's GVL keeps its threads apart");
	f.sums.workers = 1; /* the others' work is next to nothing */
	sentence_lacks(&f, "too short");
	sentence_lacks(&f, "look the same");
}

static void sentence_tells_a_loss_from_an_early_end(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.unknown_share = 0.5;
	sentence_is(&f, "inconclusive: records were lost, 50.0 %");
	f.ends_early = true;
	sentence_is(&f, "inconclusive: the trace ends early, 50.0 %");
}

static void only_a_part_of_a_cpu_has_decimals(void **unused)
{
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	f.sums.alone = 900000000;
	sentence_is(&f, " of 4 CPUs;");
	p.cpus = 2.5;
	sentence_is(&f, " of 2.50 CPUs;");
	p.cpus = 1;
	sentence_is(&f, "cpu-starved: 1 CPU for threads");
}

/* The same program was called something else elsewhere: this is why. */
static void starving_says_what_took_the_cpus(void **unused)
{
	struct result_lock lock = { .id = 7, .kind = LOCK_KIND_GIL, .name = (char *)"the_gil" };
	struct result_parallelism p;
	struct verdict_facts f = plain(&p);

	p.cpus = 1;
	f.cpus_online = 8;
	sentence_is(&f, "cpu-starved: 1 of 8 CPUs for threads");
	p.cpus = 1.5;
	f.quota = true;
	sentence_is(&f, "cpu-starved: a quota of 1.50 CPUs for threads");
	f.quota = false;
	p.cpus = 8;
	p.starved_share = 0.6;
	f.others = 7.25;
	f.idle = 0.5;
	sentence_is(&f, "for one of 8 CPUs in 60.0 %");
	sentence_is(&f, "other programs used 7.25 CPUs, 0.50 were idle");
	f.own = 0.04; /* not the reason */
	sentence_is(&f, "other programs used 7.25 CPUs, 0.50 were idle");
	f.own = 0.3;
	sentence_is(&f,
		    "other programs used 7.25 CPUs, 0.30 of them giltrace itself, 0.50 were idle");
	p.serialized_share = 0.3;
	f.lock = &lock;
	sentence_is(
		&f,
		"more CPUs may not help: the_gil (gil) was waited for while at most one thread ran for 30.0 %");
}

/* ---- schedules that a simpler rule got wrong ---- */

static enum verdict_class play(struct schedule *s)
{
	enum verdict_class class;

	schedule_play(s);
	assert_sums_add_up(s);
	class = s->out.verdict.class;
	schedule_free(s);
	return class;
}

/* Eight programs one after another, each 5 ms, with a shell waiting for each. */
static void one_after_another_is_not_parallel(void **unused)
{
	struct schedule s;

	schedule_init(&s, 40000, 2);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	for (int i = 0; i < 8; i++) {
		uint32_t child = 10 + (uint32_t)i * 2;

		add_task(&s, i * 5000 + 50, child, child + 1)->u.task.parent = 2;
		add_block(&s, i * 5000 + 50, 0, 2, child, 61);
		add_waking(&s, i * 5000 + 4990, 0, 2, child)->syscall = 231;
		add_end(&s, i * 5000 + 5000, 0, child, 2);
	}
	assert_int_equal(play(&s), VERDICT_SINGLE_THREADED);
}

/* Two threads that take turns by a barrier: while one works, the other waits for no lock. */
static void turns_by_barrier_are_imbalanced(void **unused)
{
	struct schedule s;
	int64_t at = 0;

	schedule_init(&s, 20000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_futex(&s, 0, 1, 3, 0, LOCK, MUTEX_WAIT, 0);
	for (uint32_t i = 0; at + 1000 < 20000; i++, at += 1000) {
		uint32_t me = i & 1 ? 3 : 2, other = i & 1 ? 2 : 3;

		/* Both go on at the barrier for a moment, then the other waits at the next round's
		 * count. */
		add_futex_wake(&s, at + 950, me - 2, other, me, LOCK);
		add_switch(&s, at + 955, other - 2, 0, other);
		add_futex(&s, at + 1000, me - 2, me, 0, LOCK, MUTEX_WAIT, i + 5);
	}
	assert_int_equal(play(&s), VERDICT_IMBALANCED);
}

/* Eight threads of one lock, fed together: 2 ms of serialized work in 40. */
static void a_lock_in_a_program_that_mostly_waits_is_io_bound(void **unused)
{
	struct schedule s;

	schedule_init(&s, 800000, 2);
	for (uint32_t id = 2; id < 10; id++)
		add_task(&s, 0, id, 1)->u.task.flags = GT_TASK_FOUND;
	for (uint32_t id = 2; id < 10; id++) {
		struct gt_event *ev = add_event(&s, 0, 0, GT_STATE, id);

		ev->state = 1;
		ev->syscall = NR_READ;
	}
	for (int64_t at = 1000; at + 2000 < 800000; at += 40000) {
		for (uint32_t id = 2; id < 10; id++)
			add_waking(&s, at, 0, id, 0);
		add_switch(&s, at, 0, 0, 2);
		for (uint32_t id = 3; id < 10; id++) {
			add_switch(&s, at + id - 3, 1, 0, id);
			add_lock(&s, at + id - 2, 1, id, 0, LOCK);
		}
		for (uint32_t id = 2; id < 9; id++) {
			int64_t end = at + (id - 1) * 250;

			add_futex_wake(&s, end, 0, id + 1, id, LOCK);
			add_block(&s, end, 0, id, id + 1, NR_READ);
		}
		add_block(&s, at + 2000, 0, 9, 0, NR_READ);
	}
	assert_int_equal(play(&s), VERDICT_IO_BOUND);
}

/* A worker holds the lock nearly always; main wants it for a moment each millisecond. */
static void a_lock_that_costs_little_is_no_verdict(void **unused)
{
	struct schedule s;

	schedule_init(&s, 20000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_block(&s, 10, 1, 3, 0, 230);
	for (int64_t at = 1000; at < 20000; at += 1000) {
		add_waking(&s, at, 1, 3, 0);
		add_switch(&s, at, 1, 0, 3);
		add_lock(&s, at + 10, 1, 3, 0, LOCK);
		add_futex_wake(&s, at + 60, 0, 3, 2, LOCK);
		add_switch(&s, at + 60, 1, 0, 3);
		add_block(&s, at + 70, 1, 3, 0, 230);
	}
	schedule_play(&s);
	assert_true(s.out.parallelism.serialized_share < 0.06);
	assert_true(s.out.verdict.class != VERDICT_SERIALIZED &&
		    s.out.verdict.class != VERDICT_CONTENDED);
	schedule_free(&s);
}

/* Four threads hold a mutex across a sleep, one after another: nobody runs, and it is the mutex. */
static void a_mutex_held_across_sleeps_serializes(void **unused)
{
	struct schedule s;
	int64_t at = 100;

	schedule_init(&s, 40100, 4);
	for (uint32_t id = 2; id < 6; id++) {
		add_task(&s, 0, id, 1);
		add_switch(&s, 0, id - 2, 0, id);
	}
	for (uint32_t id = 3; id < 6; id++)
		add_lock(&s, 10, id - 2, id, 0, LOCK);
	for (uint32_t i = 0; i < 40; i++, at += 1000) {
		uint32_t me = 2 + i % 4, next = 2 + (i + 1) % 4;

		add_block(&s, at, me - 2, me, 0, 230);
		add_waking(&s, at + 980, 0, me, 0);
		add_switch(&s, at + 980, me - 2, 0, me);
		add_futex_wake(&s, at + 990, me - 2, next, me, LOCK);
		add_lock(&s, at + 990, me - 2, me, 0, LOCK);
		add_switch(&s, at + 990, next - 2, 0, next);
	}
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_true(s.out.parallelism.average < 0.1);
	assert_int_equal(s.out.verdict.class, VERDICT_SERIALIZED);
	assert_int_equal(s.out.verdict.lock, s.out.locks[0].id);
	schedule_free(&s);
}

static void two_threads_pinned_to_one_cpu_are_starved(void **unused)
{
	struct schedule s;

	schedule_init(&s, 40000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_affinity(&s, 0, 2, 0, 0x1);
	add_affinity(&s, 0, 3, 0, 0x1);
	add_switch(&s, 0, 0, 0, 2);
	for (int i = 1; i < 80; i++) /* slices too short to count as starving by themselves */
		add_switch(&s, i * 500, 0, i & 1 ? 2 : 3, i & 1 ? 3 : 2);
	assert_int_equal(play(&s), VERDICT_CPU_STARVED);
}

static void a_quota_of_one_cpu_starves(void **unused)
{
	struct schedule s;

	schedule_init(&s, 40000, 2);
	s.meta.cpu_quota = 1;
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	assert_int_equal(play(&s), VERDICT_CPU_STARVED);
}

/*
 * Two threads take turns on a semaphore: `turns` is too few to tell a lock from work handed over,
 * and their run is nothing but those. After them both compute side by side for `beside` µs.
 */
static enum verdict_class turns_by_semaphore(struct schedule *s, int turns, int64_t beside)
{
	int64_t at = 20;

	schedule_init(s, turns * 5000 + beside + 100, 2);
	add_task(s, 0, 1, 100);
	add_task(s, 0, 2, 100);
	add_switch(s, 0, 0, 0, 1);
	add_switch(s, 0, 1, 0, 2);
	add_futex(s, 10, 1, 2, 0, LOCK, FUTEX_CMD_WAIT_BITSET | MUTEX_WAIT, 0);
	for (int i = 0; i < turns; i++) {
		uint32_t from = i & 1 ? 2 : 1, to = i & 1 ? 1 : 2;

		at += 5000;
		add_futex_wake(s, at, from - 1, to, from, LOCK);
		add_futex(s, at, from - 1, from, 0, LOCK, FUTEX_CMD_WAIT_BITSET | MUTEX_WAIT, 0);
		add_switch(s, at, to - 1, 0, to);
	}
	if (beside) {
		add_futex_wake(s, at, turns & 1, turns & 1 ? 1 : 2, turns & 1 ? 2 : 1, LOCK);
		add_switch(s, at, !(turns & 1), 0, turns & 1 ? 1 : 2);
	}
	schedule_play(s);
	assert_sums_add_up(s);
	return s->out.verdict.class;
}

static void few_turns_are_called_neither_serialized_nor_not(void **unused)
{
	struct schedule s;

	assert_int_equal(turns_by_semaphore(&s, 10, 0), VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(s.out.verdict.sentence,
			       "single-threaded if the word at 0x5000 is no lock, serialized if "));
	assert_int_equal(s.out.processes[0].verdict.class, VERDICT_INCONCLUSIVE);
	schedule_free(&s);
	assert_int_equal(turns_by_semaphore(&s, 40, 0), VERDICT_SERIALIZED);
	schedule_free(&s);
}

static void few_turns_in_a_parallel_run_change_nothing(void **unused)
{
	struct schedule s;

	assert_int_equal(turns_by_semaphore(&s, 4, 200000), VERDICT_PARALLEL);
	schedule_free(&s);
}

static void a_join_beside_one_busy_thread_is_no_lock(void **unused)
{
	struct schedule s;

	schedule_init(&s, 20000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_futex(&s, 100, 0, 2, 0, 0x7300, 0x109, 1003); /* on 3's clear_child_tid */
	schedule_play(&s);
	assert_int_equal(s.out.verdict.class, VERDICT_SINGLE_THREADED);
	assert_int_equal(s.out.nlocks, 0);
	assert_int_equal(thread_row(&s, 2)->event, 19900 * US);
	schedule_free(&s);
}

/* Two processes; threads 4 and 5 of the second wait for a lock all the time. */
static void with_several_targets_the_one_that_loses_most_has_the_verdict(void **unused)
{
	int32_t pids[] = { 1001, 1006 };
	char expected[160];
	struct schedule s;
	int64_t at = 0;

	schedule_init(&s, 20000, 3);
	s.meta.target = GT_TARGET_PIDS;
	s.meta.pids = pids;
	s.meta.npids = 2;
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 4, 6);
	add_task(&s, 0, 5, 6);
	add_switch(&s, 0, 2, 0, 2);
	add_switch(&s, 0, 0, 0, 4);
	add_switch(&s, 0, 1, 0, 5);
	add_lock(&s, 0, 1, 5, 0, LOCK);
	for (uint32_t i = 0; at + 500 < 20000; i++, at += 500) {
		uint32_t me = 4 + i % 2, other = 4 + (i + 1) % 2;

		add_futex_wake(&s, at + 500, me - 4, other, me, LOCK);
		add_lock(&s, at + 500, me - 4, me, 0, LOCK);
		add_switch(&s, at + 500, other - 4, 0, other);
	}
	schedule_play(&s);
	assert_int_equal(s.out.verdict.class, VERDICT_SERIALIZED);
	assert_int_equal(s.out.verdict.process, 6);
	snprintf(expected, sizeof(expected),
		 "process 1006 (worker), which of 2 processes loses most to locks, "
		 "%.1f ms of CPU time: serialized by ",
		 (double)process_row(&s, 6)->parallelism.lock_loss / 1e6);
	assert_ptr_equal(strstr(s.out.verdict.sentence, expected), s.out.verdict.sentence);
	assert_int_equal(process_row(&s, 1)->verdict.class, VERDICT_SINGLE_THREADED);
	schedule_free(&s);

	s.meta.target = GT_TARGET_COMMAND; /* one command: the verdict is about all of it */
	schedule_play(&s);
	assert_int_equal(s.out.verdict.process, 0);
	schedule_free(&s);
}

/*
 * Process 1 waits longest for a lock while two of its threads run, and is serialized by another,
 * all of it beside a process that runs on.
 */
static void a_process_names_the_lock_that_serializes_it(void **unused)
{
	const uint64_t elsewhere = LOCK + 0x1000;
	struct schedule s;
	bool named = false;

	schedule_init(&s, 6000, 4);
	for (uint32_t id = 2; id <= 4; id++) {
		add_task(&s, 0, id, 1);
		add_switch(&s, 0, id - 2, 0, id);
	}
	add_task(&s, 0, 5, 6);
	add_switch(&s, 0, 3, 0, 5);
	add_lock(&s, 10, 2, 4, 0, elsewhere);
	add_futex_wake(&s, 3000, 0, 4, 2, elsewhere);
	add_switch(&s, 3000, 2, 0, 4);
	add_block(&s, 3010, 2, 4, 0, NR_READ);
	add_lock(&s, 3020, 1, 3, 0, LOCK);
	add_futex_wake(&s, 5000, 0, 3, 2, LOCK);
	add_switch(&s, 5000, 1, 0, 3);
	schedule_play(&s);
	assert_int_equal(s.out.parallelism.serialized, 0);
	for (size_t i = 0; i < process_row(&s, 1)->verdict.nevidence; i++)
		named |= !!strstr(
			process_row(&s, 1)->verdict.evidence[i],
			"the mutex at 0x5000: 1 waits, 2.0 ms in all, someone waiting for it "
			"in 100.0 % of serialized time");
	assert_true(named);
	schedule_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_remarkable_is_mixed),
		cmocka_unit_test(unknown_time_or_too_little_work_is_inconclusive),
		cmocka_unit_test(single_threaded_for_less_than_a_time_slice_is_too_short),
		cmocka_unit_test(imbalanced_tells_what_would_look_the_same),
		cmocka_unit_test(sentence_tells_a_loss_from_an_early_end),
		cmocka_unit_test(only_a_part_of_a_cpu_has_decimals),
		cmocka_unit_test(starving_says_what_took_the_cpus),
		cmocka_unit_test(mostly_inactive_is_io_bound_whatever_the_locks),
		cmocka_unit_test(seldom_two_at_once_is_single_threaded),
		cmocka_unit_test(less_than_two_cpus_for_several_threads_is_starved),
		cmocka_unit_test(threads_that_would_only_wait_for_their_lock_are_not_starved),
		cmocka_unit_test(threads_held_to_fewer_cpus_lack_them),
		cmocka_unit_test(one_of_many_threads_waiting_is_not_starving),
		cmocka_unit_test(what_is_missing_for_want_of_a_cpu_is_starving),
		cmocka_unit_test(serialized_needs_a_possible_gain_and_no_starving),
		cmocka_unit_test(contended_is_when_locks_cause_half_of_what_is_missing),
		cmocka_unit_test(one_alone_for_half_of_the_time_is_imbalanced),
		cmocka_unit_test(parallel_is_measured_by_busy_threads_and_cpus),
		cmocka_unit_test(what_hangs_on_unproven_waits_is_inconclusive),
		cmocka_unit_test(few_turns_are_called_neither_serialized_nor_not),
		cmocka_unit_test(few_turns_in_a_parallel_run_change_nothing),
		cmocka_unit_test(names_and_classes_agree_both_ways),
		cmocka_unit_test(every_sentence_has_its_class_and_the_gain_bound),
		cmocka_unit_test(one_after_another_is_not_parallel),
		cmocka_unit_test(turns_by_barrier_are_imbalanced),
		cmocka_unit_test(a_lock_in_a_program_that_mostly_waits_is_io_bound),
		cmocka_unit_test(a_lock_that_costs_little_is_no_verdict),
		cmocka_unit_test(a_mutex_held_across_sleeps_serializes),
		cmocka_unit_test(two_threads_pinned_to_one_cpu_are_starved),
		cmocka_unit_test(a_quota_of_one_cpu_starves),
		cmocka_unit_test(a_join_beside_one_busy_thread_is_no_lock),
		cmocka_unit_test(a_process_names_the_lock_that_serializes_it),
		cmocka_unit_test(with_several_targets_the_one_that_loses_most_has_the_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
