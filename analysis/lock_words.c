/* SPDX-License-Identifier: MIT */
#include "lock_words.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"

/*
 * A hostile trace may name a new word in every record: these bound the finder to a few hundred MB.
 */
#define MAX_WORDS (1U << 20)
#define MAX_ROLES (1U << 22)
#define MAX_LINKS (1U << 20)
#define MAX_SYMBOLS (1U << 20)

/* Not in the headers of all kernels we build on. */
#define OP_LOCK_PI2 13

#define LOW_LEVEL_LOCK_CONTENDED 2

/* How far from its upper end a stack is looked at: stacks may be small, and other memory lie right
 * below. */
#define STACK_BYTES (256U << 10)

/*
 * Room for one more of `size` bytes in a doubling array of at most `max`; NULL when there is none.
 */
static void *grow(void **array, size_t *n, size_t *room, size_t size, size_t max)
{
	if (*n == *room) {
		size_t more = *room ? *room * 2 : 64;
		void *p;

		if (*n >= max)
			return NULL;
		p = realloc(*array, more * size);
		if (!p)
			return NULL;
		*array = p;
		*room = more;
	}
	return memset((char *)*array + *n * size, 0, size);
}

#define GROW(w, field, max)                                                                        \
	grow((void **)&(w)->field, &(w)->n##field, &(w)->field##_size, sizeof(*(w)->field), max)

void lock_words_release(struct lock_words *w)
{
	for (size_t i = 0; i < w->nsymbols; i++) {
		free(w->symbols[i].name);
		free(w->symbols[i].image);
	}
	lock_places_release(&w->word_places);
	pairs_free(&w->role_index);
	pairs_free(&w->link_index);
	lock_places_release(&w->symbol_places);
	lock_spaces_release(&w->spaces);
	free(w->words);
	free(w->roles);
	free(w->links);
	free(w->symbols);
	memset(w, 0, sizeof(*w));
}

uint32_t lock_words_find(const struct lock_words *w, uint32_t as, uint64_t addr)
{
	return lock_places_find(&w->word_places, as, addr);
}

static uint32_t word_add(struct lock_words *w, const struct thread *t)
{
	struct lock_word_facts *f = GROW(w, words, MAX_WORDS);

	if (!f || lock_places_add(&w->word_places, t->wait.as, t->wait.addr) == LOCK_PLACES_NONE) {
		w->dropped++;
		return LOCK_WORDS_NONE;
	}
	f->as = t->wait.as;
	f->addr = t->wait.addr;
	f->val_min = UINT32_MAX;
	f->flags = LOCK_WORD_OWNER;
	f->waiter = t->index;
	return w->nwords++;
}

static COLD struct lock_role *role_add(struct lock_words *w, uint32_t word, uint32_t thread)
{
	struct lock_role *r = GROW(w, roles, MAX_ROLES);

	if (!r || pairs_put(&w->role_index, word, thread, w->nroles)) {
		w->dropped++;
		return NULL;
	}
	r->word = word;
	r->thread = thread;
	w->nroles++;
	return r;
}

static inline struct lock_role *role(struct lock_words *w, uint32_t word, uint32_t thread)
{
	uint32_t at = pairs_get(&w->role_index, word, thread);

	return at != PAIRS_NONE ? &w->roles[at] : role_add(w, word, thread);
}

static uint32_t op_flags(uint32_t op)
{
	uint32_t shared = op & FUTEX_PRIVATE_FLAG ? 0 : LOCK_WORD_SHARED;

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return shared | LOCK_WORD_WAIT;
	case FUTEX_LOCK_PI:
	case OP_LOCK_PI2:
		return shared | LOCK_WORD_PI;
	default: /* WAIT_BITSET, WAIT_REQUEUE_PI, and futex_waitv as translated */
		return shared | LOCK_WORD_BITSET;
	}
}

/*
 * The word in which a thread's end is announced lies in what the C library keeps at the upper end
 * of its stack; the first thread's stack has a name of its own. A word that others wait on too is
 * not meant.
 */
static bool on_its_stack(const struct thread *t)
{
	return t->wait.addr < t->clear_child_tid && t->clear_child_tid - t->wait.addr < STACK_BYTES;
}

uint32_t lock_words_wait(struct lock_words *w, const struct thread *t)
{
	uint32_t at = lock_words_find(w, t->wait.as, t->wait.addr);
	struct lock_word_facts *f;
	struct lock_role *r;

	if (at == LOCK_WORDS_NONE)
		at = word_add(w, t);
	if (at == LOCK_WORDS_NONE)
		return at;
	f = &w->words[at];
	f->waits++;
	f->flags |= op_flags(t->wait.op);
	w->any_bitset |= !!(f->flags & LOCK_WORD_BITSET);
	f->flags |= t->wait.timed ? LOCK_WORD_TIMED : LOCK_WORD_UNTIMED;
	if (t->index != f->waiter)
		f->flags = (f->flags | LOCK_WORD_SEVERAL) & ~LOCK_WORD_STACK;
	else if (!(f->flags & LOCK_WORD_SEVERAL) && on_its_stack(t))
		f->flags |= LOCK_WORD_STACK;
	if (!(t->wait.val & FUTEX_WAITERS) || t->wait.val == UINT32_MAX)
		f->flags &= ~LOCK_WORD_OWNER;
	if (t->wait.val < f->val_min)
		f->val_min = t->wait.val;
	if (t->wait.val > f->val_max)
		f->val_max = t->wait.val;
	r = role(w, at, t->index);
	if (r)
		r->waits++;
	return at;
}

void lock_words_handover(struct lock_words *w, uint32_t word, uint32_t waker, uint32_t wakee)
{
	struct lock_role *r = role(w, word, waker);

	if (r)
		r->wakes++;
	r = role(w, word, wakee);
	if (r)
		r->woken++;
	w->words[word].handovers++;
}

static bool within_span(const struct lock_words *w, uint32_t low, uint32_t high)
{
	const struct lock_word_facts *l = &w->words[low], *h = &w->words[high];

	return (l->addr < h->addr ? h->addr - l->addr : l->addr - h->addr) <= LOCK_WORDS_SPAN;
}

static struct lock_link *link_add(struct lock_words *w, uint32_t low, uint32_t high,
				  enum lock_link_kind kind)
{
	bool near = within_span(w, low, high);
	struct lock_link *link;

	if (w->words[low].as != w->words[high].as || !(lock_link_far_too(kind) || near))
		return NULL;
	link = GROW(w, links, MAX_LINKS);
	if (!link || pairs_put(&w->link_index, low, high, w->nlinks)) {
		w->dropped++;
		return NULL;
	}
	link->low = low;
	link->high = high;
	link->near = near;
	w->nlinks++;
	return link;
}

void lock_words_link_look(struct lock_words *w, uint32_t low, uint32_t high,
			  enum lock_link_kind kind)
{
	uint32_t at = low == high ? PAIRS_NONE : pairs_look(&w->link_index, low, high);
	struct lock_link *link = at != PAIRS_NONE ? &w->links[at] : NULL;

	if (!link && low != high)
		link = link_add(w, low, high, kind);
	if (link)
		lock_link_count(link, kind);
}

uint32_t lock_words_linked(const struct lock_words *w, uint32_t a, uint32_t b,
			   enum lock_link_kind kind)
{
	uint32_t at = pairs_find(&w->link_index, a < b ? a : b, a < b ? b : a);

	return at != PAIRS_NONE ? w->links[at].counts[kind] : 0;
}

static struct lock_symbol *symbol_at(struct lock_words *w, uint32_t as, uint64_t addr)
{
	uint32_t at = lock_places_find(&w->symbol_places, as, addr);
	struct lock_symbol *s;

	if (at != LOCK_PLACES_NONE)
		return &w->symbols[at];
	s = GROW(w, symbols, MAX_SYMBOLS);
	if (!s || lock_places_add(&w->symbol_places, as, addr) == LOCK_PLACES_NONE)
		return NULL;
	w->nsymbols++;
	return s;
}

void lock_words_symbol(struct lock_words *w, const struct gt_event *ev)
{
	struct lock_symbol *s = symbol_at(w, ev->u.symbol.as, ev->u.symbol.addr);

	if (!s) {
		w->dropped++;
		return;
	}
	free(s->name);
	free(s->image);
	s->name = strdup(ev->u.symbol.name ? ev->u.symbol.name : "");
	s->image = strdup(ev->u.symbol.image ? ev->u.symbol.image : "");
	w->dropped += !s->name || !s->image;
	s->image_offset = ev->u.symbol.image_offset;
	s->shared_dev = ev->u.symbol.shared_dev;
	s->shared_ino = ev->u.symbol.shared_ino;
	s->shared_offset = ev->u.symbol.shared_offset;
}

const struct lock_symbol *lock_words_symbol_of(const struct lock_words *w, uint32_t word)
{
	uint32_t at = lock_places_find(&w->symbol_places, w->words[word].as, w->words[word].addr);

	return at == LOCK_PLACES_NONE ? NULL : &w->symbols[at];
}

const struct lock_symbol *lock_words_shared(const struct lock_words *w, uint32_t word)
{
	const struct lock_symbol *s;

	if (!(w->words[word].flags & LOCK_WORD_SHARED))
		return NULL;
	s = lock_words_symbol_of(w, word);
	return s && s->shared_ino ? s : NULL;
}

bool lock_words_is_mutex(const struct lock_word_facts *f)
{
	if (f->flags & (LOCK_WORD_BITSET | LOCK_WORD_JOIN))
		return false;
	if (f->flags & (LOCK_WORD_PI | LOCK_WORD_OWNER))
		return true;
	return f->val_min == LOW_LEVEL_LOCK_CONTENDED && f->val_max == LOW_LEVEL_LOCK_CONTENDED;
}
