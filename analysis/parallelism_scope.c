/* SPDX-License-Identifier: MIT */
/* The sums of one scope, from change to change. */
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"
#include "parallelism_private.h"

void scope_init(struct scope *s, uint32_t cap, uint64_t now)
{
	s->last = s->starved_until = now;
	s->cap = cap;
}

void scope_free(struct scope *s)
{
	for (uint32_t i = 0; s->idle_waiters && i < s->cap; i++)
		free(s->idle_waiters[i]);
	free(s->idle_waiters);
	free(s->demand);
	free(s->histogram);
	free(s->mask_time);
}

static COLD bool sums_grow(uint64_t **at, uint32_t *len, uint32_t n)
{
	uint32_t bigger = n < 4 ? 4 : n + n / 2 + 1;
	uint64_t *p = realloc(*at, bigger * sizeof(*p));

	if (!p)
		return false;
	memset(p + *len, 0, (bigger - *len) * sizeof(*p));
	*at = p;
	*len = bigger;
	return true;
}

/* Add to entry `n` of an array of sums that grows by need. */
static inline bool sums_add(uint64_t **at, uint32_t *len, uint32_t n, uint64_t ns)
{
	if (n >= *len && !sums_grow(at, len, n))
		return false;
	(*at)[n] += ns;
	return true;
}

static bool add_demand(struct scope *s, uint32_t demand, uint64_t ns)
{
	return sums_add(&s->demand, &s->demand_len, demand < s->cap ? demand : s->cap, ns);
}

static COLD bool idle_waiters_make(struct scope *s, uint32_t pr)
{
	if (!s->idle_waiters)
		s->idle_waiters = calloc(s->cap, sizeof(*s->idle_waiters));
	if (!s->idle_waiters)
		return false;
	if (!s->idle_waiters[pr])
		s->idle_waiters[pr] = calloc(s->cap + 1, sizeof(**s->idle_waiters));
	return s->idle_waiters[pr];
}

static bool add_waiting(struct scope *s, uint32_t pr, uint32_t l, uint64_t ns)
{
	if (pr >= s->cap)
		return add_demand(s, s->cap, ns);
	if ((!s->idle_waiters || !s->idle_waiters[pr]) && !idle_waiters_make(s, pr))
		return false;
	s->idle_waiters[pr][l < s->cap ? l : s->cap] += ns;
	return true;
}

/* Integrate what has held for the last `ns`. */
static inline bool step(struct scope *s, uint64_t ns)
{
	uint32_t running = s->count[ROLE_RUNNING], lock = s->count[ROLE_LOCK];
	uint32_t pr = running + s->count[ROLE_RUNNABLE];

	if (!pr && !lock)
		return true;
	if (!sums_add(&s->histogram, &s->histogram_len, running, ns))
		return false;
	s->runnable += s->count[ROLE_RUNNABLE] * ns;
	if (!lock) {
		if (running == 1 && pr == 1)
			s->alone += ns;
		return add_demand(s, pr, ns);
	}
	s->waiting += ns;
	if (running <= 1)
		s->serialized += ns;
	return add_waiting(s, pr, lock, ns);
}

/*
 * The union of runnable intervals of 1 ms or more, up to now. Threads stand in the queue in the
 * order in which they became runnable, so whether anyone has been so for 1 ms is whether the first
 * one has; and as this is asked before any thread leaves the queue, no interval of the union is
 * missed.
 */
static inline void step_starved(struct scope *s, uint64_t now)
{
	uint64_t from = s->queue_first ? s->queue_first->since : now;

	if (now - from < STARVED_NS)
		return;
	if (from < s->starved_until)
		from = s->starved_until;
	s->starved += now - from;
	s->starved_until = now;
}

static inline void queue_add(struct scope *s, struct part *part, int which)
{
	part->link[which].prev = s->queue_last;
	part->link[which].next = NULL;
	if (s->queue_last)
		s->queue_last->link[which].next = part;
	else
		s->queue_first = part;
	s->queue_last = part;
}

static inline void queue_del(struct scope *s, struct part *part, int which)
{
	struct part *prev = part->link[which].prev, *next = part->link[which].next;

	if (prev)
		prev->link[which].next = next;
	else
		s->queue_first = next;
	if (next)
		next->link[which].prev = prev;
	else
		s->queue_last = prev;
}

bool scope_change(struct scope *s, int which, struct part *part, enum role from, enum role to,
		  uint64_t now)
{
	uint64_t ns = now - s->last;

	s->last = now;
	/* Where one thread gives its CPU to the next both change at once. */
	if (ns && !step(s, ns))
		return false;
	if (from == ROLE_RUNNABLE) {
		step_starved(s, now);
		queue_del(s, part, which);
	}
	s->count[from]--;
	s->count[to]++;
	if (to == ROLE_RUNNABLE)
		queue_add(s, part, which);
	return true;
}

static bool sums_copy(uint64_t **to, const uint64_t *from, size_t n)
{
	if (!from)
		return true;
	*to = malloc(n * sizeof(**to));
	if (*to)
		memcpy(*to, from, n * sizeof(**to));
	return *to;
}

bool scope_copy(struct scope *s, const struct scope *from)
{
	bool ok = true;

	*s = *from;
	s->idle_waiters = NULL;
	s->queue_first = s->queue_last = NULL;
	s->demand = s->histogram = s->mask_time = NULL;
	ok = ok && sums_copy(&s->demand, from->demand, s->demand_len);
	ok = ok && sums_copy(&s->histogram, from->histogram, s->histogram_len);
	ok = ok && sums_copy(&s->mask_time, from->mask_time, s->mask_time_len);
	for (uint32_t pr = 0; ok && from->idle_waiters && pr < s->cap; pr++)
		if (from->idle_waiters[pr])
			ok = idle_waiters_make(s, pr) &&
			     memcpy(s->idle_waiters[pr], from->idle_waiters[pr],
				    (s->cap + 1) * sizeof(**s->idle_waiters));
	for (struct part *part = from->queue_first; part; part = part->link[0].next)
		queue_add(s, part, 1);
	return ok;
}

bool scope_add_mask(struct scope *s, uint32_t mask, uint64_t ns)
{
	return sums_add(&s->mask_time, &s->mask_time_len, mask, ns);
}

bool scope_close(struct scope *s)
{
	bool ok = true;

	for (uint32_t pr = 0; s->idle_waiters && pr < s->cap; pr++)
		for (uint32_t l = 1; s->idle_waiters[pr] && l <= s->cap && ok; l++)
			if (s->idle_waiters[pr][l])
				ok = add_demand(s, pr + l, s->idle_waiters[pr][l]);
	return ok;
}
