/* SPDX-License-Identifier: MIT */
#include "lock_layout.h"

#include "lock_sort.h"

/* A condition variable's two words lie 4 bytes apart, the first on an 8-byte boundary. */
#define HALF 4
#define ALIGNMENT 8
/* Rounds that timed out, and threads that let go and then waited: once or twice may be chance. */
#define TIMEOUTS_MIN 3
#define LET_GO_MIN 3
/*
 * Hand-overs right after a wait has timed out, and their share: a reply in a queue comes within the
 * quarter of a round that counts in one case of four.
 */
#define ASKED_MIN 10
#define ASKED_SHARE_MIN 0.5

/*
 * From the first condition variable to the second: glibc's pthread_cond_t (48 bytes) and
 * pthread_mutex_t, which is 40 bytes long on x86-64 (measured on CPython 3.7 to 3.13) and 48 on
 * arm64.
 */
static const uint64_t distances[] = { 48 + 40, 48 + 48 };

/* A condition variable as it was waited on, both its words together. */
struct condvar {
	uint32_t words[2]; /* either may be LOCK_WORDS_NONE */
	uint32_t flags;
	uint64_t timeouts, handovers, asked;
};

static struct condvar condvar_at(const struct lock_words *w, uint32_t as, uint64_t addr)
{
	struct condvar c = { .words = { lock_words_find(w, as, addr),
					lock_words_find(w, as, addr + HALF) } };

	for (int i = 0; i < 2; i++) {
		if (c.words[i] == LOCK_WORDS_NONE)
			continue;
		c.flags |= w->words[c.words[i]].flags;
		c.timeouts += w->words[c.words[i]].timeouts;
		c.handovers += w->words[c.words[i]].handovers;
		c.asked += w->words[c.words[i]].asked;
	}
	return c;
}

static bool waited_on(const struct condvar *c, uint32_t with, uint32_t without)
{
	uint32_t not = LOCK_WORD_WAIT | LOCK_WORD_PI | LOCK_WORD_JOIN | without;

	return (c->flags & (with | LOCK_WORD_BITSET | not )) == (with | LOCK_WORD_BITSET);
}

/* How often a thread woke a waiter on one of the two and then waited on the other itself. */
static uint64_t let_go(const struct lock_words *w, const struct condvar *a, const struct condvar *b)
{
	uint64_t n = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t from = a->words[i & 1], to = b->words[i >> 1];

		if (from != LOCK_WORDS_NONE && to != LOCK_WORDS_NONE)
			n += lock_words_linked(w, from, to, LOCK_LINK_LET_GO);
	}
	return n;
}

/*
 * If `word` is half of a first condition variable that has its second one `distance` behind it: a
 * word of that, else LOCK_WORDS_NONE.
 */
static uint32_t second_of(const struct lock_words *w, uint32_t word, uint64_t distance,
			  struct condvar *lock)
{
	const struct lock_word_facts *f = &w->words[word];
	uint64_t addr = f->addr - f->addr % ALIGNMENT;
	struct condvar forced = condvar_at(w, f->as, addr + distance);
	uint32_t other = forced.words[forced.words[0] == LOCK_WORDS_NONE];

	if (other == LOCK_WORDS_NONE || !waited_on(&forced, LOCK_WORD_UNTIMED, LOCK_WORD_TIMED))
		return LOCK_WORDS_NONE;
	*lock = condvar_at(w, f->as, addr);
	return waited_on(lock, LOCK_WORD_TIMED, LOCK_WORD_UNTIMED) &&
			       lock->timeouts >= TIMEOUTS_MIN &&
			       let_go(w, lock, &forced) >= LET_GO_MIN
		       ? other
		       : LOCK_WORDS_NONE;
}

static bool has_layout(const struct lock_words *w, const struct lock_merge *m, uint32_t word,
		       uint64_t distance)
{
	struct condvar lock;
	uint32_t other = second_of(w, word, distance, &lock);

	return other != LOCK_WORDS_NONE && lock_merge_root(m, other) == lock_merge_root(m, word);
}

void lock_layout_join(struct lock_merge *m, const struct lock_words *w)
{
	for (uint32_t i = 0; i < w->nwords; i++) {
		for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++) {
			struct condvar lock;
			uint32_t other = second_of(w, i, distances[d], &lock);

			if (other != LOCK_WORDS_NONE && lock.asked >= ASKED_MIN &&
			    (double)lock.asked >= ASKED_SHARE_MIN * (double)lock.handovers)
				lock_merge_unite(m, i, other);
		}
	}
}

void lock_layout_find(struct lock_evidence *by_root, const struct lock_words *w,
		      const struct lock_merge *m)
{
	for (uint32_t i = 0; i < w->nwords; i++) {
		struct lock_evidence *e = &by_root[lock_merge_root(m, i)];

		for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++)
			if (!e->gil_layout && lock_sort_symmetric(e))
				e->gil_layout = has_layout(w, m, i, distances[d]);
	}
}
