/* SPDX-License-Identifier: MIT */
#include "locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lock_sort.h"
#include "lock_waits.h"

#define RECOGNISED_MAX 6
/* Distinct futex calls that are kept; the kernel side's own table is smaller. */
#define CALLS_MAX (1U << 20)

struct locks {
	struct analysis_context *ctx;
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
	free(l->calls);
	free(l);
}

static void *locks_new(struct analysis_context *ctx)
{
	struct locks *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ctx = ctx;
	l->waits = lock_waits_new(ctx->locks, ctx->parallelism);
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

static void record(void *self, const struct model *m, const struct gt_event *ev)
{
	struct locks *l = self;

	if (ev->kind != GT_FUTEX_COUNT)
		return;
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

/* ---- results ---- */

/* One group's part of the threads' parts. */
struct parts {
	const struct lock_part *at;
	size_t n;
};

static int u32_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int processes_of(const struct locks *l, struct parts parts, uint32_t **out, size_t *nout)
{
	uint32_t *ids = calloc(parts.n + 1, sizeof(*ids));
	size_t n = 0;

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < parts.n; i++)
		ids[i] = model_thread_at(l->ctx->model, parts.at[i].thread)->process->id;
	qsort(ids, parts.n, sizeof(*ids), u32_cmp);
	for (size_t i = 0; i < parts.n; i++)
		if (!n || ids[n - 1] != ids[i])
			ids[n++] = ids[i];
	*out = ids;
	*nout = n;
	return 0;
}

/* For each of r->processes. Their clocks are at the end of the window. */
static int process_shares_of(const struct locks *l, uint32_t group, struct parts parts,
			     struct result_lock *r)
{
	const struct parallelism *p = l->ctx->parallelism;
	uint64_t end = model_now(l->ctx->model);

	r->explains_of_process = calloc(r->nprocesses + 1, sizeof(*r->explains_of_process));
	if (!r->explains_of_process)
		return -ENOMEM;
	for (size_t i = 0; i < parts.n && p; i++) {
		const struct process *process =
			model_thread_at(l->ctx->model, parts.at[i].thread)->process;
		uint64_t all = parallelism_serialized_so_far(p, process, end);
		uint32_t *at = bsearch(&process->id, r->processes, r->nprocesses,
				       sizeof(*r->processes), u32_cmp);

		r->explains_of_process[at - r->processes] =
			all ? (double)lock_shares_get(lock_waits_shares(l->waits), group, process) /
					(double)all
			    : 0;
	}
	return 0;
}

static int words_of(const struct lock_group *g, struct lock_word **out, size_t *nout)
{
	*out = calloc(g->nwords + 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	memcpy(*out, g->words, g->nwords * sizeof(**out));
	*nout = g->nwords;
	return 0;
}

static int copy_text(const char *text, char **out)
{
	*out = text ? strdup(text) : NULL;
	return text && !*out ? -ENOMEM : 0;
}

static int threads_of(const struct locks *l, struct parts parts, struct result_lock *r)
{
	r->by_thread = calloc(parts.n + 1, sizeof(*r->by_thread));
	if (!r->by_thread)
		return -ENOMEM;
	for (size_t i = 0; i < parts.n; i++) {
		const struct lock_part *p = &parts.at[i];

		r->waiters += !!p->waits;
		r->waits += p->waits;
		r->by_thread[i] = (struct result_lock_thread){
			.thread = model_thread_at(l->ctx->model, p->thread)->id,
			.waits = p->waits,
			.wait = p->wait,
			.held = p->holds ? p->held : RESULT_UNKNOWN,
		};
	}
	r->nby_thread = parts.n;
	return 0;
}

static int recognised(const struct lock_group *g, struct result_lock *r)
{
	int n;

	r->recognised_by = calloc(RECOGNISED_MAX, sizeof(*r->recognised_by));
	if (!r->recognised_by)
		return -ENOMEM;
	n = lock_sort_explain(g, r->recognised_by, RECOGNISED_MAX);
	if (n < 0)
		return n;
	r->nrecognised_by = n;
	return 0;
}

static void hold_of(const struct lock_waits_group *sums, struct result_lock *r)
{
	if (!sums->hold.count) {
		r->hold = (struct result_spread){ RESULT_UNKNOWN, RESULT_UNKNOWN, RESULT_UNKNOWN,
						  RESULT_UNKNOWN };
		return;
	}
	r->hold = spread_result(&sums->hold);
	r->hold_source = "inferred";
}

/* Shares are left as sums of nanoseconds until all locks are known: shares_of(). */
static int lock_result(const struct locks *l, const struct lock_group *g,
		       const struct lock_waits_group *sums, struct parts parts,
		       struct result_lock *r)
{
	int err = processes_of(l, parts, &r->processes, &r->nprocesses);

	r->id = g->id;
	r->kind = g->kind;
	r->inferred = !(g->evidence.value_always_2 || g->evidence.pi);
	r->timeouts = sums->timeouts;
	r->handoffs = sums->handoffs;
	r->wait = spread_result(&sums->wait);
	r->handoff_p50 = sums->handoffs ? spread_quantile(&sums->handoff, 0.5) : RESULT_UNKNOWN;
	r->handoff_p99 = sums->handoffs ? spread_quantile(&sums->handoff, 0.99) : RESULT_UNKNOWN;
	hold_of(sums, r);
	r->share_of_lock_time = sums->blocked;
	r->explains_serialized =
		lock_shares_get(lock_waits_shares(l->waits), parts.at->group, NULL);
	err = err ?: process_shares_of(l, parts.at->group, parts, r);
	err = err ?: copy_text(g->name, &r->name);
	err = err ?: copy_text(g->image, &r->image);
	err = err ?: words_of(g, &r->words, &r->nwords);
	err = err ?: threads_of(l, parts, r);
	return err ?: recognised(g, r);
}

static int event_result(const struct locks *l, const struct lock_group *g,
			const struct lock_waits_group *sums, struct parts parts,
			struct result_event *r)
{
	int err = processes_of(l, parts, &r->processes, &r->nprocesses);

	r->sort = g->sort;
	r->wait = spread_result(&sums->wait);
	for (size_t i = 0; i < parts.n; i++)
		r->waits += parts.at[i].waits;
	err = err ?: copy_text(g->name, &r->name);
	return err ?: words_of(g, &r->words, &r->nwords);
}

static void shares_of(const struct locks *l, struct results *out)
{
	double blocked = 0;
	struct parallelism *p = l->ctx->parallelism;
	uint64_t end = model_now(l->ctx->model);
	double serialized = p ? parallelism_serialized_so_far(p, NULL, end) : 0;

	for (size_t i = 0; i < out->nlocks; i++)
		blocked += out->locks[i].share_of_lock_time;
	for (size_t i = 0; i < out->nlocks; i++) {
		struct result_lock *r = &out->locks[i];

		r->share_of_lock_time = blocked > 0 ? r->share_of_lock_time / blocked : 0;
		r->explains_serialized = serialized > 0 ? r->explains_serialized / serialized : 0;
	}
}

static int by_wait(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int lock_cmp(const void *a, const void *b)
{
	const struct result_lock *x = a, *y = b;
	int order = by_wait(x->wait.sum, y->wait.sum);

	return order ? order : u32_cmp(&x->id, &y->id);
}

static int word_place_cmp(const struct lock_word *a, const struct lock_word *b)
{
	if (a->as != b->as)
		return a->as < b->as ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static int event_cmp(const void *a, const void *b)
{
	const struct result_event *x = a, *y = b;
	int order = by_wait(x->wait.sum, y->wait.sum);

	return order ? order : word_place_cmp(x->words, y->words);
}

static int groups_results(struct locks *l, struct results *out)
{
	size_t nparts;
	const struct lock_part *all = lock_waits_parts(l->waits, &nparts);
	int err = 0;

	for (size_t i = 0, n; !err && i < nparts; i += n) {
		uint32_t at = all[i].group;
		const struct lock_group *g = lock_table_at(l->ctx->locks, at);
		const struct lock_waits_group *sums = lock_waits_at(l->waits, at);
		struct parts parts = { &all[i], 0 };

		for (n = 0; i + n < nparts && all[i + n].group == at;)
			n++;
		parts.n = n;
		if (g->sort == SORT_LOCK)
			err = lock_result(l, g, sums, parts, &out->locks[out->nlocks++]);
		else
			err = event_result(l, g, sums, parts, &out->events[out->nevents++]);
	}
	return err;
}

static int locks_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct locks *l = self;
	uint32_t n = ctx->locks ? lock_table_size(ctx->locks) : 0;
	int err = l->err ? l->err : lock_waits_error(l->waits);

	out->losses.left_out += l->left_out + lock_waits_left_out(l->waits);
	out->futex_calls = l->calls;
	out->nfutex_calls = l->ncalls;
	l->calls = NULL;
	l->ncalls = 0;
	if (err)
		return err;
	out->locks = calloc((size_t)n + 1, sizeof(*out->locks));
	out->events = calloc((size_t)n + 1, sizeof(*out->events));
	if (!out->locks || !out->events)
		return -ENOMEM;
	err = groups_results(l, out);
	if (err)
		return err;
	shares_of(l, out);
	qsort(out->locks, out->nlocks, sizeof(*out->locks), lock_cmp);
	qsort(out->events, out->nevents, sizeof(*out->events), event_cmp);
	return 0;
}

static const struct model_sink sink = {
	.transition = transition,
	.wake = wake,
	.record = record,
};

const struct analysis locks_analysis = {
	.name = "locks",
	.sink = &sink,
	.new = locks_new,
	.results = locks_results,
	.free = locks_free,
};
