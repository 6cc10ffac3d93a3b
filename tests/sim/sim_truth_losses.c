/* SPDX-License-Identifier: MIT */
/*
 * How long a thread's state may at most be unknown where records were lost: docs/method.md's rule.
 * Of records of one moment and CPU some may be lost and others not; all are taken for lost.
 */
#include "sim_truth.h"

static bool is_lost(const struct sim_truth *t, uint32_t cpu)
{
	for (uint32_t i = 0; i < t->nlosses; i++)
		if (t->losses[i].cpu == cpu && t->losses[i].first <= t->s->now &&
		    t->losses[i].last >= t->s->now)
			return true;
	return false;
}

/* When it became unknown what the thread does, in the state that ends now. */
static uint64_t known_until(const struct sim_truth *t, uint32_t cpu, const struct truth_thread *x)
{
	uint64_t until = t->s->now;

	if (!x->known)
		return x->since;
	for (uint32_t i = 0; i < t->nlosses; i++) {
		const struct sim_loss *loss = &t->losses[i];

		if (loss->last < x->since || loss->first >= until)
			continue;
		if (x->state != TRUTH_RUN || loss->cpu == cpu)
			until = loss->first > x->since ? loss->first : x->since;
	}
	return until;
}

void truth_loss_passes(struct sim_truth *t, const struct sim_thread *thread, struct truth_thread *x)
{
	x->unknown += t->s->now - known_until(t, thread->cpu, x);
}

void truth_loss_looks(struct sim_truth *t, struct truth_thread *x)
{
	x->known = !is_lost(t, t->s->told_cpu);
}

/* Of any CPU, since `x` has its own. */
static bool loss_meanwhile(const struct sim_truth *t, const struct truth_thread *x)
{
	for (uint32_t i = 0; i < t->nlosses; i++)
		if (t->losses[i].last >= x->since && t->losses[i].first <= t->s->now)
			return true;
	return !x->known;
}

void sim_truth_way_off(struct sim *s, const struct sim_thread *thread, bool woken)
{
	struct truth_thread *x = &s->truth->threads[thread->index];

	x->unsure = woken && loss_meanwhile(s->truth, x);
	if (thread->early && known_until(s->truth, thread->cpu, x) < s->now)
		x->way_off += s->now - thread->early;
}

void sim_truth_off(struct sim *s, const struct sim_thread *thread)
{
	struct truth_thread *x = &s->truth->threads[thread->index];

	x->known &= !x->unsure;
}
