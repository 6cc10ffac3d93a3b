/* SPDX-License-Identifier: MIT */
/* The second run's books: docs/method.md's definitions, applied to what is known rather than to
 * records. */
#include "sim_truth.h"

#include <stdlib.h>
#include <string.h>

#define STARVED (1 * MS)
/* Rounds with this much running between them, or after a time-out, are two waits. */
#define ROUND_GAP (50 * US)
#define TIMEOUT_GAP (200 * US)

void truth_add(struct truth_list *l, uint64_t value)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		l->at = realloc(l->at, l->room * sizeof(*l->at));
		if (!l->at)
			abort();
	}
	l->at[l->n++] = value;
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

struct sim_truth *truth_new(struct sim *s, uint32_t ngroups)
{
	struct sim_truth *t = zeroed(1, sizeof(*t));

	t->s = s;
	t->ngroups = ngroups;
	t->groups = zeroed(ngroups, sizeof(*t->groups));
	t->threads = zeroed(s->threads_room, sizeof(*t->threads));
	t->processes = zeroed(s->p.processes, sizeof(*t->processes));
	t->holds = zeroed(s->objects_room, sizeof(*t->holds));
	t->whole.histogram = zeroed(s->p.cpus + 1, sizeof(uint64_t));
	t->whole.masks = zeroed(s->p.cpus + 1, sizeof(uint64_t));
	t->whole.last = SIM_START;
	for (uint32_t i = 0; i < s->p.processes; i++) {
		t->processes[i].histogram = zeroed(s->p.cpus + 1, sizeof(uint64_t));
		t->processes[i].masks = zeroed(s->p.cpus + 1, sizeof(uint64_t));
		t->processes[i].last = SIM_START;
	}
	return t;
}

static void scope_free(struct truth_scope *s)
{
	free(s->histogram);
	free(s->masks);
	free(s->starved);
	free(s->stopped);
}

void truth_free(struct sim_truth *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->ngroups; i++) {
		struct truth_group *g = &t->groups[i];

		free(g->wait.at);
		free(g->hold.at);
		free(g->handoff.at);
		free(g->holder_at.at);
		free(g->holder.at);
		free(g->wait_from.at);
		free(g->wait_to.at);
		free(g->waiter.at);
	}
	for (size_t i = 0; i < t->nparts; i++)
		free(t->parts[i].data.at);
	for (uint32_t i = 0; i < t->s->p.processes; i++)
		scope_free(&t->processes[i]);
	scope_free(&t->whole);
	map_free(&t->group_of_word);
	map_free(&t->group_of_object);
	map_free(&t->part_index);
	map_free(&t->wakeups);
	map_free(&t->places);
	map_free(&t->moves);
	free(t->parts);
	free(t->groups);
	free(t->threads);
	free(t->processes);
	free(t->holds);
	free(t);
}

struct truth_part *truth_part(struct sim_truth *t, uint32_t group, uint32_t thread)
{
	uint64_t key = (uint64_t)group << 32 | thread, index;

	if (map_get(&t->part_index, key, &index))
		return &t->parts[index];
	if (t->nparts == t->parts_room) {
		t->parts_room = t->parts_room ? t->parts_room * 2 : 64;
		t->parts = realloc(t->parts, t->parts_room * sizeof(*t->parts));
	}
	if (!t->parts || map_put(&t->part_index, key, t->nparts))
		abort();
	t->parts[t->nparts] = (struct truth_part){ .group = group, .thread = thread };
	return &t->parts[t->nparts++];
}

static void map_add(struct map *m, uint64_t key, uint64_t value)
{
	uint64_t sum = 0;

	map_get(m, key, &sum);
	if (map_put(m, key, sum + value))
		abort();
}

uint64_t truth_word_key(uint32_t as, uint64_t addr)
{
	return (uint64_t)as << 47 ^ addr;
}

uint64_t truth_wake_key(uint32_t from, uint32_t to, uint32_t lock)
{
	return (uint64_t)from << 42 | (uint64_t)to << 20 | lock;
}

/* The group of a word as the report formed it, + 1. A shared one is where the process has it as
 * long as its file is not known: names come last. */
uint32_t truth_group_of(struct sim_truth *t, uint32_t word, const struct sim_process *p)
{
	const struct sim_word *w = &t->s->words[word];
	uint64_t key = truth_word_key(w->as, w->addr), group;

	if (!w->as && map_get(&t->group_of_word,
			      truth_word_key(p->as, sim_word_addr(t->s, w, p)), &group))
		return (uint32_t)group + 1;
	return map_get(&t->group_of_word, key, &group) ? (uint32_t)group + 1 : 0;
}

static uint32_t group_waited_on(struct sim_truth *t, const struct sim_thread *thread)
{
	return truth_group_of(t, thread->word, &t->s->processes[thread->process]);
}

/* ---- parallelism ---- */

static void add_span(struct truth_span **at, size_t *n, size_t *room, struct truth_span span)
{
	if (*n == *room) {
		*room = *room ? *room * 2 : 16;
		*at = realloc(*at, *room * sizeof(**at));
		if (!*at)
			abort();
	}
	(*at)[(*n)++] = span;
}

static void starve(struct truth_scope *s, uint64_t from, uint64_t to)
{
	add_span(&s->starved, &s->nstarved, &s->starved_room, (struct truth_span){ from, to });
}

void sim_truth_stopped(struct sim *s, uint64_t from)
{
	struct truth_scope *whole = &s->truth->whole;

	add_span(&whole->stopped, &whole->nstopped, &whole->stopped_room,
		 (struct truth_span){ from, s->now });
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* Was the time up to now serialized? */
static bool pass(struct truth_scope *s, uint64_t now)
{
	uint64_t ns = now - s->last;
	double demand = s->running + s->runnable + s->lock,
	       idle = s->cpus - s->running - s->runnable;
	bool serialized = s->lock && s->running <= 1;

	s->last = now;
	if (!ns || demand == 0)
		return false;
	s->active += ns;
	s->several += demand >= 2 ? ns : 0;
	s->alone += s->running == 1 && demand == 1 ? ns : 0;
	s->waited += s->runnable * ns;
	s->histogram[s->running] += ns;
	s->most = s->running > s->most ? s->running : s->most;
	s->attainable += (double)ns * least(s->cpus, demand);
	if (idle > 0)
		s->loss += (double)ns * least(s->lock, idle);
	s->serialized += serialized ? ns : 0;
	return serialized;
}

static void pass_all(struct sim_truth *t)
{
	uint64_t now = t->s->now, ns = now - t->whole.last;

	if (t->whole.running)
		t->inverse += (double)ns / t->whole.running;
	if (!pass(&t->whole, now))
		return;
	for (uint32_t i = 0; i < t->ngroups; i++)
		t->groups[i].serialized += t->groups[i].waiting ? ns : 0;
}

static void count(struct truth_scope *s, enum truth_state state, int by)
{
	s->running += state == TRUTH_RUN ? by : 0;
	s->runnable += state == TRUTH_RUNNABLE ? by : 0;
	s->lock += state == TRUTH_LOCK ? by : 0;
}

/* ---- states ---- */

static enum truth_state sorted(struct sim_truth *t, const struct sim_thread *thread,
			       enum sim_state state)
{
	static const enum truth_state plain[SIM_STATES] = {
		[SIM_NONE] = TRUTH_NONE,
		[SIM_RUNNING] = TRUTH_RUN,
		[SIM_RUNNABLE] = TRUTH_RUNNABLE,
		[SIM_BLOCKED_IO] = TRUTH_IO,
		[SIM_ASLEEP] = TRUTH_SLEEP,
		[SIM_OTHER] = TRUTH_OTHER,
		[SIM_KERNEL_LOCK] = TRUTH_KERNEL_LOCK,
	};
	uint32_t group = state == SIM_FUTEX ? group_waited_on(t, thread) : 0;

	if (state != SIM_FUTEX)
		return plain[state];
	return group && t->groups[group - 1].lock ? TRUTH_LOCK : TRUTH_EVENT;
}

static void state_ends(struct sim_truth *t, const struct sim_thread *thread, struct truth_thread *x)
{
	uint64_t now = t->s->now, ns = now - x->since;
	struct truth_scope *process = &t->processes[thread->process];

	x->time[x->state] += ns;
	if (x->state == TRUTH_RUN) {
		x->critical += t->inverse - x->inverse_at;
		t->whole.run += ns;
		process->run += ns;
		map_add(&t->places, (uint64_t)thread->cpu << 32 | thread->index, ns);
	}
	if (x->state == TRUTH_RUN || x->state == TRUTH_RUNNABLE || x->state == TRUTH_LOCK) {
		t->whole.masks[thread->pin] += ns;
		process->masks[thread->pin] += ns;
	}
	if (x->state == TRUTH_RUNNABLE && ns >= STARVED) {
		starve(&t->whole, x->since, now);
		starve(process, x->since, now);
	}
	if (x->state == TRUTH_LOCK) {
		struct truth_group *g = &t->groups[group_waited_on(t, thread) - 1];

		g->blocked += ns;
		g->waiting--;
	}
}

static void transition(struct sim_truth *t, const struct sim_thread *thread, enum truth_state next)
{
	struct truth_thread *x = &t->threads[thread->index];
	struct truth_scope *process = &t->processes[thread->process];

	pass_all(t);
	pass(process, t->s->now);
	if (x->state) {
		truth_loss_passes(t, thread, x);
		state_ends(t, thread, x);
	}
	count(&t->whole, x->state, -1);
	count(process, x->state, -1);
	x->state = next;
	x->since = t->s->now;
	truth_loss_looks(t, x);
	count(&t->whole, next, 1);
	count(process, next, 1);
	if (next == TRUTH_RUN)
		x->inverse_at = t->inverse;
	if (next == TRUTH_LOCK)
		t->groups[group_waited_on(t, thread) - 1].waiting++;
}

void sim_truth_start(struct sim *s, const struct sim_thread *thread)
{
	struct truth_thread *x = &s->truth->threads[thread->index];

	x->seen = true;
	x->start = s->now;
	x->comes = true;
	transition(s->truth, thread, TRUTH_RUNNABLE);
}

static void wait_ends(struct sim_truth *t, const struct sim_thread *thread, bool back);

/* Blocks that are no futex waits: it does something else than to take a lock. */
static bool elsewhere(enum truth_state state)
{
	return state == TRUTH_IO || state == TRUTH_KERNEL_LOCK || state == TRUTH_SLEEP ||
	       state == TRUTH_OTHER;
}

void sim_truth_state(struct sim *s, const struct sim_thread *thread, enum sim_state state)
{
	struct sim_truth *t = s->truth;
	struct truth_thread *x = &t->threads[thread->index];
	enum truth_state next = sorted(t, thread, state), was = x->state;

	if (elsewhere(next) || next == TRUTH_NONE) {
		truth_data_waited(t, thread->index);
		truth_data_used(t, x);
	}
	x->comes |= elsewhere(was);
	transition(t, thread, next);
	if (next == TRUTH_NONE) {
		wait_ends(t, thread, true);
		x->end = s->now;
	} else if (was == TRUTH_RUN) {
		x->involuntary += next == TRUTH_RUNNABLE;
		x->voluntary += next != TRUTH_RUNNABLE;
	} else if (was != TRUTH_RUNNABLE) {
		x->wakeups++;
	}
}

/* ---- waits ---- */

static uint64_t blocked(const struct truth_thread *x)
{
	return x->time[TRUTH_LOCK] + x->time[TRUTH_EVENT];
}

/* Back: it goes on since it was last switched in. Otherwise the window closes while it waits. */
static void wait_ends(struct sim_truth *t, const struct sim_thread *thread, bool back)
{
	struct truth_thread *x = &t->threads[thread->index];
	struct truth_group *g = x->group ? &t->groups[x->group - 1] : NULL;
	struct truth_part *part = g ? truth_part(t, x->group - 1, thread->index) : NULL;
	uint64_t end = back ? x->resumed : t->s->now;

	if (!g)
		return;
	part->waits++;
	part->wait += end - x->wait_start;
	part->blocked += (back ? x->blocked_resumed : blocked(x)) - x->blocked_at;
	part->runnable += (back ? x->runnable_resumed : x->time[TRUTH_RUNNABLE]) - x->runnable_at;
	g->waits++;
	truth_add(&g->wait, end - x->wait_start);
	truth_add(&g->wait_from, x->wait_start);
	truth_add(&g->wait_to, end);
	truth_add(&g->waiter, thread->index);
	if (back)
		truth_data_waited(t, thread->index);
	if (back && x->by_futex) {
		g->handoffs++;
		g->handoff_sum += end - x->woken;
		truth_add(&g->handoff, end - x->woken);
	}
	x->group = 0;
}

static uint64_t run_clock(const struct sim_truth *t, const struct truth_thread *x)
{
	return x->time[TRUTH_RUN] + (x->state == TRUTH_RUN ? t->s->now - x->since : 0);
}

static bool goes_on_waiting(const struct sim_truth *t, const struct truth_thread *x, uint32_t group,
			    uint64_t episode)
{
	return group && x->group == group && x->episode == episode &&
	       run_clock(t, x) - x->run_resumed < (x->by_nobody ? TIMEOUT_GAP : ROUND_GAP);
}

void sim_truth_round(struct sim *s, const struct sim_thread *thread, uint32_t word)
{
	struct sim_truth *t = s->truth;
	struct truth_thread *x = &t->threads[thread->index];
	uint32_t group = truth_group_of(t, word, &s->processes[thread->process]);

	t->missing += !group;
	if (goes_on_waiting(t, x, group, thread->episode)) {
		if (!x->by_nobody)
			truth_part(t, group - 1, thread->index)->races_lost++;
	} else {
		wait_ends(t, thread, true);
		x->group = group;
		x->episode = thread->episode;
		x->wait_start = s->now;
		x->blocked_at = blocked(x);
		x->runnable_at = x->time[TRUTH_RUNNABLE];
		truth_data_asks(x, run_clock(t, x));
	}
	x->round = true;
	x->by_futex = false;
	x->by_nobody = true;
}

void sim_truth_resume(struct sim *s, const struct sim_thread *thread)
{
	struct truth_thread *x = &s->truth->threads[thread->index];

	if (x->last_cpu && x->last_cpu != thread->cpu + 1) {
		x->migrations++;
		map_add(&s->truth->moves, thread->cpu, 1);
	}
	x->last_cpu = thread->cpu + 1;
	if (x->comes)
		truth_data_arrives(x, run_clock(s->truth, x));
	x->comes = false;
	if (!x->round)
		return;
	x->round = false;
	x->resumed = s->now;
	x->run_resumed = run_clock(s->truth, x);
	x->blocked_resumed = blocked(x);
	x->runnable_resumed = x->time[TRUTH_RUNNABLE];
}

void sim_truth_wake(struct sim *s, const struct sim_thread *from, const struct sim_thread *to,
		    bool futex)
{
	struct sim_truth *t = s->truth;
	struct truth_thread *x = &t->threads[to->index];
	uint32_t group = x->round ? x->group : 0;
	uint32_t lock = group && t->groups[group - 1].lock ? t->groups[group - 1].id : 0;

	map_add(&t->wakeups, truth_wake_key(from ? from->id : 0, to->id, lock), 1);
	if (x->state == TRUTH_IO || x->state == TRUTH_SLEEP)
		truth_data_comes(t, x);
	if (!x->round)
		return;
	x->woken = to->early ? to->early : s->now;
	x->by_nobody = !from;
	x->by_futex = futex;
	if (group && to->timed_out)
		t->groups[group - 1].timeouts++;
}

/* ---- the window closes ---- */

void sim_truth_finish(struct sim *s)
{
	struct sim_truth *t = s->truth;

	for (uint32_t i = 0; i < s->nthreads; i++) {
		struct truth_thread *x = &t->threads[i];

		if (x->state == TRUTH_NONE) {
			x->unknown += x->known ? 0 : s->now - x->end;
			continue;
		}
		transition(t, &s->threads[i], TRUTH_NONE);
		wait_ends(t, &s->threads[i], !x->round);
		truth_data_used(t, x);
		x->end = s->now;
	}
	for (uint32_t i = 0; i < s->nobjects; i++)
		if (t->holds[i].thread && t->holds[i].since < s->now)
			truth_hold_ends(t, &s->objects[i]);
	for (uint32_t i = 0; i < s->nthreads; i++) {
		struct truth_scope *p = &t->processes[s->threads[i].process];
		uint64_t run = t->threads[i].time[TRUTH_RUN];

		t->whole.run_most = run > t->whole.run_most ? run : t->whole.run_most;
		p->run_most = run > p->run_most ? run : p->run_most;
	}
}
