/* SPDX-License-Identifier: MIT */
/*
 * What the first pass keeps of every futex word: how it is waited on, who waits on it and who
 * wakes, and which words a thread waits on one after the other. Filled by lock_find, read by
 * lock_merge and lock_sort. Memory follows words and (word, thread) pairs up to fixed limits; what
 * does not fit is counted.
 */
#ifndef ANALYSIS_LOCK_WORDS_H
#define ANALYSIS_LOCK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock_places.h"
#include "lock_spaces.h"
#include "model.h"
#include "pairs.h"

#define LOCK_WORDS_NONE LOCK_PLACES_NONE
/*
 * Words of one lock lie at most this many bytes apart. CPython's GIL spans 100 from 3.7 on, 236
 * in 3.6.
 */
#define LOCK_WORDS_SPAN 256

enum lock_word_flag {
	LOCK_WORD_WAIT = 1 << 0,   /* waited on by FUTEX_WAIT */
	LOCK_WORD_BITSET = 1 << 1, /* by FUTEX_WAIT_BITSET: condition variables, semaphores */
	LOCK_WORD_PI = 1 << 2,	   /* by FUTEX_LOCK_PI and kin: a mutex by definition */
	LOCK_WORD_TIMED = 1 << 3,
	LOCK_WORD_SHARED = 1 << 4, /* by an operation without FUTEX_PRIVATE_FLAG */
	LOCK_WORD_JOIN = 1 << 5,   /* some thread's clear_child_tid */
	LOCK_WORD_OWNER = 1 << 6,  /* every value so far had FUTEX_WAITERS set: an owner's tid */
	LOCK_WORD_UNTIMED = 1 << 7,
	LOCK_WORD_SEVERAL = 1 << 8, /* more than one thread waited on it */
	LOCK_WORD_STACK = 1 << 9,   /* on the stack of the one thread that waits on it */
};

/* How much of the wakees' time their wakers ran beside them; sums over sampled hand-overs. */
struct lock_side {
	uint64_t samples, run, both; /* ns */
};

struct lock_word_facts {
	uint64_t addr;
	uint32_t as;
	uint32_t flags; /* enum lock_word_flag */
	uint32_t val_min, val_max;
	uint64_t waits, timeouts;
	uint64_t handovers; /* a thread's futex call ended a thread's wait */
	uint64_t returned;  /* of these: the wakee later woke its waker in turn */
	uint64_t asked;	    /* of these: right after a round of the wakee's had timed out */
	uint64_t gave_way;  /* of these: the waker then went to wait itself, at once */
	uint64_t ticks;	    /* of these: after having run for as long as OCaml's tick */
	/* ns waited up to hand-overs: for a turn, as far as can be told, and for something else */
	uint64_t turn, asleep;
	struct lock_side all;  /* every stretch that the wakee ran */
	struct lock_side held; /* without those in which one only tried, and waited again */
	uint32_t waiter;       /* index of the first waiter */
};

/* One thread's part in one word. */
struct lock_role {
	uint32_t word, thread; /* thread: struct thread.index */
	uint32_t waits, woken, wakes;
};

enum lock_link_kind {
	LOCK_LINK_SEQUENCE, /* a thread waited on one and soon after on the other */
	LOCK_LINK_REQUEUED, /* the kernel moved a waiter from one to the other */
	LOCK_LINK_LET_GO,   /* a thread woke a waiter on one and then waited on the other itself */
	LOCK_LINK_BATON, /* the same, at once and without running on, however far apart they are */
	LOCK_LINK_KINDS
};

struct lock_link {
	uint32_t low, high;
	bool near; /* to each other */
	uint32_t counts[LOCK_LINK_KINDS];
};

struct lock_symbol {
	char *name, *image;
	uint64_t image_offset, shared_dev, shared_ino, shared_offset;
};

struct lock_words {
	struct lock_word_facts *words;
	size_t nwords, words_size;
	struct lock_role *roles;
	size_t nroles, roles_size;
	struct lock_link *links;
	size_t nlinks, links_size;
	struct lock_symbol *symbols;
	size_t nsymbols, symbols_size;
	struct lock_places word_places, symbol_places; /* number = index into words, symbols */
	struct pairs role_index, link_index;	       /* word, thread; low, high */
	bool any_bitset;			       /* some word has LOCK_WORD_BITSET */
	struct lock_spaces spaces;
	uint64_t dropped; /* facts that did not fit */
};

/* A zeroed struct holds nothing; this frees what was collected, not the struct. */
void lock_words_release(struct lock_words *w);

/* The word's index, or LOCK_WORDS_NONE when it was never waited on. */
uint32_t lock_words_find(const struct lock_words *w, uint32_t as, uint64_t addr);

/*
 * Note a wait by `t` as t->wait says. The word's index, or LOCK_WORDS_NONE when there is no room.
 */
uint32_t lock_words_wait(struct lock_words *w, const struct thread *t);

/* `waker` ended a wait of `wakee` on `word`. Both are struct thread.index. */
void lock_words_handover(struct lock_words *w, uint32_t word, uint32_t waker, uint32_t wakee);

static inline bool lock_link_far_too(enum lock_link_kind kind)
{
	return kind == LOCK_LINK_REQUEUED || kind == LOCK_LINK_BATON;
}

static inline void lock_link_count(struct lock_link *link, enum lock_link_kind kind)
{
	if (lock_link_far_too(kind) || link->near)
		link->counts[kind]++;
}

/* Two words that were not linked last among those in their place. */
void lock_words_link_look(struct lock_words *w, uint32_t low, uint32_t high,
			  enum lock_link_kind kind);

/*
 * Ignored unless the two are in one address space and, but for requeues and batons, close to each
 * other; and unless one of them has been waited on as condition variables are: of two mutexes
 * nobody asks how often one came after the other. Several times for each wait: hence here.
 */
static inline void lock_words_link(struct lock_words *w, uint32_t a, uint32_t b,
				   enum lock_link_kind kind)
{
	uint32_t low = a < b ? a : b, high = a < b ? b : a, at;

	if (!w->any_bitset || !((w->words[a].flags | w->words[b].flags) & LOCK_WORD_BITSET))
		return;
	at = pairs_hint(&w->link_index, low, high);
	if (at != PAIRS_NONE)
		lock_link_count(&w->links[at], kind);
	else
		lock_words_link_look(w, low, high, kind);
}

/* How often the two were linked in this way. */
uint32_t lock_words_linked(const struct lock_words *w, uint32_t a, uint32_t b,
			   enum lock_link_kind kind);

/* Keep the name of a word. The last one given for a word counts. */
void lock_words_symbol(struct lock_words *w, const struct gt_event *ev);
const struct lock_symbol *lock_words_symbol_of(const struct lock_words *w, uint32_t word);
/* The same, but NULL unless the word is a shared futex in a file. */
const struct lock_symbol *lock_words_shared(const struct lock_words *w, uint32_t word);

/* glibc's low-level lock, or a word with its owner's tid and FUTEX_WAITERS in it. */
bool lock_words_is_mutex(const struct lock_word_facts *f);

#endif
