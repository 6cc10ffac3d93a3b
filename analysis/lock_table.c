/* SPDX-License-Identifier: MIT */
#include "lock_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock_kind.h"
#include "lock_layout.h"
#include "lock_merge.h"
#include "lock_probed.h"
#include "lock_sort.h"

struct lock_table {
	struct lock_places places;
	uint32_t *group_of; /* by place */
	struct lock_group *groups;
	uint32_t ngroups;
	struct lock_word *words; /* of all groups, each group's side by side */
	struct lock_probed *probed;
};

/* What a group's name rests on so far. */
struct named {
	bool any, symbol;
};

/* What making a table needs and the table does not. */
struct maker {
	const struct lock_words *words;
	struct lock_merge merge;
	struct lock_evidence *evidence; /* by set: at its root word */
	uint32_t *group_of;		/* by set: at its root word */
	struct named *named;		/* by group */
	bool failed;			/* a name found no memory */
};

void lock_table_free(struct lock_table *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->ngroups; i++) {
		free(t->groups[i].name);
		free(t->groups[i].image);
	}
	lock_probed_free(t->probed);
	lock_places_release(&t->places);
	free(t->group_of);
	free(t->groups);
	free(t->words);
	free(t);
}

struct lock_group *lock_table_find(const struct lock_table *t, uint32_t as, uint64_t addr)
{
	uint32_t at = lock_places_find(&t->places, as, addr);

	return at == LOCK_PLACES_NONE ? NULL : &t->groups[t->group_of[at]];
}

uint32_t lock_table_size(const struct lock_table *t)
{
	return t->ngroups;
}

struct lock_group *lock_table_at(const struct lock_table *t, uint32_t index)
{
	return index < t->ngroups ? &t->groups[index] : NULL;
}

int lock_table_probe(struct lock_table *t, struct lock_probed *probed)
{
	t->probed = probed;
	return lock_probed_join(probed, t);
}

const struct lock_probed *lock_table_probed(const struct lock_table *t)
{
	return t->probed;
}

/* ---- names ---- */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* A word without a symbol is called by where it lies: "libfoo.so+0x4a0", "[heap] 0x55d0c0". */
static char *place_name(const struct lock_symbol *s, uint64_t addr)
{
	char *name;
	int n;

	if (s->image[0] == '[')
		n = asprintf(&name, "%s 0x%" PRIx64, s->image, addr);
	else
		n = asprintf(&name, "%s+0x%" PRIx64, base_of(s->image), s->image_offset);
	return n < 0 ? NULL : name;
}

static bool has(const char *text)
{
	return text && text[0];
}

/*
 * The name of its lowest word with a symbol, else where its lowest word lies. Called for each word
 * of a group, in any order.
 */
/* False: out of memory. */
static bool name_group(struct named *named, struct lock_group *g, const struct lock_words *words,
		       uint32_t word)
{
	const struct lock_symbol *s = lock_words_symbol_of(words, word);
	uint64_t addr = words->words[word].addr;
	bool symbol;

	if (!s || !s->image || !(has(s->name) || has(s->image)))
		return true;
	symbol = has(s->name);
	if (named->any &&
	    (symbol < named->symbol || (symbol == named->symbol && addr >= g->symbol_addr)))
		return true;
	named->any = true;
	named->symbol = symbol;
	free(g->name);
	free(g->image);
	g->name = symbol ? strdup(s->name) : place_name(s, addr);
	g->image = has(s->image) ? strdup(s->image) : NULL;
	g->symbol_addr = addr;
	return g->name && (g->image || !has(s->image));
}

/* ---- groups ---- */

static uint32_t set_of(const struct maker *mk, uint32_t word)
{
	return lock_merge_root(&mk->merge, word);
}

static bool is_attached(const struct maker *mk, uint32_t set)
{
	return mk->merge.attached[set] != LOCK_WORDS_NONE;
}

static void new_group(struct lock_table *t, struct maker *mk, uint32_t set)
{
	struct lock_group *g = &t->groups[t->ngroups];

	mk->group_of[set] = t->ngroups++;
	g->id = t->ngroups;
	g->evidence = mk->evidence[set];
}

static void name_words(struct lock_table *t, struct maker *mk, bool attached)
{
	for (uint32_t i = 0; i < mk->words->nwords; i++) {
		uint32_t set = set_of(mk, i);
		uint32_t group = mk->group_of[set];

		if (is_attached(mk, set) == attached &&
		    !name_group(&mk->named[group], &t->groups[group], mk->words, i))
			mk->failed = true;
	}
}

static void settle(struct maker *mk, struct lock_group *g, uint32_t set)
{
	uint32_t as = mk->words->words[set].as;
	const struct lock_space *space = NULL;

	g->fingerprint = lock_kind_fingerprint(g, &mk->words->spaces, as);
	if (g->fingerprint)
		space = lock_spaces_find(&mk->words->spaces, as, g->fingerprint->interpreter);
	g->told = space && space->told;
	lock_sort_group(g);
	g->kind = lock_kind_of(g, g->fingerprint);
}

/* All sets but mutexes that may be part of another lock: what they are decides about those. */
static void make_groups(struct lock_table *t, struct maker *mk)
{
	for (uint32_t i = 0; i < mk->words->nwords; i++)
		if (set_of(mk, i) == i && !is_attached(mk, i))
			new_group(t, mk, i);
	name_words(t, mk, false);
	for (uint32_t i = 0; i < mk->words->nwords; i++)
		if (set_of(mk, i) == i && !is_attached(mk, i))
			settle(mk, &t->groups[mk->group_of[i]], i);
}

/*
 * The mutex of a lock's condition variable is part of the lock; that of a queue's is a lock of its
 * own.
 */
static void make_attached(struct lock_table *t, struct maker *mk)
{
	uint32_t before = t->ngroups;

	for (uint32_t i = 0; i < mk->words->nwords; i++) {
		struct lock_group *g;

		if (set_of(mk, i) != i || !is_attached(mk, i))
			continue;
		g = &t->groups[mk->group_of[set_of(mk, mk->merge.attached[i])]];
		if (g->sort == SORT_LOCK)
			mk->group_of[i] = g - t->groups;
		else
			new_group(t, mk, i);
	}
	name_words(t, mk, true);
	for (uint32_t i = 0; i < mk->words->nwords; i++)
		if (set_of(mk, i) == i && is_attached(mk, i) && mk->group_of[i] >= before)
			settle(mk, &t->groups[mk->group_of[i]], i);
}

/* What has no name of its own, or one that says only where it lies, is called what the fingerprint
 * calls it. */
static void rename_group(struct lock_group *g, const char *name, bool several, const char *image)
{
	if (!name || (g->image && g->image[0] != '['))
		return;
	free(g->name);
	free(g->image);
	if (!several)
		g->name = strdup(name);
	else if (asprintf(&g->name, "%s 0x%" PRIx64, name, g->symbol_addr) < 0)
		g->name = NULL;
	g->image = image && *image ? strdup(image) : NULL;
}

/* When all its words are known, and with them where it begins. */
static void rename_groups(struct lock_table *t, const struct maker *mk)
{
	for (uint32_t i = 0; i < mk->words->nwords; i++) {
		struct lock_group *g = &t->groups[mk->group_of[set_of(mk, i)]];
		const struct lock_fingerprint *fp = g->sort == SORT_LOCK ? g->fingerprint : NULL;
		const struct lock_space *space = NULL;

		if (fp && fp->name && g->kind == fp->kind)
			space = lock_spaces_find(&mk->words->spaces, mk->words->words[i].as,
						 fp->interpreter);
		if (space)
			rename_group(g, fp->name, fp->several, space->image);
		if (g->evidence.stack_words)
			rename_group(g, "words on waiters' stacks", false, "[stack]");
	}
}

/* ---- words ---- */

static bool same_word(const struct lock_word *a, const struct lock_word *b)
{
	return a->as == b->as && a->addr == b->addr && a->dev == b->dev && a->ino == b->ino;
}

static void add_word(struct lock_group *g, const struct lock_words *words, uint32_t word)
{
	const struct lock_word_facts *f = &words->words[word];
	const struct lock_symbol *s = lock_words_shared(words, word);
	struct lock_word it = { .as = f->as, .addr = f->addr, .waits = f->waits };

	if (s) {
		it.as = 0;
		it.addr = s->shared_offset;
		it.dev = s->shared_dev;
		it.ino = s->shared_ino;
	}
	for (uint32_t i = 0; s && i < g->nwords; i++) {
		if (same_word(&g->words[i], &it)) {
			g->words[i].waits += it.waits;
			return;
		}
	}
	if (!g->nwords)
		g->as = it.as;
	else if (g->as != it.as)
		g->as = 0;
	g->words[g->nwords++] = it;
}

static int word_cmp(const void *a, const void *b)
{
	const struct lock_word *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int fill_words(struct lock_table *t, struct maker *mk)
{
	uint32_t n = mk->words->nwords, at = 0;
	uint32_t *sizes = calloc(t->ngroups + 1, sizeof(*sizes));

	t->words = calloc(n + 1, sizeof(*t->words));
	t->group_of = calloc(n + 1, sizeof(*t->group_of));
	if (!sizes || !t->words || !t->group_of) {
		free(sizes);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		sizes[mk->group_of[set_of(mk, i)]]++;
	for (uint32_t i = 0; i < t->ngroups; at += sizes[i++])
		t->groups[i].words = t->words + at;
	free(sizes);
	for (uint32_t i = 0; i < n; i++) {
		const struct lock_word_facts *f = &mk->words->words[i];
		uint32_t place = lock_places_add(&t->places, f->as, f->addr);

		if (place == LOCK_PLACES_NONE)
			return -ENOMEM;
		t->group_of[place] = mk->group_of[set_of(mk, i)];
		add_word(&t->groups[t->group_of[place]], mk->words, i);
	}
	for (uint32_t i = 0; i < t->ngroups; i++)
		qsort(t->groups[i].words, t->groups[i].nwords, sizeof(struct lock_word), word_cmp);
	return 0;
}

/* Gather evidence, merge what it says belongs together, gather again. 0 or -ENOMEM. */
static int gather(struct maker *mk)
{
	size_t n = mk->words->nwords;
	bool *competed = calloc(n + 1, sizeof(*competed));
	int err = competed ? lock_sort_evidence(mk->evidence, mk->words, &mk->merge) : -ENOMEM;

	if (!err) {
		for (size_t i = 0; i < n; i++)
			competed[i] = lock_sort_symmetric(&mk->evidence[i]);
		lock_layout_join(&mk->merge, mk->words);
		lock_merge_let_go(&mk->merge, mk->words, competed);
		err = lock_merge_batons(&mk->merge, mk->words);
	}
	if (!err) {
		memset(mk->evidence, 0, n * sizeof(*mk->evidence));
		err = lock_sort_evidence(mk->evidence, mk->words, &mk->merge);
	}
	free(competed);
	return err;
}

static int make(struct lock_table *t, struct maker *mk)
{
	uint32_t n = mk->words->nwords;
	int err = lock_merge_init(&mk->merge, mk->words);

	if (err)
		return err;
	mk->evidence = calloc(n + 1, sizeof(*mk->evidence));
	mk->group_of = calloc(n + 1, sizeof(*mk->group_of));
	mk->named = calloc(n + 1, sizeof(*mk->named));
	t->groups = calloc(n + 1, sizeof(*t->groups));
	if (!mk->evidence || !mk->group_of || !mk->named || !t->groups)
		return -ENOMEM;
	err = gather(mk);
	if (err)
		return err;
	make_groups(t, mk);
	make_attached(t, mk);
	rename_groups(t, mk);
	return mk->failed ? -ENOMEM : fill_words(t, mk);
}

struct lock_table *lock_table_new(const struct lock_words *words)
{
	struct maker mk = { .words = words };
	struct lock_table *t = calloc(1, sizeof(*t));

	if (t && make(t, &mk)) {
		lock_table_free(t);
		t = NULL;
	}
	lock_merge_release(&mk.merge);
	free(mk.evidence);
	free(mk.group_of);
	free(mk.named);
	return t;
}
