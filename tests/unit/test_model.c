/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#define LOCK 0x5000

/* Every wake of a played schedule, in order. */
struct wakes {
	struct wake at[64];
	uint32_t waker[64]; /* id, 0 none */
	int n;
};

static void keep_wake(void *ctx, const struct model *m, const struct wake *wake)
{
	struct wakes *w = ctx;

	w->waker[w->n] = wake->waker ? wake->waker->id : 0;
	w->at[w->n++] = *wake;
}

static const struct model_sink wake_sink = { .wake = keep_wake };

static void collect_wakes(struct schedule *s, struct wakes *w)
{
	struct model *m = model_new(&s->meta, NULL);

	memset(w, 0, sizeof(*w));
	assert_int_equal(model_add_sink(m, &wake_sink, w), 0);
	schedule_feed(s, m);
	model_free(m);
}

/* 2 runs on CPU 0, 3 blocks on `addr` on CPU 1 at 100 µs. */
static struct gt_event *waiter_and_runner(struct schedule *s, uint64_t addr, uint32_t op,
					  uint32_t val)
{
	schedule_init(s, 1000, 2);
	add_task(s, 0, 2, 1);
	add_task(s, 0, 3, 1);
	add_switch(s, 0, 0, 0, 2);
	add_switch(s, 0, 1, 0, 3);
	return add_futex(s, 100, 1, 3, 0, addr, op, val);
}

static void a_newborn_is_runnable_from_its_birth(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 100, 2, 1);
	add_switch(&s, 300, 0, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->runnable, 200 * US);
	assert_int_equal(thread_row(&s, 2)->run, 700 * US);
	assert_int_equal(thread_row(&s, 2)->start, 1100 * US);
	schedule_free(&s);
}

static void a_thread_ends_with_its_last_switch_out(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_event(&s, 100, 0, GT_EXIT, 2);
	add_end(&s, 400, 0, 2, 0);    /* it ran on after it had begun to exit */
	add_switch(&s, 500, 0, 0, 2); /* nobody comes back from that */
	schedule_play(&s);
	assert_int_equal(thread_row(&s, 2)->run, 400 * US);
	assert_int_equal(thread_row(&s, 2)->end, 1400 * US);
	assert_int_equal(process_row(&s, 1)->end, 1400 * US);
	schedule_free(&s);
}

static void a_process_ends_with_its_last_thread(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1)->u.task.tid = 1001; /* the leader */
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_end(&s, 100, 0, 2, 0);
	add_end(&s, 700, 1, 3, 0);
	schedule_play(&s);
	assert_int_equal(process_row(&s, 1)->end, 1700 * US);
	assert_int_equal(process_row(&s, 1)->threads, 2);
	assert_int_equal(process_row(&s, 1)->run, 800 * US);
	schedule_free(&s);
}

static void exec_by_another_thread_takes_over_the_leaders_number(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1)->u.task.tid = 1001;
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_end(&s, 100, 0, 2, 0);
	ev = add_event(&s, 110, 1, GT_EXEC, 3);
	ev->u.exec.tid = ev->u.exec.tgid = 1001;
	ev->u.exec.as = 9;
	ev->u.exec.path = "/bin/other";
	ev = add_event(&s, 111, 1, GT_RENAME, 3);
	strcpy(ev->u.comm, "other");
	schedule_play(&s);
	assert_int_equal(thread_row(&s, 3)->tid, 1001);
	assert_string_equal(thread_row(&s, 3)->comm, "other");
	assert_string_equal(process_row(&s, 1)->comm, "other");
	assert_string_equal(process_row(&s, 1)->exe, "/bin/other");
	assert_int_equal(thread_row(&s, 3)->run, 1000 * US); /* one life, before and after */
	schedule_free(&s);
}

static void nothing_before_or_after_the_window_counts(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, -900, 2, 1)->u.task.flags = GT_TASK_FOUND;
	add_event(&s, -900, 0, GT_ON_CPU, 2);
	add_block(&s, 250, 0, 2, 0, NR_READ);
	add_waking(&s, 1200, 0, 2, 0);
	add_switch(&s, 1300, 0, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.out.end - s.out.start, 1000 * US);
	assert_int_equal(thread_row(&s, 2)->start, 1000 * US);
	assert_int_equal(thread_row(&s, 2)->run, 250 * US);
	assert_int_equal(thread_row(&s, 2)->io, 750 * US);
	assert_int_equal(cpu_row(&s, 0)->workload, 250 * US);
	assert_int_equal(cpu_row(&s, 0)->idle, 750 * US);
	schedule_free(&s);
}

static void a_thread_that_ended_before_the_window_is_not_in_the_report(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, -900, 2, 1);
	add_switch(&s, -800, 0, 0, 2);
	add_end(&s, -700, 0, 2, 0);
	add_task(&s, 0, 4, 3);
	add_switch(&s, 0, 0, 0, 4);
	schedule_play(&s);
	assert_int_equal(s.out.nthreads, 1);
	assert_int_equal(s.out.nprocesses, 1);
	assert_int_equal(s.out.processes[0].id, 3);
	assert_int_equal(s.out.processes[0].parallelism.active, 1000 * US);
	schedule_free(&s);
}

static void found_threads_are_what_they_were_found_doing(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 1);
	for (uint32_t id = 2; id <= 4; id++)
		add_task(&s, -10, id, 1)->u.task.flags = GT_TASK_FOUND;
	ev = add_event(&s, -9, 0, GT_STATE, 2);
	ev->state = 1;
	ev->syscall = 230;
	ev = add_event(&s, -9, 0, GT_STATE, 3);
	ev->state = 1;
	ev->syscall = NR_FUTEX;
	ev->flags = GT_F_FUTEX;
	ev->u.addr = LOCK;
	ev->op = MUTEX_WAIT;
	ev->val = 2;
	add_event(&s, -8, 0, GT_ON_CPU, 4);
	ev = add_event(&s, -7, 0, GT_STATE, 4); /* taken late: what it does is known already */
	ev->state = 1;
	ev->syscall = 0;
	schedule_play(&s);
	assert_int_equal(thread_row(&s, 2)->sleep, 1000 * US);
	assert_int_equal(thread_row(&s, 3)->lock, 1000 * US);
	assert_int_equal(thread_row(&s, 4)->run, 1000 * US);
	schedule_free(&s);
}

static void a_stop_inside_a_lock_wait_is_other_and_the_wait_goes_on_after_it(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	waiter_and_runner(&s, LOCK, MUTEX_WAIT, 2)->flags |= GT_F_TIMED;
	add_waking(&s, 200, 0, 3, 2)->syscall = 62; /* kill(SIGSTOP) */
	add_switch(&s, 200, 1, 0, 3);
	ev = add_futex(&s, 200, 1, 3, 0, LOCK, MUTEX_WAIT, 2);
	ev->state = 0x104;
	add_waking(&s, 500, 0, 3, 2)->syscall = 62; /* kill(SIGCONT) */
	add_switch(&s, 500, 1, 0, 3);
	add_block(&s, 500, 1, 3, 0, 219); /* restart_syscall: no futex in its record */
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 3)->lock, 600 * US);
	assert_int_equal(thread_row(&s, 3)->other, 300 * US);
	schedule_free(&s);
}

static void a_vfork_parent_waits_for_its_child_and_not_for_a_lock(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	ev = add_task(&s, 100, 4, 3);
	ev->u.task.parent = 2;
	ev->u.task.clone_flags = 0x4000; /* CLONE_VFORK */
	add_block(&s, 100, 0, 2, 4, 58)->state = 2;
	ev = add_event(&s, 300, 0, GT_EXEC, 4);
	ev->u.exec.as = 7;
	ev->u.exec.path = "/bin/true";
	add_waking(&s, 300, 0, 2, 4)->syscall = 59; /* execve lets the parent go */
	add_switch(&s, 300, 1, 0, 2);
	add_block(&s, 600, 1, 2, 0, 58)->state = 2; /* no such child any more */
	schedule_play(&s);
	assert_int_equal(thread_row(&s, 2)->other, 200 * US);
	assert_int_equal(thread_row(&s, 2)->kernel_lock, 400 * US);
	assert_int_equal(process_row(&s, 3)->parent, 1);
	schedule_free(&s);
}

static void the_owner_of_the_word_is_the_waker(void **unused)
{
	struct schedule s;
	struct wakes w;

	waiter_and_runner(&s, LOCK, MUTEX_WAIT, 2);
	add_futex_wake(&s, 400, 0, 3, 2, LOCK);
	collect_wakes(&s, &w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.waker[0], 2);
	assert_true(w.at[0].futex);
	assert_int_equal(w.at[0].addr, LOCK);
	assert_false(w.at[0].timeout);
	assert_int_equal(w.at[0].ts, 1400 * US);
}

static void a_timer_on_top_of_a_thread_is_not_that_threads_wake(void **unused)
{
	struct gt_event *ev;
	struct schedule s;
	struct wakes w;

	/* 2 was computing when the timer fired */
	waiter_and_runner(&s, LOCK, MUTEX_WAIT | 9, 0)->flags |= GT_F_TIMED;
	add_waking(&s, 400, 0, 3, 2);
	collect_wakes(&s, &w);
	assert_int_equal(w.waker[0], 0);
	assert_true(w.at[0].timeout);

	/* 2 was writing, which wakes readers but no futex waiter */
	waiter_and_runner(&s, LOCK, MUTEX_WAIT | 9, 0)->flags |= GT_F_TIMED;
	add_waking(&s, 400, 0, 3, 2)->syscall = 1;
	collect_wakes(&s, &w);
	assert_int_equal(w.waker[0], 0);
	assert_true(w.at[0].timeout);

	/* 2 was waking another word's waiters */
	waiter_and_runner(&s, LOCK, MUTEX_WAIT | 9, 0)->flags |= GT_F_TIMED;
	add_futex_wake(&s, 400, 0, 3, 2, LOCK + 64);
	collect_wakes(&s, &w);
	assert_int_equal(w.waker[0], 0);
	assert_true(w.at[0].timeout);

	/* 2 was itself about to wait */
	waiter_and_runner(&s, LOCK, MUTEX_WAIT | 9, 0)->flags |= GT_F_TIMED;
	ev = add_futex_wake(&s, 400, 0, 3, 2, LOCK);
	ev->op = MUTEX_WAIT;
	collect_wakes(&s, &w);
	assert_int_equal(w.waker[0], 0);
}

static void a_waiter_moved_to_another_word_is_woken_by_that_words_owner(void **unused)
{
	struct schedule s;
	struct wakes w;

	waiter_and_runner(&s, LOCK, MUTEX_WAIT,
			  0); /* without a timeout nothing but a wake can end it */
	add_futex_wake(&s, 400, 0, 3, 2, LOCK + 64);
	collect_wakes(&s, &w);
	assert_int_equal(w.waker[0], 2);
}

static void joiners_are_woken_by_the_thread_that_ends(void **unused)
{
	struct schedule s;
	struct wakes w;

	/* thread 2's clear_child_tid */
	waiter_and_runner(&s, 0x7200, 0x109, 1002)->flags |= GT_F_TIMED;
	add_waking(&s, 400, 0, 3, 2)->syscall = 60;
	collect_wakes(&s, &w);
	assert_int_equal(w.waker[0], 2);
	assert_false(w.at[0].timeout);
}

/* Both end all other threads of their process, however these wait. */
static void who_execs_or_ends_the_process_wakes_its_threads(void **unused)
{
	const int32_t calls[] = { 59, 231 };
	struct schedule s;
	struct wakes w;

	for (int i = 0; i < 2; i++) {
		waiter_and_runner(&s, LOCK, MUTEX_WAIT | 9, 0)->flags |= GT_F_TIMED;
		add_waking(&s, 400, 0, 3, 2)->syscall = calls[i];
		collect_wakes(&s, &w);
		assert_int_equal(w.waker[0], 2);
		assert_false(w.at[0].timeout);

		/* not those of another one */
		schedule_init(&s, 1000, 2);
		add_task(&s, 0, 2, 1);
		add_task(&s, 0, 3, 2);
		add_switch(&s, 0, 0, 0, 2);
		add_switch(&s, 0, 1, 0, 3);
		add_block(&s, 100, 1, 3, 0, 35); /* nanosleep */
		add_waking(&s, 200, 0, 3, 2)->syscall = calls[i];
		collect_wakes(&s, &w);
		assert_int_equal(w.waker[0], 0);
	}
}

static void readers_are_woken_by_writers(void **unused)
{
	struct schedule s;
	struct wakes w;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_block(&s, 100, 1, 3, 0, NR_READ);
	add_waking(&s, 200, 0, 3, 2)->syscall = 1;
	add_switch(&s, 200, 1, 0, 3);
	add_block(&s, 300, 1, 3, 0, 35); /* nanosleep */
	add_waking(&s, 400, 0, 3, 2)->syscall = 1;
	collect_wakes(&s, &w);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.waker[0], 2);
	assert_false(w.at[0].futex);
	assert_int_equal(w.waker[1], 0); /* a write wakes no sleeper: that was its timer */
	assert_false(w.at[1].timeout);
}

static void a_waking_recorded_before_the_switch_out_still_counts(void **unused)
{
	struct schedule s;
	struct wakes w;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_futex_wake(&s, 99, 0, 3, 2, LOCK);
	add_lock(&s, 100, 1, 3, 0, LOCK);
	add_switch(&s, 150, 1, 0, 3);
	collect_wakes(&s, &w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.waker[0], 2);
	assert_int_equal(w.at[0].ts, 1099 * US);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.counts.unmatched_switch_in, 1);
	assert_int_equal(s.counts.unseen_wakings, 0);
	assert_int_equal(thread_row(&s, 3)->lock, 50 * US);
	assert_int_equal(thread_row(&s, 3)->runnable, 0);
	assert_int_equal(thread_row(&s, 3)->wakeups, 1);
	schedule_free(&s);
}

/* Some wakings in interrupts of an idle CPU pass no tracepoint: such a thread is told of, not made up for. */
static void wakings_that_were_not_shown_are_counted(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_lock(&s, 100, 0, 2, 0, LOCK);
	add_switch(&s, 150, 0, 0, 2);
	add_lock(&s, 200, 0, 2, 0, LOCK);
	add_futex_wake(&s, 230, 1, 2, 0, LOCK);
	add_switch(&s, 240, 0, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.counts.unseen_wakings, 1);
	assert_int_equal(thread_row(&s, 2)->lock, 80 * US);
	assert_int_equal(thread_row(&s, 2)->runnable, 10 * US);
	assert_int_equal(thread_row(&s, 2)->wakeups, 2);
	schedule_free(&s);
}

/* The waking before a switch-out counts for it only where somebody was waking the thread just then. */
static void a_thread_that_was_woken_as_it_left_the_cpu_never_blocked(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_futex_wake(&s, 99, 0, 3, 2, LOCK);
	add_lock(&s, 100, 1, 3, 0, LOCK)->flags |= GT_F_WOKEN;
	add_switch(&s, 150, 1, 0, 3);
	/* Nothing has woken it since it came back: who holds its lock now is about to. */
	add_lock(&s, 200, 1, 3, 0, LOCK)->flags |= GT_F_WOKEN;
	add_futex_wake(&s, 230, 0, 3, 2, LOCK);
	add_switch(&s, 240, 1, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.counts.unmatched_switch_in, 0);
	assert_int_equal(thread_row(&s, 3)->lock, 30 * US);
	assert_int_equal(thread_row(&s, 3)->runnable, 60 * US);
	assert_int_equal(thread_row(&s, 3)->wakeups, 2);
	schedule_free(&s);
}

/* Its waker may be on its own way out by the time that it is off its CPU. */
static void who_wakes_a_thread_that_leaves_and_ends_then_wakes_by_the_futex(void **unused)
{
	struct schedule s;
	struct wakes w;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_futex_wake(&s, 98, 0, 3, 2, LOCK);
	add_event(&s, 99, 0, GT_EXIT, 2);
	add_lock(&s, 100, 1, 3, 0, LOCK)->flags |= GT_F_WOKEN;
	add_switch(&s, 150, 1, 0, 3);
	collect_wakes(&s, &w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.waker[0], 2);
	assert_true(w.at[0].futex);
	assert_int_equal(w.at[0].addr, LOCK);
	schedule_free(&s);
}

static void lost_records_make_waiting_threads_unknown_until_heard_of(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 3);
	for (uint32_t id = 2; id <= 4; id++) {
		add_task(&s, 0, id, 1);
		add_switch(&s, 0, id - 2, 0, id);
	}
	add_block(&s, 100, 1, 3, 0, NR_READ);
	ev = add_event(&s, 400, 0, GT_LOST, 0);
	ev->u.lost.reason = GT_LOSS_RING_FULL;
	ev->u.lost.count = 5;
	ev->u.lost.first = 1300 * US;
	ev->u.lost.last = 1390 * US;
	add_block(&s, 600, 0, 2, 0, NR_READ); /* 2 was on the CPU that lost records */
	add_waking(&s, 700, 2, 3, 0);
	add_switch(&s, 800, 1, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	/* Unknown from the first lost record on, which the record at 400 tells of. */
	assert_int_equal(thread_row(&s, 2)->run, 300 * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 300 * US);
	assert_int_equal(thread_row(&s, 2)->io, 400 * US);
	assert_int_equal(thread_row(&s, 3)->io, 200 * US);
	assert_int_equal(thread_row(&s, 3)->unknown, 400 * US);
	assert_int_equal(thread_row(&s, 3)->runnable, 100 * US);
	assert_int_equal(thread_row(&s, 4)->run, 1000 * US); /* ran elsewhere: its records came */
	assert_int_equal(cpu_row(&s, 0)->workload, 300 * US);
	assert_int_equal(s.out.losses.unknown, (300 + 400) * US);
	assert_true(s.out.losses.exceeded);
	assert_int_equal(s.out.verdict.class, VERDICT_INCONCLUSIVE);
	schedule_free(&s);
}

static void add_loss(struct schedule *s, int64_t told, uint32_t cpu, uint32_t first, uint32_t last)
{
	struct gt_event *ev = add_event(s, told, cpu, GT_LOST, 0);

	ev->u.lost.reason = GT_LOSS_RING_FULL;
	ev->u.lost.count = 5;
	ev->u.lost.first = (WINDOW_START + first) * US;
	ev->u.lost.last = (WINDOW_START + last) * US;
}

/* CPU 0 loses records from 300 to 350 and says so at 800 only, when all were long seen elsewhere. */
static void a_loss_counts_from_when_it_was_and_not_from_when_it_is_told(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 4);
	for (uint32_t id = 2; id <= 5; id++) {
		add_task(&s, 0, id, 1);
		add_switch(&s, 0, id - 2, 0, id);
	}
	add_block(&s, 100, 1, 3, 0, NR_READ);
	add_block(&s, 320, 2, 4, 0, NR_READ); /* may be woken on CPU 0 and run there */
	add_switch(&s, 320, 3, 5, 0);
	add_waking(&s, 330, 2, 4, 0); /* may run on CPU 0 */
	add_switch(&s, 340, 2, 0, 4);
	add_switch(&s, 500, 1, 0, 3);
	add_switch(&s, 550, 3, 0, 2);
	add_block(&s, 600, 1, 3, 0, NR_READ);
	add_loss(&s, 800, 0, 300, 350);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, (300 + 450) * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 250 * US);
	assert_int_equal(thread_row(&s, 3)->io, (200 + 400) * US);
	assert_int_equal(thread_row(&s, 3)->unknown, 200 * US);
	assert_int_equal(thread_row(&s, 3)->run, (100 + 100) * US);
	assert_int_equal(thread_row(&s, 4)->run, (320 + 660) * US);
	assert_int_equal(thread_row(&s, 4)->unknown, 20 * US);
	assert_int_equal(thread_row(&s, 5)->run, 320 * US);
	assert_int_equal(thread_row(&s, 5)->unknown, 680 * US);
	assert_int_equal(cpu_row(&s, 0)->workload, 300 * US);
	assert_int_equal(cpu_row(&s, 1)->workload, 200 * US);
	schedule_free(&s);
}

/* CPU 1 lost that thread 3 came to it; so it is on its way off when it is woken, which shows at its end. */
static void a_thread_lost_sight_of_may_be_woken_as_it_leaves_the_cpu(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_futex_wake(&s, 299, 0, 3, 2, LOCK);
	add_loss(&s, 300, 1, 100, 150);
	add_lock(&s, 310, 1, 3, 0, LOCK)->flags |= GT_F_WOKEN;
	add_switch(&s, 400, 1, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 3)->lock, 0);
	assert_int_equal(thread_row(&s, 3)->runnable, (100 + 11 + 90) * US);
	assert_int_equal(thread_row(&s, 3)->unknown, 199 * US);
	schedule_free(&s);
}

/* Somebody was waking each at its switch-out. Whether that was a waking may be lost for 3, not for 4. */
static void a_waking_that_may_be_lost_leaves_unknown_whether_a_thread_blocked(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 3);
	for (uint32_t id = 2; id <= 4; id++) {
		add_task(&s, 0, id, 1);
		add_switch(&s, 0, id - 2, 0, id);
	}
	add_block(&s, 50, 2, 4, 0, NR_READ);
	add_loss(&s, 200, 0, 100, 150);
	add_switch(&s, 250, 2, 0, 4);
	add_lock(&s, 300, 1, 3, 0, LOCK)->flags |= GT_F_WOKEN;
	add_lock(&s, 300, 2, 4, 0, LOCK)->flags |= GT_F_WOKEN;
	add_switch(&s, 500, 1, 0, 3);
	add_switch(&s, 500, 2, 0, 4);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 3)->run, (300 + 500) * US);
	assert_int_equal(thread_row(&s, 3)->lock, 0);
	assert_int_equal(thread_row(&s, 3)->unknown, 200 * US);
	assert_int_equal(thread_row(&s, 4)->lock, 200 * US);
	schedule_free(&s);
}

/* A switch that was not shown counts from when its thread had come, behind records lost since. */
static void a_loss_that_ends_before_it_begins_lasts_until_it_is_told(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_block(&s, 350, 1, 3, 0, NR_READ); /* may be woken on CPU 0 */
	add_loss(&s, 400, 0, 300, 100);
	add_switch(&s, 400, 0, 0, 2);
	add_switch(&s, 600, 1, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, (100 + 600) * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 300 * US);
	assert_int_equal(thread_row(&s, 3)->io, 0);
	assert_int_equal(thread_row(&s, 3)->unknown, 250 * US);
	schedule_free(&s);
}

static void a_thread_born_in_a_loss_is_known_from_its_first_run(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 1, 0, 2);
	add_task(&s, 200, 3, 1)->cpu = 1;
	add_loss(&s, 300, 0, 100, 250);
	add_switch(&s, 400, 0, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 3)->unknown, 200 * US);
	assert_int_equal(thread_row(&s, 3)->run, 600 * US);
	assert_int_equal(thread_row(&s, 2)->run, 1000 * US);
	schedule_free(&s);
}

/* Told by a record of the moment at which the last was lost: that record is known. */
static void what_tells_of_a_loss_is_known(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_loss(&s, 500, 0, 400, 500);
	add_block(&s, 500, 0, 2, 0, NR_READ);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, 400 * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 100 * US);
	assert_int_equal(thread_row(&s, 2)->io, 500 * US);
	schedule_free(&s);
}

/* Lost, told of, and lost again, all in one moment. */
static void a_loss_goes_on_behind_the_record_that_told_of_one(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 1, 0, 2);
	add_loss(&s, 300, 0, 300, 300);
	add_block(&s, 350, 1, 2, 0, NR_READ);
	add_loss(&s, 500, 0, 300, 400);
	add_waking(&s, 600, 1, 2, 0);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, 350 * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 250 * US);
	assert_int_equal(thread_row(&s, 2)->runnable, 400 * US);
	schedule_free(&s);
}

static void who_wakes_another_after_a_loss_runs(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 0, 1, 0, 3);
	add_block(&s, 200, 1, 3, 0, NR_READ);
	add_loss(&s, 400, 0, 300, 350);
	add_waking(&s, 400, 0, 3, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, (300 + 600) * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 100 * US);
	assert_int_equal(cpu_row(&s, 0)->workload, (300 + 600) * US);
	schedule_free(&s);
}

static void losses_of_two_cpus_end_each_for_itself(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 3);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 2, 0, 2);
	add_loss(&s, 300, 0, 100, 290);
	add_block(&s, 350, 2, 2, 0, NR_READ); /* CPU 1 still loses records */
	add_waking(&s, 380, 2, 2, 0);
	add_loss(&s, 450, 1, 200, 400);
	add_waking(&s, 500, 2, 2, 0);
	add_switch(&s, 600, 2, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, (350 + 400) * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 150 * US);
	assert_int_equal(thread_row(&s, 2)->runnable, 100 * US);
	schedule_free(&s);
}

static void a_loss_told_after_the_window_counts(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_loss(&s, 1100, 0, 900, 1050);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, 900 * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 100 * US);
	assert_int_equal(cpu_row(&s, 0)->workload, 900 * US);
	schedule_free(&s);
}

/* The kernel did not show that thread 2 left CPU 0: everyone else is known. */
static void a_switch_that_was_not_shown_concerns_its_own_cpu_only(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 1, 0, 3);
	add_block(&s, 50, 1, 3, 0, NR_READ);
	add_switch(&s, 100, 0, 0, 2);
	ev = add_event(&s, 400, 0, GT_LOST, 0);
	ev->u.lost.reason = GT_LOSS_SWITCH;
	ev->u.lost.count = 1;
	ev->u.lost.first = ev->u.lost.last = 1100 * US; /* when it came */
	add_switch(&s, 700, 0, 0, 2);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->runnable, 100 * US);
	assert_int_equal(thread_row(&s, 2)->run, 300 * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 600 * US);
	assert_int_equal(thread_row(&s, 3)->io, 950 * US);
	assert_int_equal(thread_row(&s, 3)->unknown, 0);
	schedule_free(&s);
}

static void losses_that_concern_no_state_leave_states_known(void **unused)
{
	static const enum gt_loss reasons[] = { GT_LOSS_FUTEX_MAP, GT_LOSS_FUTEX_ARGS,
						GT_LOSS_STACK, GT_LOSS_FUTEX_SKIPPED };
	struct gt_event *ev;
	struct schedule s;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		waiter_and_runner(&s, LOCK, MUTEX_WAIT, 2);
		ev = add_event(&s, 400, 0, GT_LOST, 0);
		ev->u.lost.reason = reasons[i];
		ev->u.lost.first = ev->u.lost.last = 1399 * US;
		schedule_play(&s);
		assert_int_equal(s.out.losses.unknown, 0);
		schedule_free(&s);
	}
}

static void contradictions_end_in_unknown_and_not_in_guesses(void **unused)
{
	struct schedule s;

	/* 2's switch-out on CPU 0 is missing: it turns up on CPU 1, and 3 on CPU 0 */
	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 400, 1, 0, 2);
	add_switch(&s, 600, 0, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, 1000 * US);
	assert_int_equal(cpu_row(&s, 0)->workload + cpu_row(&s, 1)->workload,
			 thread_row(&s, 2)->run + thread_row(&s, 3)->run);
	schedule_free(&s);

	/* and here CPU 0 is known to have gone on to somebody else */
	schedule_init(&s, 1000, 2);
	add_task(&s, 0, 2, 1);
	add_task(&s, 0, 3, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_switch(&s, 400, 0, 0, 3);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(thread_row(&s, 2)->run, 400 * US);
	assert_int_equal(thread_row(&s, 2)->unknown, 600 * US);
	assert_int_equal(s.counts.bad_records, 1);
	schedule_free(&s);
}

/* To another thread, to nobody, from nobody, blocked, woken on the way, preempted, for ever. */
static void switch_through_all(struct schedule *s, uint32_t times)
{
	schedule_init(s, 1000, 2);
	for (uint32_t id = 2; id < 5; id++)
		add_task(s, 0, id, 1);
#define TIMES(add) \
	for (uint32_t i = 0; i < times; i++) \
	add
	TIMES(add_switch(s, 10, 0, 0, 2));
	TIMES(add_switch(s, 20, 1, 0, 3));
	TIMES(add_lock(s, 100, 1, 3, 4, LOCK));
	TIMES(add_switch(s, 150, 1, 4, 0));
	add_futex_wake(s, 200, 0, 3, 2, LOCK);
	TIMES(add_switch(s, 210, 1, 0, 3));
	add_futex_wake(s, 290, 0, 3, 2, LOCK);
	TIMES(add_lock(s, 300, 1, 3, 0, LOCK)->flags |= GT_F_WOKEN);
	TIMES(add_block(s, 400, 0, 2, 3, NR_READ));
	TIMES(add_switch(s, 500, 1, 0, 4));
	TIMES(add_end(s, 600, 0, 3, 0));
	TIMES(add_end(s, 700, 1, 4, 0));
#undef TIMES
	schedule_play(s);
	assert_sums_add_up(s);
}

static void a_switch_told_twice_counts_once(void **unused)
{
	struct schedule once, twice;

	switch_through_all(&once, 1);
	switch_through_all(&twice, 2);
	for (uint32_t id = 2; id < 5; id++) {
		const struct result_thread *a = thread_row(&once, id), *b = thread_row(&twice, id);

		assert_int_equal(a->run, b->run);
		assert_int_equal(a->runnable, b->runnable);
		assert_int_equal(a->lock, b->lock);
		assert_int_equal(a->io, b->io);
		assert_int_equal(b->unknown, 0);
		assert_int_equal(a->switches_voluntary, b->switches_voluntary);
		assert_int_equal(a->switches_involuntary, b->switches_involuntary);
		assert_int_equal(a->wakeups, b->wakeups);
		assert_int_equal(a->migrations, b->migrations);
	}
	assert_int_equal(once.out.locks[0].waits, twice.out.locks[0].waits);
	assert_int_equal(once.out.locks[0].wait.sum, twice.out.locks[0].wait.sum);
	assert_int_equal(once.counts.unseen_wakings, twice.counts.unseen_wakings);
	schedule_free(&once);
	schedule_free(&twice);
}

static void hostile_records_are_counted_and_change_nothing(void **unused)
{
	struct gt_event *ev;
	struct schedule s;

	schedule_init(&s, 1000, 1);
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_task(&s, 10, 2, 5);		       /* the same number twice */
	add_task(&s, 10, 0, 5);		       /* nobody */
	add_task(&s, 10, 7, 0);		       /* no process */
	add_switch(&s, 20, GT_MAX_CPUS, 2, 0); /* no such CPU */
	add_switch(&s, 20, UINT32_MAX - 1, 2, 0);
	add_waking(&s, 30, 0, 0xfffffff0, 0x7fffffff);
	ev = add_event(&s, 40, 0, GT_CPU, 0); /* a stretch that begins in the future */
	ev->u.cpu_span.start = UINT64_MAX;
	ev = add_event(&s, 50, 0, GT_AFFINITY, 2); /* a mask of more words than there are */
	ev->u.affinity.words = 1;
	ev->u.affinity.mask = NULL;
	add_event(&s, 60, 0, 200, 2); /* no such kind */
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.out.nthreads, 1);
	assert_int_equal(thread_row(&s, 2)->run, 1000 * US);
	assert_int_equal(s.counts.bad_records, 6);
	assert_int_equal(s.counts.unknown_tasks, 1);
	schedule_free(&s);
}

static void an_unfinished_trace_ends_with_its_last_record(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 1);
	s.meta.end = 0;
	add_task(&s, 0, 2, 1);
	add_switch(&s, 0, 0, 0, 2);
	add_block(&s, 300, 0, 2, 0, NR_READ);
	add_waking(&s, 500, 0, 2, 0);
	schedule_play(&s);
	assert_sums_add_up(&s);
	assert_int_equal(s.out.end, 1500 * US);
	assert_int_equal(thread_row(&s, 2)->io, 200 * US);
	schedule_free(&s);
}

static void an_empty_trace_has_an_empty_report(void **unused)
{
	struct schedule s;

	schedule_init(&s, 1000, 2);
	schedule_play(&s);
	assert_int_equal(s.out.nthreads, 0);
	assert_int_equal(s.out.verdict.class, VERDICT_INCONCLUSIVE);
	schedule_free(&s);

	schedule_init(&s, 0, 0);
	s.meta.start = s.meta.end = 0;
	schedule_play(&s);
	assert_int_equal(s.out.active, 0);
	schedule_free(&s);
}

struct idle_check {
	bool idle[8];
	int n;
};

static void look_for_idle_cpu(void *ctx, const struct model *m, const struct wake *wake)
{
	struct idle_check *c = ctx;

	c->idle[c->n++] = model_idle_cpu_for(m, wake->wakee);
}

static void an_idle_cpu_counts_only_for_threads_that_may_use_it(void **unused)
{
	static const struct model_sink sink = { .wake = look_for_idle_cpu };
	struct idle_check check = { 0 };
	struct schedule s;
	struct model *m;

	waiter_and_runner(&s, LOCK, MUTEX_WAIT, 2); /* CPU 1 is idle from 100 µs on */
	add_futex_wake(&s, 200, 0, 3, 2, LOCK);
	add_switch(&s, 200, 1, 0, 3);
	add_lock(&s, 300, 1, 3, 0, LOCK)->flags &= ~GT_F_NEXT_IDLE; /* somebody else comes */
	add_futex_wake(&s, 400, 0, 3, 2, LOCK);
	add_switch(&s, 400, 1, 0, 3);
	add_affinity(&s, 450, 3, 0, 0x1); /* CPU 0 only */
	add_lock(&s, 500, 1, 3, 0, LOCK);
	add_futex_wake(&s, 600, 0, 3, 2, LOCK);
	m = model_new(&s.meta, NULL);
	model_add_sink(m, &sink, &check);
	schedule_feed(&s, m);
	model_free(m);
	assert_int_equal(check.n, 3);
	assert_true(check.idle[0]);
	assert_false(check.idle[1]);
	assert_false(check.idle[2]);
}

/* A generator whose sequence is the same on every machine. */
static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33) % below;
}

static void add_random(struct schedule *s, uint64_t *seed, int64_t at)
{
	static const uint16_t states[] = { 0, 0, 1, 1, 1, 2, 0x80, 0x104, 0x402, 0xffff };
	static const uint8_t kinds[] = { GT_SWITCH, GT_SWITCH, GT_SWITCH, GT_SWITCH, GT_WAKING,
					 GT_WAKING, GT_TASK,   GT_TASK,	  GT_STATE,  GT_ON_CPU,
					 GT_CPU,    GT_LOST,   GT_EXIT };
	uint32_t cpu = draw(seed, 3), task = draw(seed, 12);
	struct gt_event *ev = add_event(s, at, cpu, kinds[draw(seed, sizeof(kinds))], task);

	ev->peer = draw(seed, 12);
	ev->flags = (uint8_t)draw(seed, 128);
	ev->state = states[draw(seed, sizeof(states) / sizeof(states[0]))];
	ev->syscall = (int32_t)draw(seed, 300) - 1;
	switch (ev->kind) {
	case GT_TASK:
		ev->u.task.parent = draw(seed, 12);
		ev->u.task.process = ev->u.task.as = draw(seed, 4);
		ev->u.task.clone_flags = draw(seed, 2) ? 0x4000 : 0;
		ev->u.task.flags = draw(seed, 4);
		break;
	case GT_CPU:
		ev->u.cpu_span.start = ev->ts - draw(seed, 300) * US;
		ev->u.cpu_span.idle = draw(seed, 400) * US;
		break;
	case GT_LOST:
		ev->u.lost.reason = draw(seed, GT_LOSS_COUNT + 1);
		ev->u.lost.first = ev->ts + 10 * US - draw(seed, 110) * US; /* or hostile */
		ev->u.lost.last = ev->ts;
		break;
	default:
		ev->op = draw(seed, 16);
		ev->val = draw(seed, 3);
		ev->u.addr = 0x5000 + 64 * draw(seed, 3);
		break;
	}
}

static void times_add_up_whatever_the_records_say(void **unused)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		uint64_t state = seed, workload = 0, run = 0, held = 0, unknown = 0;
		struct schedule s;

		schedule_init(&s, 4000, 2);
		for (int64_t at = -100; at < 4100; at += 1 + draw(&state, 4))
			add_random(&s, &state, at);
		schedule_play(&s);
		assert_sums_add_up(&s);
		for (size_t i = 0; i < s.out.ncpus; i++)
			workload += s.out.cpus[i].workload;
		for (size_t i = 0; i < s.out.noccupancy; i++)
			held += s.out.occupancy[i].run;
		for (size_t i = 0; i < s.out.nthreads; i++)
			run += s.out.threads[i].run, unknown += s.out.threads[i].unknown;
		assert_int_equal(workload, run);
		assert_int_equal(held, run);
		assert_int_equal(s.out.losses.unknown, unknown);
		assert_true(s.out.nthreads > 0 && run > 0);
		assert_true(s.out.active <= 4000 * US);
		schedule_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newborn_is_runnable_from_its_birth),
		cmocka_unit_test(a_thread_ends_with_its_last_switch_out),
		cmocka_unit_test(a_process_ends_with_its_last_thread),
		cmocka_unit_test(exec_by_another_thread_takes_over_the_leaders_number),
		cmocka_unit_test(nothing_before_or_after_the_window_counts),
		cmocka_unit_test(a_thread_that_ended_before_the_window_is_not_in_the_report),
		cmocka_unit_test(found_threads_are_what_they_were_found_doing),
		cmocka_unit_test(a_stop_inside_a_lock_wait_is_other_and_the_wait_goes_on_after_it),
		cmocka_unit_test(a_vfork_parent_waits_for_its_child_and_not_for_a_lock),
		cmocka_unit_test(the_owner_of_the_word_is_the_waker),
		cmocka_unit_test(a_timer_on_top_of_a_thread_is_not_that_threads_wake),
		cmocka_unit_test(a_waiter_moved_to_another_word_is_woken_by_that_words_owner),
		cmocka_unit_test(joiners_are_woken_by_the_thread_that_ends),
		cmocka_unit_test(who_execs_or_ends_the_process_wakes_its_threads),
		cmocka_unit_test(readers_are_woken_by_writers),
		cmocka_unit_test(a_waking_recorded_before_the_switch_out_still_counts),
		cmocka_unit_test(wakings_that_were_not_shown_are_counted),
		cmocka_unit_test(a_thread_that_was_woken_as_it_left_the_cpu_never_blocked),
		cmocka_unit_test(who_wakes_a_thread_that_leaves_and_ends_then_wakes_by_the_futex),
		cmocka_unit_test(lost_records_make_waiting_threads_unknown_until_heard_of),
		cmocka_unit_test(a_loss_counts_from_when_it_was_and_not_from_when_it_is_told),
		cmocka_unit_test(a_thread_lost_sight_of_may_be_woken_as_it_leaves_the_cpu),
		cmocka_unit_test(a_waking_that_may_be_lost_leaves_unknown_whether_a_thread_blocked),
		cmocka_unit_test(a_loss_that_ends_before_it_begins_lasts_until_it_is_told),
		cmocka_unit_test(a_thread_born_in_a_loss_is_known_from_its_first_run),
		cmocka_unit_test(what_tells_of_a_loss_is_known),
		cmocka_unit_test(a_loss_goes_on_behind_the_record_that_told_of_one),
		cmocka_unit_test(who_wakes_another_after_a_loss_runs),
		cmocka_unit_test(losses_of_two_cpus_end_each_for_itself),
		cmocka_unit_test(a_loss_told_after_the_window_counts),
		cmocka_unit_test(a_switch_that_was_not_shown_concerns_its_own_cpu_only),
		cmocka_unit_test(losses_that_concern_no_state_leave_states_known),
		cmocka_unit_test(contradictions_end_in_unknown_and_not_in_guesses),
		cmocka_unit_test(a_switch_told_twice_counts_once),
		cmocka_unit_test(hostile_records_are_counted_and_change_nothing),
		cmocka_unit_test(an_unfinished_trace_ends_with_its_last_record),
		cmocka_unit_test(an_empty_trace_has_an_empty_report),
		cmocka_unit_test(an_idle_cpu_counts_only_for_threads_that_may_use_it),
		cmocka_unit_test(times_add_up_whatever_the_records_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
