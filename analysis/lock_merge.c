/* SPDX-License-Identifier: MIT */
#include "lock_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* glibc's two groups of waiters: adjacent 32-bit words, the first on an 8-byte boundary. */
#define CONDVAR_HALVES_APART 4
#define CONDVAR_ALIGNMENT 8
/* Once may be chance. */
#define LET_GO_MIN 3

uint32_t lock_merge_root(const struct lock_merge *m, uint32_t word)
{
	while (m->parent[word] != word)
		word = m->parent[word] = m->parent[m->parent[word]]; /* halves the path */
	return word;
}

/* The lower index stays root, so a set's number does not depend on the order of its merging. */
static void unite(struct lock_merge *m, uint32_t a, uint32_t b)
{
	a = lock_merge_root(m, a);
	b = lock_merge_root(m, b);
	if (a < b)
		m->parent[b] = a;
	else
		m->parent[a] = b;
}

static bool is_condvar_like(const struct lock_word_facts *f)
{
	return f->flags & LOCK_WORD_BITSET && !(f->flags & (LOCK_WORD_PI | LOCK_WORD_JOIN));
}

static void unite_halves(struct lock_merge *m, const struct lock_words *w)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct lock_word_facts *f = &w->words[i];
		uint32_t other;

		if (!is_condvar_like(f) || f->addr % CONDVAR_ALIGNMENT)
			continue;
		other = lock_words_find(w, f->as, f->addr + CONDVAR_HALVES_APART);
		if (other == LOCK_WORDS_NONE || !is_condvar_like(&w->words[other]))
			continue;
		m->paired[i] = other;
		m->paired[other] = i;
		unite(m, i, other);
	}
}

struct alias {
	uint64_t dev, ino, offset;
	uint32_t word;
};

static int alias_cmp(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return 0;
}

/* A shared futex is where it lies in its file, wherever a process has mapped it. */
static int unite_aliases(struct lock_merge *m, const struct lock_words *w)
{
	struct alias *aliases = calloc(m->n ? m->n : 1, sizeof(*aliases));
	size_t n = 0;

	if (!aliases)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct lock_symbol *s = lock_words_shared(w, i);

		if (s)
			aliases[n++] =
				(struct alias){ s->shared_dev, s->shared_ino, s->shared_offset, i };
	}
	qsort(aliases, n, sizeof(*aliases), alias_cmp);
	for (size_t i = 1; i < n; i++)
		if (!alias_cmp(&aliases[i - 1], &aliases[i]))
			unite(m, aliases[i - 1].word, aliases[i].word);
	free(aliases);
	return 0;
}

/* How often each mutex was seen with the condition variable it is attached to. */
static void attach(struct lock_merge *m, uint32_t mutex, uint32_t other, uint32_t count,
		   uint32_t *best)
{
	mutex = lock_merge_root(m, mutex);
	if (count > best[mutex]) {
		best[mutex] = count;
		m->attached[mutex] = other;
	}
}

static bool half_of_pair(const struct lock_merge *m, const struct lock_link *l)
{
	return m->paired[l->low] != LOCK_WORDS_NONE || m->paired[l->high] != LOCK_WORDS_NONE;
}

/*
 * Semaphores and condition variables wait alike, and heap semaphores of one kind lie side by side;
 * so of two words in one sequence at least one must be known to be half of a condition variable.
 * Two mutexes are never united, neither directly (the shards of a table) nor over a third word.
 */
static void unite_linked(struct lock_merge *m, const struct lock_words *w, uint32_t *best)
{
	for (size_t i = 0; i < w->nlinks; i++) {
		const struct lock_link *l = &w->links[i];
		const struct lock_word_facts *a = &w->words[l->low], *b = &w->words[l->high];
		uint32_t requeued = l->counts[LOCK_LINK_REQUEUED];
		uint32_t count = l->counts[LOCK_LINK_SEQUENCE] + requeued;

		if (lock_words_is_mutex(a) && is_condvar_like(b))
			attach(m, l->low, l->high, count, best);
		else if (lock_words_is_mutex(b) && is_condvar_like(a))
			attach(m, l->high, l->low, count, best);
		else if (count && is_condvar_like(a) && is_condvar_like(b) &&
			 (requeued || half_of_pair(m, l)))
			unite(m, l->low, l->high);
	}
}

void lock_merge_let_go(struct lock_merge *m, const struct lock_words *w, bool *competed)
{
	for (size_t i = 0; i < w->nlinks; i++) {
		const struct lock_link *l = &w->links[i];

		if (l->counts[LOCK_LINK_LET_GO] >= LET_GO_MIN && half_of_pair(m, l) &&
		    is_condvar_like(&w->words[l->low]) && is_condvar_like(&w->words[l->high]) &&
		    (competed[lock_merge_root(m, l->low)] ||
		     competed[lock_merge_root(m, l->high)])) {
			unite(m, l->low, l->high);
			competed[lock_merge_root(m, l->low)] = true;
		}
	}
}

int lock_merge_init(struct lock_merge *m, const struct lock_words *w)
{
	size_t bytes = (w->nwords ? w->nwords : 1) * sizeof(uint32_t);
	uint32_t *best = calloc(1, bytes);
	int err = -ENOMEM;

	m->n = w->nwords;
	m->parent = malloc(bytes);
	m->attached = malloc(bytes);
	m->paired = malloc(bytes);
	if (!best || !m->parent || !m->attached || !m->paired)
		goto out;
	for (uint32_t i = 0; i < m->n; i++)
		m->parent[i] = i;
	memset(m->attached, 0xff, bytes);
	memset(m->paired, 0xff, bytes);
	unite_halves(m, w);
	err = unite_aliases(m, w);
	if (!err)
		unite_linked(m, w, best);
out:
	free(best);
	return err;
}

void lock_merge_release(struct lock_merge *m)
{
	free(m->parent);
	free(m->attached);
	free(m->paired);
}
