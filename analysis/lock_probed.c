/* SPDX-License-Identifier: MIT */
#include "lock_probed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "lock_kind.h"

#define LOCKS_MAX (1U << 18) /* a hostile trace may have any number */
#define INTERPRETERS_MAX (1U << 16)
/* How far behind a lock's address its futex words may lie: a GIL is two condvars and two mutexes.
 */
#define LOCK_SIZE 512

struct site {
	uint32_t interpreter, flags;
	bool gil;    /* named so by the program itself */
	uint64_t ts; /* 0: not told of */
};

struct lock_probed {
	struct site sites[GT_LOCK_SITES_MAX + 1];
	struct map index; /* key_of() → index + 1 */
	struct lock_probed_lock *locks;
	uint32_t nlocks, room;
	enum gt_interpreter *interpreter_of; /* by lock, while it has no number */
	struct map as_index;
	struct lock_interpreter *interpreters;
	uint32_t ninterpreters, interpreters_room;
	uint32_t ngroups, total;
	uint32_t *by_number; /* index + 1, by lock number */
	uint64_t left_out;
	int err;
};

struct lock_probed *lock_probed_new(void)
{
	return calloc(1, sizeof(struct lock_probed));
}

void lock_probed_free(struct lock_probed *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->nlocks; i++) {
		free(p->locks[i].name);
		free(p->locks[i].image);
	}
	for (uint32_t i = 0; i < p->ninterpreters; i++) {
		free(p->interpreters[i].name);
		free(p->interpreters[i].image);
	}
	map_free(&p->index);
	map_free(&p->as_index);
	free(p->locks);
	free(p->interpreter_of);
	free(p->interpreters);
	free(p->by_number);
	free(p);
}

/* Grow an array of `size` bytes an entry for one more. */
static bool room_for(struct lock_probed *p, void **array, uint32_t *room, uint32_t n, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	void *grown;

	if (n < *room)
		return true;
	grown = realloc(*array, more * size);
	if (!grown) {
		p->err = -ENOMEM;
		return false;
	}
	*array = grown;
	*room = more;
	return true;
}

/* ---- interpreters ---- */

const struct lock_interpreter *lock_probed_interpreter(const struct lock_probed *p, uint32_t as)
{
	uint64_t at;

	return p && map_get(&p->as_index, as, &at) ? &p->interpreters[at] : NULL;
}

static char *text_of(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

/* The last word on an address space counts. */
static void add_interpreter(struct lock_probed *p, const struct gt_event *ev)
{
	struct lock_interpreter *it = (void *)lock_probed_interpreter(p, ev->u.interpreter.as);

	if (!ev->u.interpreter.kind || ev->u.interpreter.kind >= GT_INTERPRETER_COUNT) {
		p->left_out++;
		return;
	}
	if (!it && p->ninterpreters == INTERPRETERS_MAX) {
		p->left_out++;
		return;
	}
	if (!it) {
		if (!room_for(p, (void **)&p->interpreters, &p->interpreters_room, p->ninterpreters,
			      sizeof(*it)))
			return;
		if (map_put(&p->as_index, ev->u.interpreter.as, p->ninterpreters)) {
			p->err = -ENOMEM;
			return;
		}
		it = &p->interpreters[p->ninterpreters++];
		*it = (struct lock_interpreter){ .as = ev->u.interpreter.as };
	}
	free(it->name);
	free(it->image);
	it->kind = ev->u.interpreter.kind;
	it->flags = ev->u.interpreter.flags;
	it->name = text_of(ev->u.interpreter.name);
	it->image = text_of(ev->u.interpreter.image);
}

/* ---- locks ---- */

static uint64_t key_of(uint32_t as, uint64_t addr)
{
	uint64_t key = (addr ^ (uint64_t)as << 40 ^ as) * 0x9e3779b97f4a7c15ULL;

	return key ^ key >> 29;
}

static struct lock_probed_lock *find(const struct lock_probed *p, uint32_t as, uint64_t addr)
{
	uint64_t key = key_of(as, addr), at;

	for (; map_get(&p->index, key, &at); key++)
		if (p->locks[at].as == as && p->locks[at].addr == addr)
			return &p->locks[at];
	return NULL;
}

static const struct site *site_of(const struct lock_probed *p, const struct gt_event *ev)
{
	return ev->u.lock.site <= GT_LOCK_SITES_MAX ? &p->sites[ev->u.lock.site] : &p->sites[0];
}

static void add_lock(struct lock_probed *p, const struct model *m, const struct gt_event *ev)
{
	const struct thread *t = model_thread(m, ev->task);
	const struct site *site = site_of(p, ev);
	uint32_t room = p->room;
	struct lock_probed_lock *l;
	uint64_t key, at;

	if (!t || !ev->u.lock.role || ev->u.lock.role >= GT_LOCK_ROLES) {
		p->left_out++;
		return;
	}
	if (find(p, t->process->as, ev->u.lock.addr))
		return;
	if (p->nlocks == LOCKS_MAX) {
		p->left_out++;
		return;
	}
	if (!room_for(p, (void **)&p->interpreter_of, &room, p->nlocks,
		      sizeof(*p->interpreter_of)) ||
	    !room_for(p, (void **)&p->locks, &p->room, p->nlocks, sizeof(*l)))
		return;
	for (key = key_of(t->process->as, ev->u.lock.addr); map_get(&p->index, key, &at);)
		key++;
	if (map_put(&p->index, key, p->nlocks)) {
		p->err = -ENOMEM;
		return;
	}
	p->interpreter_of[p->nlocks] = site->interpreter;
	p->locks[p->nlocks++] = (struct lock_probed_lock){
		.as = t->process->as,
		.process = t->process->id,
		.addr = ev->u.lock.addr,
		.lock = UINT32_MAX,
		.kind = site->gil ? LOCK_KIND_GIL : LOCK_KIND_UNKNOWN,
		.began = site->ts,
		.usdt = site->flags & GT_LOCK_SITE_USDT,
	};
}

static void add_site(struct lock_probed *p, const struct gt_event *ev)
{
	uint32_t site = ev->u.lock_site.site;
	const char *name = ev->u.lock_site.name;

	if (!site || site > GT_LOCK_SITES_MAX ||
	    ev->u.lock_site.interpreter >= GT_INTERPRETER_COUNT) {
		p->left_out++;
		return;
	}
	p->sites[site] = (struct site){
		.interpreter = ev->u.lock_site.interpreter,
		.flags = ev->u.lock_site.flags,
		.gil = name && !strncmp(name, "gil:", 4),
		.ts = ev->ts,
	};
}

static void add_symbol(struct lock_probed *p, const struct gt_event *ev)
{
	struct lock_probed_lock *l = find(p, ev->u.symbol.as, ev->u.symbol.addr);

	if (!l || !l->addr)
		return;
	free(l->name);
	free(l->image);
	l->name = text_of(ev->u.symbol.name);
	l->image = text_of(ev->u.symbol.image);
}

void lock_probed_record(struct lock_probed *p, const struct model *m, const struct gt_event *ev)
{
	if (ev->kind == GT_LOCK)
		add_lock(p, m, ev);
	else if (ev->kind == GT_LOCK_SITE)
		add_site(p, ev);
	else if (ev->kind == GT_INTERPRETER)
		add_interpreter(p, ev);
	else if (ev->kind == GT_SYMBOL && p->nlocks)
		add_symbol(p, ev);
}

/* ---- joining ---- */

static const enum lock_kind_id kind_of[GT_INTERPRETER_COUNT] = {
	[GT_INTERPRETER_CPYTHON] = LOCK_KIND_CPYTHON_GIL,
	[GT_INTERPRETER_PYPY] = LOCK_KIND_PYPY_GIL,
	[GT_INTERPRETER_RUBY] = LOCK_KIND_RUBY_GVL,
	[GT_INTERPRETER_OCAML] = LOCK_KIND_OCAML_MASTER,
};

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

/* Threads take turns on its words, which alone is no proof; but it is where probes say a lock is.
 */
static void prove(struct lock_group *g)
{
	if (g->sort != SORT_UNPROVEN)
		return;
	g->sort = SORT_LOCK;
	g->rule = "lock: probes tell of its taking and letting go";
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
		bool may_be = g->sort == SORT_LOCK || g->sort == SORT_UNPROVEN;
		struct lock_probed_lock *l = NULL;

		for (uint32_t j = 0; may_be && !l && j < g->nwords; j++)
			l = around(sorted, p->nlocks, &g->words[j]);
		if (l && (l->lock == UINT32_MAX || g->evidence.waits > waits_of(table, l->lock)))
			l->lock = i;
	}
	for (uint32_t i = 0; i < p->nlocks; i++)
		if (p->locks[i].lock != UINT32_MAX)
			prove(lock_table_at(table, p->locks[i].lock));
	free(sorted);
	return 0;
}

/* By the interpreter's kind. Two such locks in one address space: its probes cannot tell which. */
static void join_by_kind(struct lock_probed *p, const struct lock_table *table,
			 struct lock_probed_lock *l, enum gt_interpreter interpreter)
{
	struct lock_interpreter *it = (void *)lock_probed_interpreter(p, l->as);
	uint32_t n = 0;

	l->kind = kind_of[interpreter];
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

const struct lock_probed_lock *lock_probed_find(const struct lock_probed *p, uint32_t as,
						const struct gt_event *ev)
{
	const struct lock_probed_lock *l = p ? find(p, as, ev->u.lock.addr) : NULL;

	return l && l->lock != UINT32_MAX ? l : NULL;
}

uint32_t lock_probed_nlocks(const struct lock_probed *p)
{
	return p->total;
}

const struct lock_probed_lock *lock_probed_at(const struct lock_probed *p, uint32_t lock)
{
	return p && lock < p->total && p->by_number[lock] ? &p->locks[p->by_number[lock] - 1]
							  : NULL;
}

uint64_t lock_probed_left_out(const struct lock_probed *p)
{
	return p ? p->left_out : 0;
}
