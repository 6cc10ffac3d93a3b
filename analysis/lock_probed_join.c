/* SPDX-License-Identifier: MIT */
/* Probed locks and the lock table's groups: which is which. */
#include "lock_probed_private.h"

#include <errno.h>
#include <stdlib.h>

#include "lock_kind.h"

/* How far behind a lock's address its futex words may lie: a GIL is two condvars and two mutexes.
 */
#define LOCK_SIZE 512

static const struct told *told_of(const struct lock_probed *p, const struct lock_word *word)
{
	uint64_t key = lock_probed_key(word->as, word->addr), at;

	for (; map_get(&p->told_index, key, &at); key++)
		if (p->told[at].as == word->as && p->told[at].addr == word->addr)
			return &p->told[at];
	return NULL;
}

static int place_cmp(const void *a, const void *b)
{
	const struct lock_probed_lock *x = *(const struct lock_probed_lock *const *)a;
	const struct lock_probed_lock *y = *(const struct lock_probed_lock *const *)b;

	if (x->as != y->as)
		return x->as < y->as ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The lock at or below a word, if the word can be inside it. `sorted`: n of them. */
static struct lock_probed_lock *around(struct lock_probed_lock **sorted, uint32_t n,
				       const struct lock_word *word)
{
	uint32_t from = 0, to = n;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		const struct lock_probed_lock *l = sorted[mid];

		if (l->as < word->as || (l->as == word->as && l->addr <= word->addr))
			from = mid + 1;
		else
			to = mid;
	}
	if (!from || !sorted[from - 1]->addr || sorted[from - 1]->as != word->as ||
	    word->addr - sorted[from - 1]->addr >= LOCK_SIZE)
		return NULL;
	return sorted[from - 1];
}

/* Is the lock at `l` asked for by at least half of the waits on the group's words? */
static bool is_asked_for(const struct lock_probed *p, const struct lock_group *g,
			 const struct lock_probed_lock *l)
{
	uint64_t waits = 0;

	for (uint32_t i = 0; i < g->nwords; i++) {
		const struct told *told = told_of(p, &g->words[i]);

		if (told && &p->locks[told->lock] == l)
			waits += told->waits;
	}
	return waits && waits >= g->evidence.waits / 2;
}

/* What it looks like is no proof; that threads wait on it who ask for the lock is. */
static void prove(const struct lock_probed *p, struct lock_group *g,
		  const struct lock_probed_lock *l)
{
	if (g->sort == SORT_LOCK || !is_asked_for(p, g, l))
		return;
	g->sort = SORT_LOCK;
	g->rule = "lock: threads wait on it while probes tell that they ask for it";
	g->kind = lock_kind_of(g, g->fingerprint);
}

static uint64_t waits_of(const struct lock_table *table, uint32_t group)
{
	return group == UINT32_MAX ? 0 : lock_table_at(table, group)->evidence.waits;
}

/* By the addresses of a group's words. Of several groups in one lock, the one most waited for. */
static int join_by_words(struct lock_probed *p, const struct lock_table *table)
{
	struct lock_probed_lock **sorted = calloc((size_t)p->nlocks + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nlocks; i++)
		sorted[i] = &p->locks[i];
	qsort(sorted, p->nlocks, sizeof(*sorted), place_cmp);
	for (uint32_t i = 0; p->nlocks && i < p->ngroups; i++) {
		const struct lock_group *g = lock_table_at(table, i);
		struct lock_probed_lock *l = NULL;

		for (uint32_t j = 0; g->sort != SORT_JOIN && !l && j < g->nwords; j++)
			l = around(sorted, p->nlocks, &g->words[j]);
		if (l && g->sort != SORT_LOCK && !is_asked_for(p, g, l))
			continue;
		if (l && (l->lock == UINT32_MAX || g->evidence.waits > waits_of(table, l->lock)))
			l->lock = i;
	}
	for (uint32_t i = 0; i < p->nlocks; i++)
		if (p->locks[i].lock != UINT32_MAX)
			prove(p, lock_table_at(table, p->locks[i].lock), &p->locks[i]);
	free(sorted);
	return 0;
}

/* By the interpreter's kind. Two such locks in one address space: its probes cannot tell which. */
static void join_by_kind(struct lock_probed *p, const struct lock_table *table,
			 struct lock_probed_lock *l, enum gt_interpreter interpreter)
{
	struct lock_interpreter *it = (void *)lock_probed_interpreter(p, l->as);
	uint32_t n = 0;

	l->kind = lock_kind_global(interpreter);
	if (it && it->flags & GT_INTERPRETER_IN_PART) {
		it->inferred = "only some of the places where its lock is taken could be probed";
		l->kind = LOCK_KIND_UNKNOWN;
		return;
	}
	for (uint32_t i = 0; i < p->ngroups; i++) {
		const struct lock_group *g = lock_table_at(table, i);

		if (g->as != l->as || g->kind != l->kind || g->sort != SORT_LOCK)
			continue;
		l->lock = i;
		n++;
	}
	if (n <= 1)
		return;
	l->lock = UINT32_MAX;
	l->kind = LOCK_KIND_UNKNOWN;
	if (it)
		it->inferred = "it has several locks, and the probes cannot tell which";
}

/* Of a program's own probes, more than one lock in a process is no global lock. */
static void is_it_a_gil(struct lock_probed *p)
{
	struct map seen = { 0 };
	uint64_t n;

	for (uint32_t i = 0; i < p->nlocks; i++) {
		n = map_get(&seen, p->locks[i].as, &n) ? n + 1 : 1;
		if (map_put(&seen, p->locks[i].as, n))
			p->err = -ENOMEM;
	}
	for (uint32_t i = 0; i < p->nlocks; i++)
		if (p->locks[i].kind == LOCK_KIND_GIL && map_get(&seen, p->locks[i].as, &n) &&
		    n > 1)
			p->locks[i].kind = LOCK_KIND_UNKNOWN;
	map_free(&seen);
}

int lock_probed_join(struct lock_probed *p, const struct lock_table *table)
{
	int err;

	p->ngroups = p->total = lock_table_size(table);
	err = join_by_words(p, table);
	if (err)
		return err;
	is_it_a_gil(p);
	for (uint32_t i = 0; i < p->nlocks; i++) {
		struct lock_probed_lock *l = &p->locks[i];
		bool left = false;

		if (!l->addr && p->interpreter_of[i]) {
			join_by_kind(p, table, l, p->interpreter_of[i]);
			left = l->kind == LOCK_KIND_UNKNOWN;
		}
		if (l->lock == UINT32_MAX && !left)
			l->lock = p->total++;
	}
	p->by_number = calloc((size_t)p->total + 1, sizeof(*p->by_number));
	if (!p->by_number)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nlocks; i++)
		if (p->locks[i].lock != UINT32_MAX)
			p->by_number[p->locks[i].lock] = i + 1;
	return p->err;
}
