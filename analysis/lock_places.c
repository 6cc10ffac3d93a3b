/* SPDX-License-Identifier: MIT */
#include "lock_places.h"

#include <stdlib.h>
#include <string.h>

static uint64_t key_of(uint32_t as, uint64_t addr)
{
	return addr ^ ((uint64_t)as << 40) ^ as;
}

uint32_t lock_places_find(const struct lock_places *p, uint32_t as, uint64_t addr)
{
	uint32_t i = LOCK_PLACES_NONE;
	uint64_t head;

	if (map_get(&p->map, key_of(as, addr), &head))
		i = head;
	while (i != LOCK_PLACES_NONE && (p->at[i].as != as || p->at[i].addr != addr))
		i = p->at[i].next;
	return i;
}

uint32_t lock_places_add(struct lock_places *p, uint32_t as, uint64_t addr)
{
	uint64_t key = key_of(as, addr), head = LOCK_PLACES_NONE;

	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct lock_place *at = realloc(p->at, room * sizeof(*at));

		if (!at)
			return LOCK_PLACES_NONE;
		p->at = at;
		p->room = room;
	}
	map_get(&p->map, key, &head);
	if (p->n >= LOCK_PLACES_NONE || map_put(&p->map, key, p->n))
		return LOCK_PLACES_NONE;
	p->at[p->n] = (struct lock_place){ .addr = addr, .as = as, .next = head };
	return p->n++;
}

void lock_places_release(struct lock_places *p)
{
	map_free(&p->map);
	free(p->at);
	memset(p, 0, sizeof(*p));
}
