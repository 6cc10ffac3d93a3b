/* SPDX-License-Identifier: MIT */
#include "lock_results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock_kind.h"
#include "lock_present.h"
#include "lock_sort.h"
#include "parallelism.h"

#define RECOGNISED_MAX 6

static int u32_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int processes_of(const struct lock_results *l, struct lock_result_parts parts,
			uint32_t **out, size_t *nout)
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
static int process_shares_of(const struct lock_results *l, uint32_t group,
			     struct lock_result_parts parts, struct result_lock *r)
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
			all ? (double)lock_shares_get(l->shares, group, process) / (double)all : 0;
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

/* By its symbol, by its address, or as the one lock that the interpreter has. */
static int probed_name(const struct lock_probed_lock *probed, const struct lock_interpreter *it,
		       char **out)
{
	if (probed->name || !probed->addr)
		return copy_text(probed->name ?: it ? lock_kind_global_name(it->kind) : NULL, out);
	*out = NULL;
	return asprintf(out, "0x%" PRIx64, probed->addr) < 0 ? -ENOMEM : 0;
}

/* A lock that nobody waited for is known by its probes alone. */
static int named(const struct lock_results *l, const struct lock_group *g, uint32_t lock,
		 struct result_lock *r)
{
	const struct lock_probed_lock *probed = lock_probed_at(l->probed, lock);
	const struct lock_interpreter *it;
	int err;

	if (g) {
		err = copy_text(g->name, &r->name);
		err = err ?: copy_text(g->image, &r->image);
		err = err ?: words_of(g, &r->words, &r->nwords);
		return err ?: recognised(g, r);
	}
	it = lock_probed_interpreter(l->probed, probed->as);
	err = probed_name(probed, it, &r->name);
	err = err ?: copy_text(probed->image ? probed->image : it ? it->image : NULL, &r->image);
	r->recognised_by = err ? NULL : calloc(RECOGNISED_MAX, sizeof(*r->recognised_by));
	if (!r->recognised_by)
		return -ENOMEM;
	return copy_text("its probes; nobody waited for it",
			 &r->recognised_by[r->nrecognised_by++]);
}

/* Shares are left as sums of nanoseconds until all locks are known: shares_of(). */
static int lock_result(const struct lock_results *l, const struct lock_group *g, uint32_t lock,
		       struct lock_result_parts parts, struct result_lock *r)
{
	const struct lock_probed_lock *probed = lock_probed_at(l->probed, lock);
	const struct lock_book *book = l->books->at[lock];
	int err = processes_of(l, parts, &r->processes, &r->nprocesses);

	r->id = lock + 1;
	r->kind = g ? g->kind : probed->kind;
	r->inferred = g && !probed && !(g->evidence.value_always_2 || g->evidence.pi);
	r->timeouts = book->timeouts;
	r->handoffs = book->handoffs;
	r->wait = spread_result(&book->wait);
	r->handoff_p50 = r->handoff_p99 = r->handoff_sum = RESULT_UNKNOWN;
	if (book->handoffs) {
		r->handoff_p50 = spread_quantile(&book->handoff, 0.5);
		r->handoff_p99 = spread_quantile(&book->handoff, 0.99);
		r->handoff_sum = spread_result(&book->handoff).sum;
	}
	r->share_of_lock_time = book->blocked;
	r->explains_serialized = lock_shares_get(l->shares, lock, NULL);
	err = err ?: process_shares_of(l, lock, parts, r);
	err = err ?: named(l, g, lock, r);
	return err ?: lock_holders(l, lock, parts, r);
}

static int event_result(const struct lock_results *l, const struct lock_group *g,
			const struct lock_book *book, struct lock_result_parts parts,
			struct result_event *r)
{
	int err = processes_of(l, parts, &r->processes, &r->nprocesses);

	r->sort = g->sort;
	r->wait = spread_result(&book->wait);
	for (size_t i = 0; i < parts.n; i++)
		r->waits += parts.at[i].waits;
	err = err ?: copy_text(g->name, &r->name);
	return err ?: words_of(g, &r->words, &r->nwords);
}

static void shares_of(const struct lock_results *l, struct results *out)
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

/* A thread that merely woke somebody has no part worth a row. */
static bool has_part(const struct lock_part *p)
{
	return p->waits || p->holds || p->acquisitions || p->releases;
}

static size_t parts_worth(struct lock_part *at, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct lock_part p = at[i];

		if (!has_part(&p))
			continue;
		at[i] = at[kept];
		at[kept++] = p;
	}
	return kept;
}

static int groups_results(const struct lock_results *l, struct results *out)
{
	struct lock_part *all = l->books->parts.at;
	size_t nparts = l->books->parts.n;
	int err = 0;

	for (size_t i = 0, n; !err && i < nparts; i += n) {
		uint32_t lock = all[i].group;
		const struct lock_group *g = lock_table_at(l->ctx->locks, lock);
		struct lock_result_parts parts = { .at = &all[i] };

		for (n = 0; i + n < nparts && all[i + n].group == lock;)
			n++;
		parts.all = n;
		parts.n = parts_worth(&all[i], n);
		if (!parts.n)
			continue;
		if (!g || g->sort == SORT_LOCK || lock_probed_at(l->probed, lock))
			err = lock_result(l, g, lock, parts, &out->locks[out->nlocks++]);
		else
			err = event_result(l, g, l->books->at[lock], parts,
					   &out->events[out->nevents++]);
	}
	return err;
}

/* What is held at the window's end was held until then. */
static void close_holds(const struct lock_results *l)
{
	struct lock_books *books = l->books;
	uint64_t now = model_now(l->ctx->model);

	for (size_t i = 0; i < books->parts.n; i++) {
		struct lock_part *p = &books->parts.at[i];
		const struct thread *t = model_thread_at(l->ctx->model, p->thread);
		uint64_t end = t->end ? t->end : now, since = p->holding;

		p->holding = 0;
		if (since && since < end)
			lock_books_hold(books, p->group, p->thread, end - since, p->holding_at,
					lock_books_clock(books, t, end));
	}
}

int lock_results(const struct lock_results *l, struct results *out)
{
	uint32_t n = l->books->nlocks;
	int err;

	close_holds(l);
	lock_parts_sort(&l->books->parts);
	out->locks = calloc((size_t)n + 1, sizeof(*out->locks));
	out->events = calloc((size_t)n + 1, sizeof(*out->events));
	if (!out->locks || !out->events)
		return -ENOMEM;
	err = groups_results(l, out);
	err = err ?: lock_present(l, out);
	if (err)
		return err;
	shares_of(l, out);
	qsort(out->locks, out->nlocks, sizeof(*out->locks), lock_cmp);
	qsort(out->events, out->nevents, sizeof(*out->events), event_cmp);
	return 0;
}
