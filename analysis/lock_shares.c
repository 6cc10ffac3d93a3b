/* SPDX-License-Identifier: MIT */
#include "lock_shares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX (1U << 22) /* a hostile trace may have any number */

int lock_shares_init(struct lock_shares *s, uint32_t ngroups, const struct parallelism *p)
{
	s->parallelism = p;
	s->ngroups = ngroups;
	s->whole = calloc((size_t)ngroups + 1, sizeof(*s->whole));
	return s->whole ? 0 : -ENOMEM;
}

static struct lock_share *find(struct lock_shares *s, uint32_t group, const struct process *process)
{
	uint32_t at = pairs_get(&s->ids, group, process->index);

	return at != PAIRS_NONE ? &s->own[at] : NULL;
}

static int add(struct lock_shares *s, uint32_t group, const struct process *process,
	       struct lock_share **out)
{
	if (s->n == PAIRS_MAX)
		return -ENOSPC;
	if (s->n == s->room) {
		uint32_t room = s->room ? s->room * 2 : 64;
		struct lock_share *p = realloc(s->own, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->own = p;
		s->room = room;
	}
	if (pairs_put(&s->ids, group, process->index, s->n))
		return -ENOMEM;
	*out = &s->own[s->n++];
	**out = (struct lock_share){ 0 };
	return 0;
}

static uint64_t clock_of(const struct lock_shares *s, const struct process *process, uint64_t now)
{
	return s->parallelism ? parallelism_serialized_so_far(s->parallelism, process, now) : 0;
}

int lock_shares_enter(struct lock_shares *s, uint32_t group, const struct process *process,
		      uint64_t now)
{
	struct lock_share *whole = &s->whole[group], *own = find(s, group, process);
	int err = own ? 0 : add(s, group, process, &own);

	if (whole->waiters++ == 0)
		whole->since = clock_of(s, NULL, now);
	if (!err && own->waiters++ == 0)
		own->since = clock_of(s, process, now);
	return err;
}

void lock_shares_leave(struct lock_shares *s, uint32_t group, const struct process *process,
		       uint64_t now)
{
	struct lock_share *whole = &s->whole[group], *own = find(s, group, process);

	if (whole->waiters && --whole->waiters == 0)
		whole->serialized += clock_of(s, NULL, now) - whole->since;
	if (own && own->waiters && --own->waiters == 0)
		own->serialized += clock_of(s, process, now) - own->since;
}

uint64_t lock_shares_get(const struct lock_shares *s, uint32_t group, const struct process *process)
{
	uint32_t at = process ? pairs_find(&s->ids, group, process->index) : 0;

	/* Locks that only probes told of have numbers behind the groups. */
	if (!process)
		return group < s->ngroups ? s->whole[group].serialized : 0;
	return at != PAIRS_NONE ? s->own[at].serialized : 0;
}

void lock_shares_release(struct lock_shares *s)
{
	pairs_free(&s->ids);
	free(s->whole);
	free(s->own);
	memset(s, 0, sizeof(*s));
}
