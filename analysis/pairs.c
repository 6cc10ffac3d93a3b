/* SPDX-License-Identifier: MIT */
#include "pairs.h"

#include <string.h>

uint32_t pairs_find(const struct pairs *p, uint32_t a, uint32_t b)
{
	uint64_t at;

	return map_get(&p->map, pairs_key(a, b), &at) ? (uint32_t)at : PAIRS_NONE;
}

static void found(struct pairs *p, uint32_t a, uint32_t b, uint32_t at)
{
	uint32_t place = pairs_place(a, b);

	p->last[place].key = pairs_key(a, b);
	p->last[place].at = at + 1;
}

uint32_t pairs_look(struct pairs *p, uint32_t a, uint32_t b)
{
	uint32_t at = pairs_find(p, a, b);

	if (at != PAIRS_NONE)
		found(p, a, b, at);
	return at;
}

int pairs_put(struct pairs *p, uint32_t a, uint32_t b, uint32_t at)
{
	int err = map_put(&p->map, pairs_key(a, b), at);

	if (!err)
		found(p, a, b, at);
	return err;
}

void pairs_free(struct pairs *p)
{
	map_free(&p->map);
	memset(p, 0, sizeof(*p));
}
