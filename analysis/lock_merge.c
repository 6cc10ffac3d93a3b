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
/* Batons that went over a set of words. */
#define BATONS_MIN 3
/* Of ten hand-overs in a ring of batons at most one may go without the waker's giving way. */
#define GAVE_WAY_MIN 0.9
/* Two threads that hand over to and fro are left as they are: request and response are two words.
 */
#define RING_MIN 3
/* Per hand-over, a wait that does not end in a turn and does not matter: Ruby's own bookkeeping. */
#define ASLEEP_NS 1000000ULL

static uint32_t root_of(uint32_t *parent, uint32_t word)
{
	while (parent[word] != word)
		word = parent[word] = parent[parent[word]]; /* halves the path */
	return word;
}

uint32_t lock_merge_root(const struct lock_merge *m, uint32_t word)
{
	return root_of(m->parent, word);
}

/* The lower index stays root, so a set's number does not depend on the order of its merging. */
static void unite_in(uint32_t *parent, uint32_t a, uint32_t b)
{
	a = root_of(parent, a);
	b = root_of(parent, b);
	if (a < b)
		parent[b] = a;
	else
		parent[a] = b;
}

void lock_merge_unite(struct lock_merge *m, uint32_t a, uint32_t b)
{
	unite_in(m->parent, a, b);
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
		lock_merge_unite(m, i, other);
	}
}

static bool on_a_stack(const struct lock_words *w, uint32_t word)
{
	const struct lock_word_facts *f = &w->words[word];
	const struct lock_symbol *s = lock_words_symbol_of(w, word);

	if (f->flags & (LOCK_WORD_SEVERAL | LOCK_WORD_JOIN) || lock_words_is_mutex(f))
		return false;
	return f->flags & LOCK_WORD_STACK || (s && s->image && !strcmp(s->image, "[stack]"));
}

/*
 * Who waits on its own stack waits on another word each time: PyMutex of CPython 3.13, musl's
 * condition variables. One thing per address space, not thousands.
 */
static int unite_stacks(struct lock_merge *m, const struct lock_words *w)
{
	struct map firsts = {};
	int err = 0;

	for (uint32_t i = 0; !err && i < m->n; i++) {
		uint64_t first;

		if (!on_a_stack(w, i))
			continue;
		if (!map_get(&firsts, w->words[i].as, &first)) {
			err = map_put(&firsts, w->words[i].as, i);
		} else if (lock_merge_root(m, first) != lock_merge_root(m, i) || m->stack[first]) {
			lock_merge_unite(m, first, i);
			m->stack[first] = m->stack[i] = true;
		}
	}
	map_free(&firsts);
	return err;
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
			lock_merge_unite(m, aliases[i - 1].word, aliases[i].word);
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

		if (m->stack[l->low] || m->stack[l->high])
			continue;
		if (lock_words_is_mutex(a) && is_condvar_like(b))
			attach(m, l->low, l->high, count, best);
		else if (lock_words_is_mutex(b) && is_condvar_like(a))
			attach(m, l->high, l->low, count, best);
		else if (count && is_condvar_like(a) && is_condvar_like(b) &&
			 (requeued || half_of_pair(m, l)))
			lock_merge_unite(m, l->low, l->high);
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
			lock_merge_unite(m, l->low, l->high);
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
	m->baton = calloc(m->n + 1, sizeof(*m->baton));
	m->stack = calloc(m->n + 1, sizeof(*m->stack));
	if (!best || !m->parent || !m->attached || !m->paired || !m->baton || !m->stack)
		goto out;
	for (uint32_t i = 0; i < m->n; i++)
		m->parent[i] = i;
	memset(m->attached, 0xff, bytes);
	memset(m->paired, 0xff, bytes);
	unite_halves(m, w);
	err = unite_stacks(m, w);
	if (!err)
		err = unite_aliases(m, w);
	if (!err)
		unite_linked(m, w, best);
out:
	free(best);
	return err;
}

/* ---- batons ---- */

/* What a set's words have seen of batons, by its root. */
struct ring_part {
	uint64_t handovers, gave_way, turn, asleep, touches;
	uint32_t waiter; /* + 1 */
	bool several, mutex, shared;
};

static void gather_parts(struct ring_part *parts, const struct lock_merge *m,
			 const struct lock_words *w)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct lock_word_facts *f = &w->words[i];
		struct ring_part *p = &parts[lock_merge_root(m, i)];

		p->handovers += f->handovers;
		p->gave_way += f->gave_way;
		p->turn += f->turn;
		p->asleep += f->asleep;
		p->mutex |= !is_condvar_like(f);
		p->shared |= f->flags & LOCK_WORD_SHARED;
		p->several |= f->flags & LOCK_WORD_SEVERAL ||
			      (p->waiter && p->waiter != f->waiter + 1);
		p->waiter = f->waiter + 1;
	}
	for (size_t i = 0; i < w->nlinks; i++) {
		const struct lock_link *l = &w->links[i];

		parts[lock_merge_root(m, l->low)].touches += l->counts[LOCK_LINK_BATON];
		parts[lock_merge_root(m, l->high)].touches += l->counts[LOCK_LINK_BATON];
	}
}

/*
 * A Ruby's thread that sleeps waits on the same word as one that waits for the GVL: the word counts
 * as what it was waited on for longer. It lies in no memory that processes share. Elsewhere a baton
 * is told by how strictly it is passed.
 */
static bool carries_baton(const struct ring_part *p, bool ruby)
{
	if (p->mutex || p->touches < BATONS_MIN)
		return false;
	if (ruby)
		return !p->shared && p->asleep <= p->turn + p->touches * ASLEEP_NS;
	return !p->several && p->handovers >= BATONS_MIN &&
	       (double)p->gave_way >= GAVE_WAY_MIN * (double)p->handovers;
}

static void trace_rings(uint32_t *ring, struct lock_merge *m, const struct lock_words *w,
			const struct ring_part *parts)
{
	for (size_t i = 0; i < w->nlinks; i++) {
		const struct lock_link *l = &w->links[i];
		uint32_t a = lock_merge_root(m, l->low), b = lock_merge_root(m, l->high);
		bool ruby = lock_spaces_find(&w->spaces, w->words[a].as, GT_INTERPRETER_RUBY);

		if (l->counts[LOCK_LINK_BATON] && a != b && carries_baton(&parts[a], ruby) &&
		    carries_baton(&parts[b], ruby)) {
			m->baton[a] = m->baton[b] = true;
			unite_in(ring, a, b);
		}
	}
}

int lock_merge_batons(struct lock_merge *m, const struct lock_words *w)
{
	struct ring_part *parts = calloc(m->n + 1, sizeof(*parts));
	uint32_t *ring = calloc(m->n + 1, sizeof(*ring)), *sizes = calloc(m->n + 1, sizeof(*sizes));
	int err = parts && ring && sizes ? 0 : -ENOMEM;

	if (err)
		goto out;
	gather_parts(parts, m, w);
	for (uint32_t i = 0; i < m->n; i++)
		ring[i] = i;
	trace_rings(ring, m, w, parts);
	for (uint32_t i = 0; i < m->n; i++)
		sizes[root_of(ring, i)] += m->baton[i];
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t root = root_of(ring, i);

		if (!m->baton[i])
			continue;
		m->baton[i] = sizes[root] >= RING_MIN ||
			      lock_spaces_find(&w->spaces, w->words[i].as, GT_INTERPRETER_RUBY);
		if (m->baton[i])
			lock_merge_unite(m, root, i);
	}
out:
	free(parts);
	free(ring);
	free(sizes);
	return err;
}

void lock_merge_release(struct lock_merge *m)
{
	free(m->parent);
	free(m->attached);
	free(m->paired);
	free(m->baton);
	free(m->stack);
}
