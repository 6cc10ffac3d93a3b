/* SPDX-License-Identifier: MIT */
/* Below the table of locks: who held the one that matters most, and who waited because of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/buf.h>

#include "text_parts.h"
#include "units.h"

#define HOLDERS_MAX 3
#define PAIRS_MAX 2
#define CONVOY_NS 1000000 /* data that waits longer than this is worth a line */

static const char *thread_name(const struct results *r, uint32_t id)
{
	for (size_t i = 0; i < r->nthreads; i++)
		if (r->threads[i].id == id)
			return r->threads[i].comm;
	return "?";
}

/* Threads of one name are told apart by their tids. */
static void add_thread(struct buf *b, const struct results *r, uint32_t id)
{
	const char *name = thread_name(r, id);
	unsigned int namesakes = 0;
	int32_t tid = 0;

	for (size_t i = 0; i < r->nthreads; i++) {
		if (r->threads[i].id == id)
			tid = r->threads[i].tid;
		namesakes += !strcmp(r->threads[i].comm, name);
	}
	buf_add_str(b, name);
	if (namesakes > 1)
		buf_printf(b, " (%d)", tid);
}

static int more_held(const void *a, const void *b)
{
	const struct result_lock_thread *x = *(const struct result_lock_thread *const *)a;
	const struct result_lock_thread *y = *(const struct result_lock_thread *const *)b;

	if (x->held != y->held)
		return x->held < y->held ? 1 : -1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static const struct result_lock_thread **holders_of(const struct result_lock *lock, size_t *n)
{
	const struct result_lock_thread **by = calloc(lock->nby_thread + 1, sizeof(*by));

	*n = 0;
	for (size_t i = 0; by && i < lock->nby_thread; i++)
		if (lock->by_thread[i].held && lock->by_thread[i].held != RESULT_UNKNOWN)
			by[(*n)++] = &lock->by_thread[i];
	if (by)
		qsort(by, *n, sizeof(*by), more_held);
	return by;
}

static bool held(struct buf *b, const struct canvas *c, const struct results *r,
		 const struct result_lock *lock, int *err)
{
	const struct result_lock_thread **by;
	size_t n;

	if (!lock->hold_source)
		return false;
	by = holders_of(lock, &n);
	if (!by) {
		*err = -ENOMEM;
		return false;
	}
	buf_printf(b, "held %s%s (%s): ", units_time(lock->hold.sum, c->unicode).text,
		   lock->fairness < 0 ? " as far as seen" : "",
		   !strcmp(lock->hold_source, "inferred") ? "inferred"
		   : !strcmp(lock->hold_source, "usdt")	  ? "exact, usdt"
							  : "exact, probes");
	buf_printf(b, "%s running, %s runnable, %s blocked; ",
		   units_share(share(lock->held_running, lock->hold.sum)).text,
		   units_share(share(lock->held_runnable, lock->hold.sum)).text,
		   units_share(share(lock->held_blocked, lock->hold.sum)).text);
	buf_add_str(b, "by ");
	for (size_t i = 0; i < n && i < HOLDERS_MAX; i++) {
		buf_add_str(b, i ? ", " : "");
		add_thread(b, r, by[i]->thread);
		buf_printf(b, " %s", units_share(share(by[i]->held, lock->hold.sum)).text);
	}
	if (n > HOLDERS_MAX)
		buf_printf(b, ", %zu more", n - HOLDERS_MAX);
	free(by);
	return true;
}

static bool kept_waiting(struct buf *b, const struct canvas *c, const struct results *r,
			 const struct result_lock *lock, int *err)
{
	uint64_t nobody = 0, others = 0;
	size_t shown = 0;

	for (size_t i = 0; i < lock->npairs; i++) {
		const struct result_lock_pair *p = &lock->pairs[i];

		if (!p->holder)
			nobody += p->time - p->others;
		others += p->others;
		if (!p->holder || shown++ >= PAIRS_MAX)
			continue;
		buf_add_str(b, shown == 1 ? "kept waiting: " : ", ");
		add_thread(b, r, p->waiter);
		buf_add_str(b, " by ");
		add_thread(b, r, p->holder);
		buf_printf(b, " %s", units_time(p->time, c->unicode).text);
	}
	if (shown && nobody)
		buf_printf(b, "; by nobody known %s", units_time(nobody, c->unicode).text);
	if (shown && others)
		buf_printf(b, "; by others that are not told apart %s",
			   units_time(others, c->unicode).text);
	return shown;
}

#define HANDFUL 5 /* of fewer hand-overs there are no quantiles worth the name */

static bool switching(struct buf *b, const struct canvas *c, const struct results *r,
		      const struct result_lock *lock, int *err)
{
	if (!lock->handoffs || lock->handoff_sum == RESULT_UNKNOWN)
		return false;
	buf_printf(b, "%s hand-over%s cost %s from release to running",
		   units_count(lock->handoffs).text, lock->handoffs == 1 ? "" : "s",
		   units_time(lock->handoff_sum, c->unicode).text);
	if (lock->handoffs >= HANDFUL)
		buf_printf(b, ": p50 %s, p99 %s", units_time(lock->handoff_p50, c->unicode).text,
			   units_time(lock->handoff_p99, c->unicode).text);
	return true;
}

static bool convoy(struct buf *b, const struct canvas *c, const struct results *r,
		   const struct result_lock *lock, int *err)
{
	const struct result_lock_thread *worst = NULL;

	for (size_t i = 0; i < lock->nby_thread; i++) {
		const struct result_lock_thread *t = &lock->by_thread[i];

		if (t->io_waits && (!worst || t->io_latency.sum > worst->io_latency.sum))
			worst = t;
	}
	if (!worst || worst->io_latency.p99 < CONVOY_NS)
		return false;
	buf_add_str(b, "convoy: ");
	add_thread(b, r, worst->thread);
	buf_printf(b, " had the lock p50 %s, p99 %s after its data came, %s times",
		   units_time(worst->io_latency.p50, c->unicode).text,
		   units_time(worst->io_latency.p99, c->unicode).text,
		   units_count(worst->io_waits).text);
	return true;
}

/* Each may have nothing to say: false. */
static bool (*const sentences[])(struct buf *b, const struct canvas *c, const struct results *r,
				 const struct result_lock *lock, int *err) = {
	held,
	kept_waiting,
	switching,
	convoy,
};

int text_holders(struct canvas *c, const struct results *r, const struct result_lock *lock)
{
	struct buf b = { 0 };
	const char *text;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		size_t before = b.len;

		buf_add_str(&b, before ? ". " : "");
		if (!sentences[i](&b, c, r, lock, &err) && !b.err)
			b.len = before;
	}
	text = err ? NULL : buf_str(&b);
	if (!err && !text)
		err = -ENOMEM;
	if (!err && *text) {
		canvas_style(c, CANVAS_FAINT);
		canvas_pad(c, 2);
		err = canvas_fill_names(c, text, 4);
	}
	buf_free(&b);
	return err;
}
