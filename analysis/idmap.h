/* SPDX-License-Identifier: MIT */
/*
 * From 32-bit numbers to pointers, by a tree of three levels. The recorder numbers tasks densely
 * from 1, so a lookup is three loads of warm lines, without hashing; numbers from a hostile trace
 * cost a few kilobytes each at most and can neither collide nor make the table as large as the
 * number.
 */
#ifndef ANALYSIS_IDMAP_H
#define ANALYSIS_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#define IDMAP_LEAF_BITS 10
#define IDMAP_INNER_BITS 10
#define IDMAP_ROOT_BITS 12

struct idmap_leaf {
	void *value[1 << IDMAP_LEAF_BITS];
};

struct idmap_inner {
	struct idmap_leaf *leaf[1 << IDMAP_INNER_BITS];
};

/* A zeroed struct is an empty map. It does not own what it points to. */
struct idmap {
	struct idmap_inner *root[1 << IDMAP_ROOT_BITS];
};

static inline void *idmap_get(const struct idmap *m, uint32_t id)
{
	const struct idmap_inner *inner = m->root[id >> (IDMAP_LEAF_BITS + IDMAP_INNER_BITS)];
	const struct idmap_leaf *leaf;

	if (!inner)
		return NULL;
	leaf = inner->leaf[id >> IDMAP_LEAF_BITS & ((1 << IDMAP_INNER_BITS) - 1)];
	return leaf ? leaf->value[id & ((1 << IDMAP_LEAF_BITS) - 1)] : NULL;
}

int idmap_put(struct idmap *m, uint32_t id, void *value); /* 0 or -ENOMEM */
void idmap_free(struct idmap *m);			  /* the tree, not the struct */

#endif
