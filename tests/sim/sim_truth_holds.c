/* SPDX-License-Identifier: MIT */
/* Who holds which lock, in the books. */
#include "sim_truth.h"

/* A lock that nobody waited for is known to the report by its probes alone. */
static uint32_t group_of_object(struct sim_truth *t, const struct sim_object *o,
				const struct sim_thread *thread)
{
	const struct sim_process *p = &t->s->processes[thread->process];
	uint32_t group = 0;
	uint64_t found;

	if (o->shared)
		return truth_group_of(t, o->word, p);
	if (o->kind == OBJECT_BATON)
		return truth_group_of(t, thread->turn_word, p);

	for (uint32_t i = 0; i < 4 && o->word + i < t->s->nwords && !group; i++)
		if (t->s->words[o->word + i].as == p->as &&
		    t->s->words[o->word + i].addr - o->base < 0x1000)
			group = truth_group_of(t, o->word + i, p);
	if (!group && map_get(&t->group_of_object, truth_word_key(p->id, o->base), &found))
		group = (uint32_t)found + 1;
	return group;
}

static uint64_t run_clock(const struct sim_truth *t, const struct truth_thread *x)
{
	return x->time[TRUTH_RUN] + (x->state == TRUTH_RUN ? t->s->now - x->since : 0);
}

static bool is_probed(const struct sim *s, const struct sim_object *o)
{
	return sim_has(s, SIM_PROBES) && o->kind != OBJECT_RWLOCK && o->kind != OBJECT_BATON &&
	       !o->shared;
}

static void holder_is(struct sim_truth *t, uint32_t group, uint32_t holder)
{

	if (!group)
		return;
	truth_add(&t->groups[group - 1].holder_at, t->s->now);
	truth_add(&t->groups[group - 1].holder, holder);
}

void sim_truth_got(struct sim *s, const struct sim_thread *thread, const struct sim_object *o)
{
	struct sim_truth *t = s->truth;
	const struct truth_thread *x = &t->threads[thread->index];
	uint32_t group = group_of_object(t, o, thread);

	t->holds[o - s->objects] = (struct truth_hold){
		.since = s->now,
		.thread = thread->index + 1,
		.run = run_clock(t, x),
		.runnable = x->time[TRUTH_RUNNABLE],
	};
	holder_is(t, group, thread->index + 1);
	if (group) {
		struct truth_part *part = truth_part(t, group - 1, thread->index);

		part->got++;
		if (part->let_go && part->blocks_then == x->voluntary)
			part->gaps += s->now - part->let_go_at;
		else
			part->since = s->now;
	} else {
		t->missing += is_probed(s, o);
	}
	if (is_probed(s, o))
		truth_data_got(t, group, thread->index);
}

void truth_hold_ends(struct sim_truth *t, const struct sim_object *o)
{
	struct truth_hold *hold = &t->holds[o - t->s->objects];
	const struct truth_thread *x = &t->threads[hold->thread - 1];
	uint32_t group = group_of_object(t, o, &t->s->threads[hold->thread - 1]);
	struct truth_part *part;

	if (!group)
		return;
	part = truth_part(t, group - 1, hold->thread - 1);
	part->held += t->s->now - hold->since;
	part->held_run += run_clock(t, x) - hold->run;
	part->held_runnable += x->time[TRUTH_RUNNABLE] - hold->runnable;
	part->longest = t->s->now - part->since > part->longest ? t->s->now - part->since
								: part->longest;
	truth_add(&t->groups[group - 1].hold, t->s->now - hold->since);
	hold->thread = 0;
}

void sim_truth_dies(struct sim *s, const struct sim_thread *thread)
{
	struct sim_truth *t = s->truth;

	for (uint32_t i = 0; i < s->nobjects; i++)
		if (t->holds[i].thread == thread->index + 1)
			truth_hold_ends(t, &s->objects[i]);
}

void sim_truth_let_go(struct sim *s, const struct sim_thread *thread, const struct sim_object *o)
{
	uint32_t group = group_of_object(s->truth, o, thread);

	if (group) {
		struct truth_part *part = truth_part(s->truth, group - 1, thread->index);

		part->let_go++;
		part->let_go_at = s->now;
		part->blocks_then = s->truth->threads[thread->index].voluntary;
	}
	if (is_probed(s, o)) /* what came meanwhile kept nobody waiting */
		truth_data_used(s->truth, &s->truth->threads[thread->index]);
	truth_hold_ends(s->truth, o);
	holder_is(s->truth, group, 0);
}
