/* SPDX-License-Identifier: MIT */
#include "lock_sort.h"
#include "lock_kind.h"
#include "lock_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Fewer hand-overs show nothing either way. */
#define HANDOVERS_MIN 20
/* Locks were measured up to 0.14, other symmetric waits from 0.14 to 0.83 on: docs/method.md. */
#define SIDE_BY_SIDE_MAX 0.15
/* Where hand-overs are slow (emulated machines) a lock came to 0.2: up to here nothing is certain.
 */
#define SIDE_BY_SIDE_UNSURE 0.25
/* More than any lock ever came to; its layout alone then says nothing. */
#define SIDE_BY_SIDE_NO_LOCK 0.5
/*
 * Of all hand-overs, those among threads that both wait and wake: the rest may be a thread's first
 * or last.
 */
#define SYMMETRY_MIN 0.5
#define RETURNED_MIN 0.5
#define ASKED_MIN 0.5
/* Fewer events than this are told as what they are: a few. */
#define HANDFUL 5
/* Values that count upwards stay between 2 and 3 for a while only. */
#define RWLOCK_WAITS_MIN 20

bool lock_sort_symmetric(const struct lock_evidence *e)
{
	return e->both >= 2 && e->symmetry >= SYMMETRY_MIN;
}

/* ---- gathering ---- */

struct part {
	uint32_t root, thread;
	uint32_t waits, woken, wakes;
};

static int part_cmp(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->thread < y->thread ? -1 : x->thread > y->thread;
}

/* One thread's part in one set is complete. */
static void add_part(struct lock_evidence *e, const struct part *p)
{
	e->waiters += !!p->waits;
	e->wakers += !!p->wakes;
	if (p->waits && p->wakes) {
		e->both++;
		e->symmetry += (double)p->woken + p->wakes;
	}
}

static int gather_threads(struct lock_evidence *by_root, const struct lock_words *w,
			  const struct lock_merge *m)
{
	struct part *parts = calloc(w->nroles ? w->nroles : 1, sizeof(*parts));

	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < w->nroles; i++) {
		const struct lock_role *r = &w->roles[i];

		parts[i] = (struct part){ lock_merge_root(m, r->word), r->thread, r->waits,
					  r->woken, r->wakes };
	}
	qsort(parts, w->nroles, sizeof(*parts), part_cmp);
	for (size_t i = 0; i < w->nroles; i++) {
		if (i + 1 < w->nroles && !part_cmp(&parts[i], &parts[i + 1])) {
			parts[i + 1].waits += parts[i].waits;
			parts[i + 1].woken += parts[i].woken;
			parts[i + 1].wakes += parts[i].wakes;
		} else {
			add_part(&by_root[parts[i].root], &parts[i]);
		}
	}
	free(parts);
	return 0;
}

static void add_word(struct lock_evidence *e, const struct lock_word_facts *f, bool paired)
{
	bool first = !e->waits;
	bool twos = f->val_min == 2 && f->val_max == 2;

	e->waits += f->waits;
	e->timeouts += f->timeouts;
	e->handovers += f->handovers;
	e->returned += f->returned;
	e->asked += f->asked;
	e->value_always_2 = twos && lock_words_is_mutex(f) && (first || e->value_always_2);
	e->owner_value = f->flags & LOCK_WORD_OWNER && (first || e->owner_value);
	e->val_min = first || f->val_min < e->val_min ? f->val_min : e->val_min;
	e->val_max = f->val_max > e->val_max ? f->val_max : e->val_max;
	e->value_varies |= f->val_min != f->val_max;
	e->pi |= !!(f->flags & LOCK_WORD_PI);
	e->clear_child_tid |= !!(f->flags & LOCK_WORD_JOIN);
	e->bitset |= !!(f->flags & LOCK_WORD_BITSET);
	e->plain_wait |= !!(f->flags & LOCK_WORD_WAIT);
	e->timed |= !!(f->flags & LOCK_WORD_TIMED);
	e->untimed |= !!(f->flags & LOCK_WORD_UNTIMED);
	e->ticks += f->ticks;
	e->condvar_pair |= paired;
}

/* A known interpreter's lock is found by what is known of it. */
static bool interpreted(const struct lock_words *w, uint32_t as)
{
	int kind = GT_INTERPRETER_NONE + 1;

	while (kind < GT_INTERPRETER_COUNT && !lock_spaces_find(&w->spaces, as, kind))
		kind++;
	return kind < GT_INTERPRETER_COUNT;
}

static void add_side(struct lock_side *to, const struct lock_side *from)
{
	to->samples += from->samples;
	to->run += from->run;
	to->both += from->both;
}

/* Sums become shares. Tries are left out where they can be told: among threads that compete. */
static void finish(struct lock_evidence *e, const struct lock_side *held,
		   const struct lock_side *all)
{
	const struct lock_side *side;

	e->symmetry = e->handovers ? e->symmetry / (2.0 * e->handovers) : 0;
	e->returned = e->handovers ? e->returned / e->handovers : 0;
	e->switch_share = e->waits ? (double)e->handovers / e->waits : 0;
	side = lock_sort_symmetric(e) ? held : all;
	e->handovers_idle = side->samples;
	e->side_by_side = side->run ? (double)side->both / side->run : 0;
}

int lock_sort_evidence(struct lock_evidence *by_root, const struct lock_words *w,
		       const struct lock_merge *m)
{
	struct lock_side *sides = calloc(w->nwords ? w->nwords : 1, 2 * sizeof(*sides));
	struct lock_side *held = sides, *all = sides + w->nwords;
	int err = -ENOMEM;

	if (!sides)
		return err;
	for (uint32_t i = 0; i < w->nwords; i++) {
		uint32_t root = lock_merge_root(m, i);
		const struct lock_symbol *s = lock_words_symbol_of(w, i);

		add_word(&by_root[root], &w->words[i], m->paired[i] != LOCK_WORDS_NONE);
		by_root[root].stack_words |= m->stack[i];
		by_root[root].baton |= m->baton[i];
		by_root[root].interpreted |= interpreted(w, w->words[i].as);
		by_root[root].on_stack |= s && s->image && s->image[0] == '[' && s->image[1] == 's';
		add_side(&held[root], &w->words[i].held);
		add_side(&all[root], &w->words[i].all);
	}
	err = gather_threads(by_root, w, m);
	for (uint32_t i = 0; !err && i < w->nwords; i++)
		if (lock_merge_root(m, i) == i)
			finish(&by_root[i], &held[i], &all[i]);
	if (!err)
		lock_layout_find(by_root, w, m);
	free(sides);
	return err;
}

/* ---- sorting ---- */

static bool exclusive(const struct lock_evidence *e)
{
	return e->handovers_idle >= HANDOVERS_MIN && e->side_by_side < SIDE_BY_SIDE_MAX;
}

static bool is_join(const struct lock_group *g)
{
	return g->evidence.clear_child_tid;
}

static bool is_pi(const struct lock_group *g)
{
	return g->evidence.pi;
}

static bool is_low_level_lock(const struct lock_group *g)
{
	return g->evidence.value_always_2;
}

static bool holds_owner(const struct lock_group *g)
{
	return g->evidence.owner_value && g->evidence.plain_wait && !g->evidence.bitset;
}

/* glibc's phase and writer words: bit 1 says that somebody sleeps, bit 0 whose turn it is. */
static bool is_rwlock(const struct lock_group *g)
{
	const struct lock_evidence *e = &g->evidence;

	return e->condvar_pair && e->val_min >= 2 && e->val_max <= 3 &&
	       e->waits >= RWLOCK_WAITS_MIN;
}

/*
 * One writer: nobody waits for the writers' word. Readers wait for the phase word to leave 3, the
 * writer for it to leave 2. A condition variable's words count on, and never stay at these two.
 */
static bool is_rwlock_of_one_writer(const struct lock_group *g)
{
	const struct lock_evidence *e = &g->evidence;

	return e->bitset && !e->plain_wait && !e->condvar_pair && e->val_min == 2 &&
	       e->val_max == 3 && e->waits >= RWLOCK_WAITS_MIN && e->waiters >= 2 && e->both >= 1;
}

/* Where writers only meet writers, the writers' word alone: taken, and somebody sleeps. */
static bool is_like_rwlock_of_writers(const struct lock_group *g)
{
	const struct lock_evidence *e = &g->evidence;

	return e->bitset && !e->condvar_pair && e->val_min == 3 && e->val_max == 3 &&
	       e->waits >= RWLOCK_WAITS_MIN;
}

static bool is_rwlock_of_writers(const struct lock_group *g)
{
	return is_like_rwlock_of_writers(g) && lock_sort_symmetric(&g->evidence);
}

/* Rust's std::sync::Mutex has glibc's three states but always waits with a bitset. */
static bool is_bitset_mutex(const struct lock_group *g)
{
	const struct lock_evidence *e = &g->evidence;

	return e->bitset && !e->condvar_pair && e->val_min == 2 && e->val_max == 2 &&
	       lock_sort_symmetric(e);
}

static bool has_fingerprint(const struct lock_group *g)
{
	return g->fingerprint && g->fingerprint->proves;
}

static bool is_on_stacks(const struct lock_group *g)
{
	return g->evidence.stack_words;
}

static bool is_baton(const struct lock_group *g)
{
	return g->evidence.baton;
}

static bool counts(const struct lock_group *g)
{
	return g->evidence.plain_wait && !g->evidence.bitset && g->evidence.value_varies;
}

static bool is_gil_like(const struct lock_group *g)
{
	return lock_sort_symmetric(&g->evidence) && exclusive(&g->evidence);
}

/* Its threads were seen to run on side by side: no likeness makes that a lock. */
static bool disproved(const struct lock_evidence *e)
{
	return e->handovers_idle >= HANDOVERS_MIN && e->side_by_side >= SIDE_BY_SIDE_NO_LOCK;
}

static bool has_gil_layout(const struct lock_group *g)
{
	return g->evidence.gil_layout && !disproved(&g->evidence);
}

/* Whoever has waited for an interval asks for a GIL, and its holder lets go: in no queue is that
 * so. */
static bool is_given_when_asked(const struct lock_group *g)
{
	const struct lock_evidence *e = &g->evidence;

	return lock_sort_symmetric(e) && e->asked >= HANDOVERS_MIN &&
	       (double)e->asked >= ASKED_MIN * (double)e->handovers && !disproved(e);
}

static bool is_symmetric_so_far(const struct lock_group *g)
{
	return lock_sort_symmetric(&g->evidence) && g->evidence.handovers_idle < HANDOVERS_MIN;
}

/*
 * A condition variable waited on for so long at most, a few times: it may be a GIL of nobody known.
 */
static bool is_rare_timed_wait(const struct lock_group *g)
{
	const struct lock_evidence *e = &g->evidence;

	return e->bitset && e->timed && !e->untimed && !e->interpreted && e->handovers &&
	       e->handovers < HANDOVERS_MIN;
}

static bool is_unclear(const struct lock_group *g)
{
	return lock_sort_symmetric(&g->evidence) && g->evidence.side_by_side < SIDE_BY_SIDE_UNSURE;
}

static bool takes_turns(const struct lock_group *g)
{
	return !lock_sort_symmetric(&g->evidence) && exclusive(&g->evidence) &&
	       g->evidence.returned >= RETURNED_MIN;
}

static bool anything(const struct lock_group *g)
{
	return true;
}

static const struct {
	enum lock_sort sort;
	bool (*holds)(const struct lock_group *g);
	const char *text;
} rules[] = {
	{ SORT_JOIN, is_join, "join: the word is a thread's clear_child_tid" },
	{ SORT_LOCK, is_pi, "mutex: priority-inheriting" },
	{ SORT_LOCK, is_low_level_lock, "mutex: always waits for value 2" },
	{ SORT_LOCK, holds_owner, "mutex: the word holds its owner's tid" },
	{ SORT_LOCK, is_rwlock, "rwlock: always waits for values 2 and 3" },
	{ SORT_LOCK, is_rwlock_of_one_writer, "rwlock: one word, always waits for values 2 and 3" },
	{ SORT_LOCK, is_rwlock_of_writers,
	  "rwlock: always waits for value 3, by threads that also wake" },
	{ SORT_LOCK, is_bitset_mutex,
	  "mutex: always waits for value 2, by threads that also wake" },
	{ SORT_LOCK, has_fingerprint, "lock: by an interpreter's fingerprint" },
	{ SORT_QUEUE, is_on_stacks, "queue: words on waiters' stacks, a different one each wait" },
	{ SORT_TURN_TAKING, is_baton,
	  "turn-taking: each wakes the next and waits on a word of its own" },
	{ SORT_BARRIER, counts, "barrier: waits for values that vary" },
	{ SORT_LOCK, is_gil_like, "lock: threads take turns at holding it" },
	{ SORT_LOCK, has_gil_layout, "lock: a GIL of CPython's layout" },
	{ SORT_LOCK, is_given_when_asked, "lock: handed over when a wait for it times out" },
	{ SORT_UNPROVEN, is_symmetric_so_far, "unproven: too few hand-overs with an idle CPU" },
	{ SORT_UNPROVEN, is_like_rwlock_of_writers,
	  "unproven: waits for value 3 as an rwlock's writers do, but some only wait" },
	{ SORT_UNPROVEN, is_rare_timed_wait, "unproven: too few hand-overs" },
	{ SORT_UNPROVEN, is_unclear,
	  "unproven: side by side too long for a lock, too briefly for a queue" },
	{ SORT_TURN_TAKING, takes_turns, "turn-taking: strict hand-over to and fro" },
	{ SORT_QUEUE, anything, "queue: no sign of a lock" },
};

void lock_sort_group(struct lock_group *g)
{
	size_t i = 0;

	while (!rules[i].holds(g))
		i++;
	g->sort = rules[i].sort;
	g->rule = rules[i].text;
}

static const char *const names[] = {
	[SORT_LOCK] = "lock",
	[SORT_JOIN] = "join",
	[SORT_QUEUE] = "queue",
	[SORT_BARRIER] = "barrier",
	[SORT_TURN_TAKING] = "turn-taking",
	[SORT_UNPROVEN] = "unproven",
};

const char *lock_sort_name(enum lock_sort sort)
{
	return (unsigned int)sort < sizeof(names) / sizeof(names[0]) ? names[sort] : "unknown";
}

/* ---- saying so ---- */

int lock_sort_explain(const struct lock_group *g, char **lines, int max)
{
	const struct lock_evidence *e = &g->evidence;
	int n = 0, err = 0;

#define LINE(...)                                                                                  \
	do {                                                                                       \
		if (err >= 0 && n < max && (err = asprintf(&lines[n], __VA_ARGS__)) >= 0)          \
			n++;                                                                       \
	} while (0)
	if (e->waits < HANDFUL && !e->pi && g->sort == SORT_LOCK)
		LINE("%s (%" PRIu64 " wait%s only)", g->rule, (uint64_t)e->waits,
		     e->waits == 1 ? "" : "s");
	else
		LINE("%s", g->rule);
	if (g->sort == SORT_LOCK && g->fingerprint && g->kind == g->fingerprint->kind)
		LINE("%s", g->fingerprint->text);
	if (g->sort == SORT_LOCK && g->fingerprint && g->kind == g->fingerprint->kind &&
	    g->fingerprint->interpreter != GT_INTERPRETER_NONE && !g->told)
		LINE("inferred: the interpreter, from a file's name");
	if (g->sort == SORT_LOCK && e->baton)
		LINE("inferred: threads that sleep wait on the same words as those waiting for their turn");
	if (g->nwords > 1)
		LINE("L1: %" PRIu32 " words %s", g->nwords,
		     e->baton ? "that a baton goes over" : "of one wait sequence");
	if (!e->value_always_2 && e->handovers)
		LINE("symmetry: %" PRIu32 " of %" PRIu32 " waiting threads also wake, in %" PRIu64
		     " hand-over%s%s",
		     e->both, e->waiters, (uint64_t)e->handovers, e->handovers == 1 ? "" : "s",
		     e->handovers < HANDFUL ? " only" : "");
	if (!e->value_always_2 && e->handovers_idle)
		LINE("side by side %.3f over %s%" PRIu64 " hand-over%s with an idle CPU",
		     e->side_by_side, e->handovers_idle < HANDFUL ? "only " : "",
		     (uint64_t)e->handovers_idle, e->handovers_idle == 1 ? "" : "s");
#undef LINE
	if (err >= 0)
		return n;
	while (n)
		free(lines[--n]);
	return -ENOMEM;
}
