/* SPDX-License-Identifier: MIT */
#include "model_losses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"

#define LOSSES_MAX                                                                                 \
	(1U << 20) /* from there on a CPU's losses are one, and what lies between is lost, too */

static bool costs_records(uint32_t reason)
{
	return reason != GT_LOSS_FUTEX_MAP && reason != GT_LOSS_FUTEX_ARGS &&
	       reason != GT_LOSS_STACK && reason != GT_LOSS_FUTEX_SKIPPED;
}

static bool is_own(const struct gt_event *ev)
{
	return ev->u.lost.reason == GT_LOSS_SWITCH && ev->u.lost.count == 1;
}

static struct model_loss *losses_push(struct model_losses *l)
{
	uint32_t bigger = l->cap ? l->cap * 2 : 16;
	struct model_loss *p;

	if (l->n == l->cap) {
		p = realloc(l->at, bigger * sizeof(*p));
		if (!p)
			return NULL;
		l->at = p;
		l->cap = bigger;
	}
	return &l->at[l->n++];
}

int model_losses_add(struct model_losses *l, const struct gt_event *ev)
{
	struct model_loss loss = {
		.first = ev->u.lost.first,
		.last = ev->u.lost.last,
		.cpu = ev->cpu,
		.own = is_own(ev),
	};
	struct model_loss *newest, *at;

	if (ev->cpu >= GT_MAX_CPUS || !costs_records(ev->u.lost.reason))
		return 0;
	/* When the thread left that the kernel did not show is not known: until this record. */
	if (loss.last > ev->ts || ev->u.lost.reason == GT_LOSS_SWITCH)
		loss.last = ev->ts;
	/* Likewise where it left a while after its coming, and records of that while were lost before. */
	if (loss.first > loss.last) {
		loss.first = loss.last;
		loss.last = ev->ts;
	}
	newest = l->last_of[ev->cpu] ? &l->at[l->last_of[ev->cpu] - 1] : NULL;
	if (newest && l->n >= LOSSES_MAX) {
		newest->own = newest->own && loss.own;
		newest->first = loss.first < newest->first ? loss.first : newest->first;
		newest->last = loss.last > newest->last ? loss.last : newest->last;
		return 0;
	}
	at = losses_push(l);
	if (!at)
		return -ENOMEM;
	*at = loss;
	l->last_of[ev->cpu] = l->n;
	return 0;
}

static int loss_cmp(const void *a, const void *b)
{
	const struct model_loss *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

int model_losses_sorted(struct model_losses *to, const struct model_losses *from)
{
	if (!from->n)
		return 0;
	to->at = malloc(from->n * sizeof(*to->at));
	if (!to->at)
		return -ENOMEM;
	memcpy(to->at, from->at, from->n * sizeof(*to->at));
	to->n = to->cap = from->n;
	qsort(to->at, to->n, sizeof(*to->at), loss_cmp);
	return 0;
}

void model_losses_free(struct model_losses *l)
{
	free(l->at);
	*l = (struct model_losses){ 0 };
}

/* ---- what a loss makes unknown ---- */

/*
 * What is lost on one CPU may be the going or coming of its own thread, the arrival of any thread
 * that waits, or the waking of any that is blocked. Threads that run elsewhere tell of themselves
 * there.
 */
static void forget(struct model *m, uint32_t cpu, bool own)
{
	struct cpu *c = &m->cpus[cpu];

	if (c->running)
		model_forget(m, model_of(c->running));
	else
		model_cpu_forget(m, c);
	while (!own && m->off.next != &m->off)
		model_forget(m, m->off.next);
}

static void loss_begins(struct model *m, const struct model_loss *loss)
{
	uint64_t until = loss->last + (loss->last != UINT64_MAX);

	if (m->started) {
		model_advance(m, loss->first);
		model_see_cpu(m, loss->cpu);
		forget(m, loss->cpu, loss->own);
	}
	if (loss->own)
		return;
	if (until > m->last_lost_until)
		m->last_lost_until = until;
	if (until > m->lost_until[loss->cpu])
		m->lost_until[loss->cpu] = until;
	if (until > m->any_lost_until)
		m->any_lost_until = until;
}

void model_losses_begin(struct model *m, uint64_t until)
{
	const struct model_losses *l = &m->losses;

	while (m->losses_begun < l->n && l->at[m->losses_begun].first <= until)
		loss_begins(m, &l->at[m->losses_begun++]);
	m->next_loss = m->losses_begun < l->n ? l->at[m->losses_begun].first : UINT64_MAX;
	model_set_calm(m);
}

/*
 * The loss is told of in the moment in which it began. Its CPU's next, of which more is to come,
 * may have begun in the same.
 */
static void begin_told(struct model *m, uint32_t cpu)
{
	struct model_loss *next = m->losses.at + m->losses_begun, *at = next;

	while (at < m->losses.at + m->losses.n && at->first <= m->now && at->cpu != cpu)
		at++;
	if (at < m->losses.at + m->losses.n && at->first <= m->now) {
		struct model_loss told = *at;

		*at = *next;
		*next = told;
		m->losses_begun++;
		loss_begins(m, &told);
		model_losses_begin(m, m->now - 1);
	}
}

/* What comes next on this CPU is known. */
static void loss_ends(struct model *m, uint32_t cpu)
{
	m->lost_until[cpu] = m->any_lost_until = 0;
	for (uint32_t i = 0; i < m->ncpus; i++)
		if (m->lost_until[i] > m->any_lost_until)
			m->any_lost_until = m->lost_until[i];
}

int model_lost(struct model *m, const struct gt_event *ev)
{
	if (m->expects) {
		if (ev->u.lost.first >= m->now && costs_records(ev->u.lost.reason))
			begin_told(m, ev->cpu);
		loss_ends(m, ev->cpu);
		return 0;
	}
	if (!costs_records(ev->u.lost.reason))
		return 0;
	forget(m, ev->cpu, is_own(ev));
	if (!is_own(ev))
		m->last_lost_until = m->now;
	return m->collect ? model_losses_add(m->collect, ev) : 0;
}
