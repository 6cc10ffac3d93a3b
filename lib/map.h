/* SPDX-License-Identifier: MIT */
/*
 * Hash map from 64-bit keys to 64-bit values or pointers. Open addressing with linear probing and
 * backward shifting on removal, so there are no tombstones and a long-lived map does not slow down.
 */
#ifndef LIB_MAP_H
#define LIB_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"

struct map_slot {
	uint64_t key, value;
};

/* A zeroed struct is an empty map. */
struct map {
	struct map_slot *slots; /* key 0 marks a free slot */
	size_t cap;		/* a power of two, or 0 */
	size_t used;		/* slots in use */
	bool has_zero;		/* key 0 lives outside the slots */
	uint64_t zero;
};

/* Keys are often small numbers or addresses with equal low bits, or chosen by an enemy. */
static inline size_t map_home(const struct map *m, uint64_t key)
{
	return (size_t)hash_number(key) & (m->cap - 1);
}

/* The slot that holds `key`, or the free one where it would go. Not for key 0 or an empty map. */
static inline struct map_slot *map_slot(const struct map *m, uint64_t key)
{
	size_t i = map_home(m, key);

	/* There is always a free one. */
	while (m->slots[i].key && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

/*
 * Is `key` there? Then its value is in *value, which may be NULL. Here, as it is what analyses do
 * most.
 */
static inline bool map_get(const struct map *m, uint64_t key, uint64_t *value)
{
	const struct map_slot *slot;

	if (!key) {
		if (m->has_zero && value)
			*value = m->zero;
		return m->has_zero;
	}
	if (!m->cap)
		return false;
	slot = map_slot(m, key);
	if (slot->key && value)
		*value = slot->value;
	return slot->key != 0;
}

/* Add or replace. 0 or -ENOMEM (the map is unchanged). */
int map_put(struct map *m, uint64_t key, uint64_t value);
/* Was `key` there? It no longer is. */
bool map_del(struct map *m, uint64_t key);

/* The same for pointers; a missing key gives NULL. The map never frees what they point to. */
void *map_get_ptr(const struct map *m, uint64_t key);
int map_put_ptr(struct map *m, uint64_t key, void *ptr);

/*
 * Walk all entries: start with *pos = 0, stop at false. The order follows the keys' hashes and the
 * history of the map: sort what is shown to people. Do not put or delete on the way.
 */
bool map_next(const struct map *m, size_t *pos, uint64_t *key, uint64_t *value);

size_t map_len(const struct map *m);
void map_free(struct map *m); /* frees what it owns, not the struct; leaves an empty map */

#endif
