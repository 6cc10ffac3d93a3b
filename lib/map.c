/* SPDX-License-Identifier: MIT */
#include "lib/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAP_FIRST 16

static int map_grow(struct map *m)
{
	struct map bigger = { .cap = m->cap ? m->cap * 2 : MAP_FIRST, .used = m->used };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*map_slot(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = bigger.slots;
	m->cap = bigger.cap;
	return 0;
}

int map_put(struct map *m, uint64_t key, uint64_t value)
{
	struct map_slot *slot;

	if (!key) {
		m->has_zero = true;
		m->zero = value;
		return 0;
	}
	slot = m->cap ? map_slot(m, key) : NULL;
	if (!slot || !slot->key) {
		if (m->used + 1 > m->cap / 4 * 3) {
			if (map_grow(m))
				return -ENOMEM;
			slot = map_slot(m, key);
		}
		m->used++;
	}
	slot->key = key;
	slot->value = value;
	return 0;
}

/* Close the gap at `hole`: pull back every follower that probing would no longer reach. */
static void map_close_gap(struct map *m, size_t hole)
{
	size_t mask = m->cap - 1;

	for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
		size_t home = map_home(m, m->slots[i].key);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].key = 0;
}

bool map_del(struct map *m, uint64_t key)
{
	struct map_slot *slot;
	bool had = m->has_zero;

	if (!key) {
		m->has_zero = false;
		return had;
	}
	slot = m->cap ? map_slot(m, key) : NULL;
	if (!slot || !slot->key)
		return false;
	map_close_gap(m, (size_t)(slot - m->slots));
	m->used--;
	return true;
}

void *map_get_ptr(const struct map *m, uint64_t key)
{
	uint64_t value;

	return map_get(m, key, &value) ? (void *)(uintptr_t)value : NULL;
}

int map_put_ptr(struct map *m, uint64_t key, void *ptr)
{
	return map_put(m, key, (uintptr_t)ptr);
}

/* *pos counts slots; the place after the last one stands for key 0. */
bool map_next(const struct map *m, size_t *pos, uint64_t *key, uint64_t *value)
{
	while (*pos < m->cap) {
		const struct map_slot *slot = &m->slots[(*pos)++];

		if (!slot->key)
			continue;
		*key = slot->key;
		*value = slot->value;
		return true;
	}
	if (*pos != m->cap || !m->has_zero)
		return false;
	(*pos)++;
	*key = 0;
	*value = m->zero;
	return true;
}

size_t map_len(const struct map *m)
{
	return m->used + m->has_zero;
}

void map_free(struct map *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}
