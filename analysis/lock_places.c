/* SPDX-License-Identifier: MIT */
#include "lock_places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BITS 6

static void put(struct lock_places *p, const struct lock_place *place)
{
	size_t i = lock_places_home(p, place->as, place->addr);

	while (p->slots[i].number)
		i = (i + 1) & (((size_t)1 << p->bits) - 1);
	p->slots[i] = *place;
}

static int grow(struct lock_places *p)
{
	struct lock_places bigger = { .bits = p->slots ? p->bits + 1 : FIRST_BITS, .n = p->n };

	bigger.slots = calloc((size_t)1 << bigger.bits, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; p->slots && i < (size_t)1 << p->bits; i++)
		if (p->slots[i].number)
			put(&bigger, &p->slots[i]);
	free(p->slots);
	*p = bigger;
	return 0;
}

uint32_t lock_places_add(struct lock_places *p, uint32_t as, uint64_t addr)
{
	struct lock_place place = { .addr = addr, .as = as, .number = p->n + 1 };

	if (p->n == LOCK_PLACES_NONE - 1)
		return LOCK_PLACES_NONE;
	if ((!p->slots || p->n >= (size_t)1 << p->bits >> 1) && grow(p))
		return LOCK_PLACES_NONE;
	put(p, &place);
	return p->n++;
}

void lock_places_release(struct lock_places *p)
{
	free(p->slots);
	memset(p, 0, sizeof(*p));
}
