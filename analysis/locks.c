/* SPDX-License-Identifier: MIT */
#include "locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lock_results.h"
#include "lock_waits.h"

/* Distinct futex calls that are kept; the kernel side's own table is smaller. */
#define CALLS_MAX (1U << 20)

struct locks {
	struct analysis_context *ctx;
	const struct lock_probed *probed;
	struct lock_books books;
	struct lock_holds holds;
	struct lock_waits *waits;
	struct result_futex_call *calls;
	size_t ncalls, calls_room;
	uint64_t left_out; /* calls beyond CALLS_MAX */
	int err;
};

static void locks_free(void *self)
{
	struct locks *l = self;

	if (!l)
		return;
	lock_waits_free(l->waits);
	lock_holds_release(&l->holds);
	lock_books_release(&l->books);
	free(l->calls);
	free(l);
}

static void *locks_new(struct analysis_context *ctx)
{
	struct locks *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ctx = ctx;
	l->probed = ctx->locks ? lock_table_probed(ctx->locks) : NULL;
	lock_holds_init(&l->holds, &l->books, ctx->locks);
	if (!lock_books_init(&l->books, ctx->locks, l->probed))
		l->waits = lock_waits_new(ctx->locks, ctx->parallelism, &l->books, &l->holds);
	if (!l->waits) {
		locks_free(l);
		return NULL;
	}
	return l;
}

/* ---- second pass ---- */

static void transition(void *self, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct locks *l = self;

	lock_waits_transition(l->waits, t, next, now);
}

static void wake(void *self, const struct model *m, const struct wake *wake)
{
	struct locks *l = self;

	lock_waits_wake(l->waits, wake);
}

static void futex_call(struct locks *l, const struct gt_event *ev)
{
	if (l->ncalls == CALLS_MAX) {
		l->left_out++;
		return;
	}
	if (l->ncalls == l->calls_room) {
		size_t room = l->calls_room ? l->calls_room * 2 : 64;
		struct result_futex_call *p = realloc(l->calls, room * sizeof(*p));

		if (!p) {
			l->err = -ENOMEM;
			return;
		}
		l->calls = p;
		l->calls_room = room;
	}
	l->calls[l->ncalls++] = (struct result_futex_call){
		.process = ev->u.futex_count.process,
		.address = ev->u.futex_count.addr,
		.op = ev->u.futex_count.op,
		.result = ev->u.futex_count.result,
		.count = ev->u.futex_count.count,
	};
}

/* Records of probes are told as they pass, whatever the window. */
static void probe(struct locks *l, const struct model *m, const struct gt_event *ev)
{
	const struct thread *t = model_thread(m, ev->task);
	const struct lock_probed_lock *lock;

	if (!t || t->state == STATE_NONE || ev->ts < model_window_start(m) ||
	    (l->ctx->meta->end && ev->ts > l->ctx->meta->end))
		return;
	lock = lock_probed_find(l->probed, t->process->as, ev);
	if (!lock)
		return;
	lock_waits_probed(l->waits, t);
	lock_exact_record(&l->holds, t, lock->lock, ev->u.lock.role, lock->began, ev->ts);
}

static void record(void *self, const struct model *m, const struct gt_event *ev)
{
	if (ev->kind == GT_FUTEX_COUNT)
		futex_call(self, ev);
	else if (ev->kind == GT_LOCK)
		probe(self, m, ev);
}

/* ---- results ---- */

static int locks_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct locks *l = self;
	int err = l->err ? l->err : l->books.err;
	struct lock_results from = {
		.ctx = ctx,
		.books = &l->books,
		.shares = l->waits ? lock_waits_shares(l->waits) : NULL,
		.probed = l->probed,
	};

	if (!err && l->ctx->parallelism)
		err = parallelism_error(l->ctx->parallelism);
	out->losses.left_out += l->left_out + l->books.left_out;
	out->futex_calls = l->calls;
	out->nfutex_calls = l->ncalls;
	l->calls = NULL;
	l->ncalls = 0;
	return err ? err : lock_results(&from, out);
}

static const struct model_sink sink = {
	.transition = transition,
	.wake = wake,
	.record = record,
};

const struct analysis locks_analysis = {
	.name = "locks",
	.lanes = ANALYSIS_LOCKS,
	.sink = &sink,
	.new = locks_new,
	.results = locks_results,
	.free = locks_free,
};
