/* SPDX-License-Identifier: MIT */
/*
 * From 32-bit numbers to pointers. The recorder numbers tasks densely from 1: as long as most of
 * the small numbers are in use these have an array, and a lookup is one load. All others are in a
 * tree of three levels: numbers from a hostile trace cost a few kilobytes each at most and can
 * neither collide nor make the table as large as the number.
 */
#ifndef ANALYSIS_IDMAP_H
#define ANALYSIS_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#define IDMAP_LEAF_BITS 10
#define IDMAP_INNER_BITS 10
#define IDMAP_ROOT_BITS 12
#define IDMAP_DENSE_MIN 256

struct idmap_leaf {
	void *value[1 << IDMAP_LEAF_BITS];
};

struct idmap_inner {
	struct idmap_leaf *leaf[1 << IDMAP_INNER_BITS];
};

/* A zeroed struct is an empty map. It does not own what it points to. */
struct idmap {
	void **dense; /* of the numbers below ndense; they may be in the tree, too */
	uint32_t ndense, used;
	struct idmap_inner *root[1 << IDMAP_ROOT_BITS];
};

void *idmap_far(const struct idmap *m, uint32_t id); /* of a number that is not in the array */

static inline void *idmap_get(const struct idmap *m, uint32_t id)
{
	return id < m->ndense ? m->dense[id] : idmap_far(m, id);
}

int idmap_put(struct idmap *m, uint32_t id, void *value); /* 0 or -ENOMEM */
void idmap_free(struct idmap *m);			  /* what it owns, not the struct */

#endif
