/* SPDX-License-Identifier: MIT */
#include "fold_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Distinct facts that are kept with their stacks. Beyond them time is kept without, by thread,
 * state and lock, and that is counted; beyond twice as many it is only counted.
 */
#define FACTS_MAX (1U << 20)

static uint64_t hash(const struct fold_fact *fact)
{
	uint64_t words[sizeof(*fact) / sizeof(uint64_t)], h = 0;

	_Static_assert(sizeof(*fact) % sizeof(uint64_t) == 0, "a fact is whole words");
	memcpy(words, fact, sizeof(*fact));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		h = hash_pair(h, words[i]);
	return h;
}

static struct fold_sum *append(struct fold_facts *f, const struct fold_fact *fact, uint64_t key,
			       uint64_t first)
{
	uint32_t cap = f->cap ? f->cap * 2 : 256;
	struct fold_sum *p;

	if (f->n == f->cap) {
		p = realloc(f->list, cap * sizeof(*p));
		if (!p)
			return NULL;
		f->list = p;
		f->cap = cap;
	}
	if (map_put(&f->first, key, f->n + 1))
		return NULL;
	p = &f->list[f->n++];
	*p = (struct fold_sum){ .fact = *fact, .next = (uint32_t)first };
	return p;
}

/* NULL: there is no room, or `err` says that memory ran out. */
static struct fold_sum *find(struct fold_facts *f, const struct fold_fact *fact, uint32_t max)
{
	uint64_t key = hash(fact), first = 0;
	struct fold_sum *p;

	map_get(&f->first, key, &first);
	for (uint64_t i = first; i; i = f->list[i - 1].next)
		if (!memcmp(&f->list[i - 1].fact, fact, sizeof(*fact)))
			return &f->list[i - 1];
	if (f->n >= max)
		return NULL;
	p = append(f, fact, key, first);
	if (!p)
		f->err = -ENOMEM;
	return p;
}

void fold_facts_add(struct fold_facts *f, const struct fold_fact *fact, uint64_t ns,
		    uint64_t critical, uint64_t count)
{
	struct fold_sum *p = find(f, fact, FACTS_MAX);
	struct fold_fact bare = *fact;

	if (!p && !f->err) {
		f->left_out++;
		bare.stack = bare.other = bare.other_thread = 0;
		p = find(f, &bare, 2 * FACTS_MAX);
	}
	if (!p)
		return;
	p->ns += ns;
	p->critical += critical;
	p->count += count;
}

void fold_facts_release(struct fold_facts *f)
{
	free(f->list);
	map_free(&f->first);
}
