/* SPDX-License-Identifier: MIT */
#include "idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int idmap_put(struct idmap *m, uint32_t id, void *value)
{
	struct idmap_inner **inner = &m->root[id >> (IDMAP_LEAF_BITS + IDMAP_INNER_BITS)];
	struct idmap_leaf **leaf;

	if (!*inner)
		*inner = calloc(1, sizeof(**inner));
	if (!*inner)
		return -ENOMEM;
	leaf = &(*inner)->leaf[id >> IDMAP_LEAF_BITS & ((1 << IDMAP_INNER_BITS) - 1)];
	if (!*leaf)
		*leaf = calloc(1, sizeof(**leaf));
	if (!*leaf)
		return -ENOMEM;
	(*leaf)->value[id & ((1 << IDMAP_LEAF_BITS) - 1)] = value;
	return 0;
}

void idmap_free(struct idmap *m)
{
	for (size_t i = 0; i < 1 << IDMAP_ROOT_BITS; i++) {
		for (size_t j = 0; m->root[i] && j < 1 << IDMAP_INNER_BITS; j++)
			free(m->root[i]->leaf[j]);
		free(m->root[i]);
	}
	memset(m, 0, sizeof(*m));
}
