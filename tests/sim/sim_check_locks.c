/* SPDX-License-Identifier: MIT */
/* Locks and events: what the report took for what, waits, holds, who kept whom waiting. */
#include "sim_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool probed(const json_t *lock)
{
	return json_object_get(lock, "acquisitions") &&
	       json_is_integer(json_object_get(lock, "acquisitions"));
}

static void check_part(struct check *k, uint32_t group, const json_t *lock, const json_t *o)
{
	const struct sim_thread *thread = check_thread_of(k, check_integer(o, "thread"));
	const struct truth_part *p = thread ? truth_part(k->t, group, thread->index) : NULL;
	uint64_t id = check_integer(lock, "id");

	if (!p)
		return;
	check_same(k, "lock", id, o, "waits", p->waits);
	check_same(k, "lock", id, o, "wait", p->wait);
	check_same(k, "lock", id, o, "wait_blocked", p->blocked);
	check_same(k, "lock", id, o, "wait_runnable", p->runnable);
	check_same(k, "lock", id, o, "races_lost", p->races_lost);
	if (!probed(lock))
		return;
	check_same(k, "lock", id, o, "acquisitions", p->got);
	check_same(k, "lock", id, o, "releases", p->let_go);
	check_same(k, "lock", id, o, "held", p->held);
	check_same(k, "lock", id, o, "held_running", p->held_run);
	check_same(k, "lock", id, o, "held_runnable", p->held_runnable);
}

/* Of the wait from `from` to `to`: what passed while `holder` (index + 1, 0: nobody) had the lock.
 */
static uint64_t while_held(const struct truth_group *g, uint64_t from, uint64_t to, uint32_t holder,
			   uint32_t waiter)
{
	uint64_t sum = 0, since = 0;
	uint32_t who = 0;

	for (size_t i = 0; i <= g->holder_at.n; i++) {
		uint64_t until = i < g->holder_at.n ? g->holder_at.at[i] : UINT64_MAX;
		uint64_t a = since > from ? since : from, b = until < to ? until : to;

		if (b > a && (who == waiter + 1 ? 0 : who) == holder)
			sum += b - a;
		since = until;
		who = i < g->holder_at.n ? (uint32_t)g->holder.at[i] : 0;
	}
	return sum;
}

/* Its time by holders that are not told apart: those that are may have kept it waiting for longer. */
static uint64_t by_others(const json_t *lock, uint64_t waiter)
{
	const json_t *pair;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach(json_object_get(lock, "pairs"), i, pair)
		if (check_integer(pair, "waiter") == waiter && json_object_get(pair, "others"))
			sum += check_integer(pair, "others");
	return sum;
}

static void check_pairs(struct check *k, const struct truth_group *g, const json_t *lock)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(lock, "pairs"), i, pair)
	{
		const struct sim_thread *waiter = check_thread_of(k, check_integer(pair, "waiter"));
		const struct sim_thread *holder = check_thread_of(k, check_integer(pair, "holder"));
		uint64_t time = check_integer(pair, "time"), sum = 0;
		uint64_t others = by_others(lock, check_integer(pair, "waiter"));

		if (!check_integer(pair, "holder"))
			time -= others;
		for (size_t w = 0; waiter && w < g->waiter.n; w++)
			if (g->waiter.at[w] == waiter->index)
				sum += while_held(g, g->wait_from.at[w], g->wait_to.at[w],
						  holder ? holder->index + 1 : 0, waiter->index);
		if (others ? time > sum : time != sum)
			check_differs(k,
				      "lock %" PRIu64 ": %" PRIu64 " waits for %" PRIu64
				      ": %" PRIu64 ", truth %" PRIu64,
				      check_integer(lock, "id"), check_integer(pair, "waiter"),
				      check_integer(pair, "holder"), time, sum);
	}
}

/* Whoever it was who had the lock: nobody waits longer because of others than he waits. */
static void check_pair_sums(struct check *k, uint32_t group, const json_t *lock)
{
	const json_t *part, *pair;
	size_t i, j;

	json_array_foreach(json_object_get(lock, "by_thread"), i, part)
	{
		uint64_t sum = 0;

		json_array_foreach(json_object_get(lock, "pairs"), j, pair)
			sum += check_integer(pair, "waiter") == check_integer(part, "thread")
				       ? check_integer(pair, "time")
				       : 0;
		if (sum != check_integer(part, "wait"))
			check_differs(k,
				      "lock %" PRIu64 ": the pairs of waiter %" PRIu64
				      " add up to %" PRIu64 ", its wait is %" PRIu64,
				      check_integer(lock, "id"), check_integer(part, "thread"), sum,
				      check_integer(part, "wait"));
	}
}

/* Jain's index over the holds of all who used the lock. */
static void check_fairness(struct check *k, uint32_t group, const json_t *lock)
{
	double sum = 0, squares = 0, n = 0;

	for (size_t i = 0; i < k->t->nparts; i++) {
		const struct truth_part *p = &k->t->parts[i];

		if (p->group != group || !(p->waits || p->got || p->let_go))
			continue;
		n++;
		sum += (double)p->held;
		squares += (double)p->held * (double)p->held;
	}
	if (sum > 0)
		check_share(k, "lock", check_integer(lock, "id"), lock, "fairness",
			    sum * sum / (n * squares));
}

static void check_lock(struct check *k, uint32_t group, const json_t *lock)
{
	struct truth_group *g = &k->t->groups[group];
	uint64_t id = check_integer(lock, "id"), all = 0;
	const json_t *part;
	size_t i;

	for (uint32_t j = 0; j < k->t->ngroups; j++)
		all += k->t->groups[j].blocked;
	check_same(k, "lock", id, lock, "waits", g->waits);
	check_same(k, "lock", id, lock, "timeouts", g->timeouts);
	check_same(k, "lock", id, lock, "handoffs", g->handoffs);
	if (g->handoffs)
		check_same(k, "lock", id, lock, "handoff_sum", g->handoff_sum);
	check_share(k, "lock", id, lock, "share_of_lock_time",
		    all ? (double)g->blocked / (double)all : 0);
	check_share(k, "lock", id, lock, "explains_serialized",
		    k->t->whole.serialized ? (double)g->serialized / (double)k->t->whole.serialized
					   : 0);
	json_array_foreach(json_object_get(lock, "by_thread"), i, part)
		check_part(k, group, lock, part);
	check_data(k, group, lock);
	check_pair_sums(k, group, lock);
	if (probed(lock)) {
		check_pairs(k, g, lock);
		check_fairness(k, group, lock);
		check_spread(k, id, "hold", lock, &g->hold);
	} else {
		check_inferred_holds(k, group, lock);
	}
	check_spread(k, id, "wait", lock, &g->wait);
}

static void check_event(struct check *k, uint32_t group, const json_t *event)
{
	struct truth_group *g = &k->t->groups[group];

	check_same(k, "event", group, event, "waits", g->waits);
	check_spread(k, group, "wait", event, &g->wait);
}

/* What docs/method.md says is always sorted so; NULL: it depends. */
static const char *promised(const struct sim_object *o)
{
	switch (o->kind) {
	case OBJECT_MUTEX:
		return "mutex";
	case OBJECT_GIL:
		return o->unknown ? "gil" : "cpython-gil";
	case OBJECT_MASTER:
		return "ocaml-master";
	case OBJECT_BARRIER:
		return "barrier";
	default:
		return NULL;
	}
}

/* Seen to be a barrier by values that vary, which those of one round do not, nor where its threads were
 * killed before more waited. */
static bool waited_enough(const struct sim *s, const struct sim_object *o)
{
	if (o->kind == OBJECT_GIL)
		return s->words[o->word].rounds || s->words[o->word + 1].rounds;
	return s->words[o->word].rounds + s->words[o->word + 1].rounds > 0 &&
	       (o->kind != OBJECT_BARRIER || s->words[o->word].varies);
}

static void check_sorts(struct check *k)
{
	for (uint32_t i = 0; i < k->s->nobjects; i++) {
		const struct sim_object *o = &k->s->objects[i];
		const struct sim_word *w = &k->s->words[o->word];
		const char *kind = promised(o);
		uint64_t group;

		if (o->shared || !kind || !waited_enough(k->s, o) || k->c->p.damage == SIM_CUT)
			continue;
		if (!map_get(&k->t->group_of_word, truth_word_key(w->as, w->addr), &group) &&
		    !map_get(&k->t->group_of_word, truth_word_key(w[1].as, w[1].addr), &group))
			check_differs(k, "object %" PRIu32 " (%s) was waited on and is not told", i,
				      kind);
		else if (strcmp(check_text(check_group_row(k, (uint32_t)group), "kind"), kind))
			check_differs(k, "object %" PRIu32 " is a %s, told as %s %s", i, kind,
				      k->t->groups[group].lock ? "lock" : "event",
				      check_text(check_group_row(k, (uint32_t)group), "kind"));
	}
}

/* No group has words of two objects, but for batons, whose words are one each. */
static void check_grouping(struct check *k)
{
	for (uint32_t i = 0; i < k->t->ngroups; i++) {
		const json_t *words = json_object_get(check_group_row(k, i), "words"), *word;
		uint64_t first = 0;
		size_t j;

		json_array_foreach(words, j, word)
		{
			uint64_t addr = strtoull(check_text(word, "address"), NULL, 16);

			if (addr >= 0x550010000000ULL)
				continue;
			if (first && first >> 12 != addr >> 12)
				check_differs(k,
					      "words %" PRIx64 " and %" PRIx64
					      " are one lock or event",
					      first, addr);
			first = addr;
		}
	}
}

void check_locks(struct check *k)
{
	size_t nlocks = check_rows(k, "locks");

	for (uint32_t i = 0; i < k->t->ngroups; i++) {
		/* Names are written last: a lock that nobody waited for has none in a trace that
		 * was cut. */
		if (k->c->p.damage == SIM_CUT &&
		    !json_array_size(json_object_get(check_group_row(k, i), "words")))
			continue;
		check_processes_of(k, i, check_group_row(k, i));
		if (i < nlocks)
			check_lock(k, i, check_group_row(k, i));
		else
			check_event(k, i, check_group_row(k, i));
	}
	if (k->t->missing && k->c->p.damage != SIM_CUT)
		check_differs(k, "%" PRIu64 " waits or holds of what is not in the report",
			      k->t->missing);
	check_sorts(k);
	check_shared_locks(k);
	check_grouping(k);
}
