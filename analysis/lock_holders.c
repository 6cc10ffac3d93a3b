/* SPDX-License-Identifier: MIT */
/* Of one lock: who held it, who waited, and who because of whom. */
#include <errno.h>
#include <stdlib.h>

#include "lock_results.h"

static struct result_spread unknown_spread(void)
{
	return (struct result_spread){ RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN,
				       RESULT_UNKNOWN };
}

/*
 * Where only holds between a wait and a wake are seen, a thread without any may yet have held it,
 * and no thread's sum is whole.
 */
static struct result_lock_thread thread_of(const struct lock_results *l,
					   const struct lock_book *book, const struct lock_part *p)
{
	bool exact = book->way == LOCK_WAY_EXACT;
	bool held = p->holds || book->way != LOCK_WAY_PLAIN;

	return (struct result_lock_thread){
		.thread = model_thread_at(l->ctx->model, p->thread)->id,
		.waits = p->waits,
		.wait = p->wait,
		.wait_runnable = p->wait_runnable,
		.wait_blocked = p->wait - p->wait_runnable - p->wait_running,
		.races_lost = p->races_lost,
		.acquisitions = exact ? p->acquisitions : RESULT_UNKNOWN,
		.releases = exact ? p->releases : RESULT_UNKNOWN,
		.held = held ? p->held : RESULT_UNKNOWN,
		.held_running = held ? p->held_running : RESULT_UNKNOWN,
		.held_runnable = held ? p->held_runnable : RESULT_UNKNOWN,
		.held_blocked = held ? p->held - p->held_running - p->held_runnable
				     : RESULT_UNKNOWN,
		.hold_share = -1,
		.io_waits = p->io.count,
		.io_latency = p->io.count ? spread_result(&p->io) : unknown_spread(),
	};
}

static int threads_of(const struct lock_results *l, const struct lock_book *book,
		      struct lock_result_parts parts, struct result_lock *r)
{
	r->by_thread = calloc(parts.n + 1, sizeof(*r->by_thread));
	if (!r->by_thread)
		return -ENOMEM;
	for (size_t i = 0; i < parts.n; i++) {
		r->by_thread[i] = thread_of(l, book, &parts.at[i]);
		r->waiters += !!parts.at[i].waits;
		r->waits += parts.at[i].waits;
	}
	r->nby_thread = parts.n;
	return 0;
}

static void sums_of(const struct lock_book *book, struct lock_result_parts parts,
		    struct result_lock *r)
{
	uint64_t held = 0, running = 0, runnable = 0;

	r->acquisitions = r->releases = RESULT_UNKNOWN;
	if (book->way == LOCK_WAY_EXACT)
		r->acquisitions = r->releases = 0;
	for (size_t i = 0; i < parts.n; i++) {
		const struct lock_part *p = &parts.at[i];

		held += p->held;
		running += p->held_running;
		runnable += p->held_runnable;
		if (book->way == LOCK_WAY_EXACT) {
			r->acquisitions += p->acquisitions;
			r->releases += p->releases;
		}
	}
	r->held_running = r->held_runnable = r->held_blocked = RESULT_UNKNOWN;
	if (!book->hold.count)
		return;
	r->held_running = running;
	r->held_runnable = runnable;
	r->held_blocked = held - running - runnable;
}

/* Jain's index, (sum of x)² ÷ (n × sum of x²), and each thread's share. */
static void shares_of_holds(const struct lock_book *book, struct result_lock *r)
{
	double sum = 0, squares = 0;

	r->fairness = -1;
	if (book->way == LOCK_WAY_PLAIN)
		return;
	for (size_t i = 0; i < r->nby_thread; i++) {
		double held = r->by_thread[i].held;

		sum += held;
		squares += held * held;
	}
	if (sum <= 0)
		return;
	r->fairness = sum * sum / ((double)r->nby_thread * squares);
	for (size_t i = 0; i < r->nby_thread; i++)
		r->by_thread[i].hold_share = (double)r->by_thread[i].held / sum;
}

static void hold_of(const struct lock_results *l, uint32_t lock, const struct lock_book *book,
		    struct lock_result_parts parts, struct result_lock *r)
{
	const struct lock_probed_lock *probed = lock_probed_at(l->probed, lock);

	r->hold = unknown_spread();
	sums_of(book, parts, r);
	shares_of_holds(book, r);
	if (!book->hold.count)
		return;
	r->hold = spread_result(&book->hold);
	r->hold_source = !probed ? "inferred" : probed->usdt ? "usdt" : "probes";
}

/* ---- who keeps whom waiting ---- */

static int pair_cmp(const void *a, const void *b)
{
	const struct result_lock_pair *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? 1 : -1;
	if (x->waiter != y->waiter)
		return x->waiter < y->waiter ? -1 : 1;
	return x->holder < y->holder ? -1 : x->holder > y->holder;
}

static void add_pair(struct result_lock *r, uint32_t holder, uint32_t waiter, uint64_t time,
		     uint64_t others)
{
	if (time)
		r->pairs[r->npairs++] = (struct result_lock_pair){ holder, waiter, time, others };
}

static int pairs_of(const struct lock_results *l, struct lock_result_parts parts,
		    struct result_lock *r)
{
	size_t n = 0;

	for (size_t i = 0; i < parts.all; i++)
		n += parts.at[i].row ? parts.at[i].row->n + 1 : 0;
	r->pairs = calloc(n + 1, sizeof(*r->pairs));
	if (!r->pairs)
		return -ENOMEM;
	for (size_t i = 0; i < parts.all; i++) {
		const struct lock_row *row = parts.at[i].row;
		uint32_t waiter = model_thread_at(l->ctx->model, parts.at[i].thread)->id;

		if (row)
			add_pair(r, 0, waiter, row->nobody + row->others, row->others);
		for (uint32_t k = 0; row && k < row->room; k++)
			if (row->cells[k].ns)
				add_pair(r,
					 model_thread_at(l->ctx->model, row->cells[k].holder - 1)
						 ->id,
					 waiter, row->cells[k].ns, 0);
	}
	qsort(r->pairs, r->npairs, sizeof(*r->pairs), pair_cmp);
	return 0;
}

int lock_holders(const struct lock_results *l, uint32_t lock, struct lock_result_parts parts,
		 struct result_lock *r)
{
	const struct lock_book *book = l->books->at[lock];
	int err = threads_of(l, book, parts, r);

	if (err)
		return err;
	hold_of(l, lock, book, parts, r);
	return pairs_of(l, parts, r);
}
