/* SPDX-License-Identifier: MIT */
#include "lock_shares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX (1U << 22) /* a hostile trace may have any number */

static uint64_t key_of(uint32_t group, const struct process *process)
{
	return (uint64_t)group << 32 | (process ? process->index + 1 : 0);
}

static struct lock_share *find(const struct lock_shares *s, uint32_t group,
			       const struct process *process)
{
	uint64_t at;

	return map_get(&s->ids, key_of(group, process), &at) ? &s->at[at] : NULL;
}

static inline struct lock_share *find_again(struct lock_shares *s, uint32_t group,
					    const struct process *process)
{
	uint32_t *last = &s->last[(group * 2 + !process) % LOCK_SHARES_LAST];
	struct lock_share *share;

	if (*last < s->n && s->at[*last].group == group && s->at[*last].process == process)
		return &s->at[*last];
	share = find(s, group, process);
	if (share)
		*last = (uint32_t)(share - s->at);
	return share;
}

static int add(struct lock_shares *s, uint32_t group, const struct process *process)
{
	if (s->n == PAIRS_MAX)
		return -ENOSPC;
	if (s->n == s->room) {
		uint32_t room = s->room ? s->room * 2 : 64;
		struct lock_share *p = realloc(s->at, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->at = p;
		s->room = room;
	}
	if (map_put(&s->ids, key_of(group, process), s->n))
		return -ENOMEM;
	s->at[s->n++] = (struct lock_share){ .group = group, .process = process };
	return 0;
}

static uint64_t clock_of(const struct lock_shares *s, const struct process *process, uint64_t now)
{
	return s->parallelism ? parallelism_serialized_so_far(s->parallelism, process, now) : 0;
}

int lock_shares_enter(struct lock_shares *s, uint32_t group, const struct process *process,
		      uint64_t now)
{
	struct lock_share *share = find_again(s, group, process);
	int err = share ? 0 : add(s, group, process);

	if (err)
		return err;
	share = share ? share : &s->at[s->n - 1];
	if (share->waiters++ == 0)
		share->since = clock_of(s, process, now);
	return 0;
}

void lock_shares_leave(struct lock_shares *s, uint32_t group, const struct process *process,
		       uint64_t now)
{
	struct lock_share *share = find_again(s, group, process);

	if (share && share->waiters && --share->waiters == 0)
		share->serialized += clock_of(s, process, now) - share->since;
}

uint64_t lock_shares_get(const struct lock_shares *s, uint32_t group, const struct process *process)
{
	const struct lock_share *share = find(s, group, process);

	return share ? share->serialized : 0;
}

void lock_shares_release(struct lock_shares *s)
{
	map_free(&s->ids);
	free(s->at);
	memset(s, 0, sizeof(*s));
}
