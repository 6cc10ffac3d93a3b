/* SPDX-License-Identifier: MIT */
#include "idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *idmap_far(const struct idmap *m, uint32_t id)
{
	const struct idmap_inner *inner = m->root[id >> (IDMAP_LEAF_BITS + IDMAP_INNER_BITS)];
	const struct idmap_leaf *leaf;

	if (!inner)
		return NULL;
	leaf = inner->leaf[id >> IDMAP_LEAF_BITS & ((1 << IDMAP_INNER_BITS) - 1)];
	return leaf ? leaf->value[id & ((1 << IDMAP_LEAF_BITS) - 1)] : NULL;
}

static int put_far(struct idmap *m, uint32_t id, void *value)
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

/* An array for all numbers up to `id` and some more. */
static int grow(struct idmap *m, uint32_t id)
{
	uint32_t n = m->ndense ? m->ndense : IDMAP_DENSE_MIN;
	void **dense;

	while (n <= id)
		n *= 2;
	dense = realloc(m->dense, n * sizeof(*dense));
	if (!dense)
		return -ENOMEM;
	for (uint32_t i = m->ndense; i < n; i++)
		dense[i] = idmap_far(m, i);
	m->dense = dense;
	m->ndense = n;
	return 0;
}

int idmap_put(struct idmap *m, uint32_t id, void *value)
{
	int err = 0;

	if (id >= m->ndense && (id < IDMAP_DENSE_MIN || id / 2 < m->used))
		err = grow(m, id);
	if (err)
		return err;
	if (id < m->ndense)
		m->dense[id] = value;
	else
		err = put_far(m, id, value);
	m->used += !err;
	return err;
}

void idmap_free(struct idmap *m)
{
	for (size_t i = 0; i < 1 << IDMAP_ROOT_BITS; i++) {
		for (size_t j = 0; m->root[i] && j < 1 << IDMAP_INNER_BITS; j++)
			free(m->root[i]->leaf[j]);
		free(m->root[i]);
	}
	free(m->dense);
	memset(m, 0, sizeof(*m));
}
