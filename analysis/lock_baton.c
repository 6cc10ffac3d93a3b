/* SPDX-License-Identifier: MIT */
#include "lock_baton.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"

/* Who wakes another and still runs after this long has not given way. */
#define GIVES_WAY_NS 1000000ULL
/*
 * Ruby lets a thread run 100 ms when another wants to: who is not let in for four times that was
 * not waiting for its turn, but asleep.
 */
#define HOLD_MAX_NS 400000000ULL
/* Nor was it when, for more than a fifth of its wait, nobody ran who could have had the turn. */
#define QUIET_MAX 5
/* OCaml's tick comes every 50 ms; a little less, for the tick counts from when it was begun. */
#define TICK_NS 40000000ULL

struct runner {
	/* Its last futex wait, with the rounds of it that timed out; `word` is the first one's. */
	uint32_t word;
	bool handed; /* it ended by another's futex call */
	uint64_t blocked;
	uint64_t turns, quiet; /* of its process, when that began */
	uint64_t got;	       /* when it came back from that, or first ran */
	/* It has woken another and has not yet been seen to give way or to go on. */
	bool gave;
	uint32_t gave_on, gave_to, gave_first;
	uint64_t gave_at, gave_wait, held;
	bool gave_turn;
	/* It has given way and not had its turn since: the words it waits on belong together. */
	bool giving;
	uint32_t giving_on[2]; /* the word it woke the next one on, the last one it waited on itself
				*/
};

/* By struct process.index. */
struct place {
	uint32_t active;       /* threads that run or could */
	uint64_t turns;	       /* batons passed */
	uint64_t since, quiet; /* ns in which no thread was active, up to `since` */
};

struct lock_batons {
	struct lock_words *words;
	struct runner *runners; /* by struct thread.index */
	struct place *places;
	size_t nrunners, nplaces;
};

struct lock_batons *lock_batons_new(struct lock_words *words)
{
	struct lock_batons *b = calloc(1, sizeof(*b));

	if (b)
		b->words = words;
	return b;
}

void lock_batons_free(struct lock_batons *b)
{
	if (!b)
		return;
	free(b->runners);
	free(b->places);
	free(b);
}

static COLD bool grow(void **array, size_t *n, size_t size, uint32_t index)
{
	size_t more = ((size_t)index + 32) * 2;
	char *p = realloc(*array, more * size);

	if (!p)
		return false;
	memset(p + *n * size, 0, (more - *n) * size);
	*array = p;
	*n = more;
	return true;
}

/* An element of a zeroed array that grows as needed; NULL when out of memory. Growing moves the
 * others. */
static inline void *element(void **array, size_t *n, size_t size, uint32_t index)
{
	if (index >= *n && !grow(array, n, size, index))
		return NULL;
	return (char *)*array + index * size;
}

static struct runner *runner(struct lock_batons *b, const struct thread *t)
{
	return element((void **)&b->runners, &b->nrunners, sizeof(*b->runners), t->index);
}

static struct place *place(struct lock_batons *b, const struct thread *t)
{
	return element((void **)&b->places, &b->nplaces, sizeof(*b->places), t->process->index);
}

/* A wake-up of a thread on its way to sleep is told of late, with a time before other things that
 * were. */
static uint64_t since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0;
}

static uint64_t quiet_of(const struct place *p, uint64_t now)
{
	return p->quiet + (p->active ? 0 : since(p->since, now));
}

static bool is_active(enum state state)
{
	return state == STATE_RUNNING || state == STATE_RUNNABLE;
}

/* The hand-over of `r` turned out to be one to and fro, or not. */
static void credit(struct lock_batons *b, struct runner *r, bool gave_way)
{
	struct lock_word_facts *f = &b->words->words[r->gave_first];

	if (gave_way)
		b->words->words[r->gave_on].gave_way++;
	if (gave_way && r->gave_turn)
		f->turn += r->gave_wait;
	else
		f->asleep += r->gave_wait;
	r->gave = false;
}

static void count_active(struct place *p, bool active, uint64_t now)
{
	if (p->active == 0 && active)
		p->quiet += now - p->since;
	p->active += active ? 1 : p->active ? -1 : 0;
	p->since = now;
}

void lock_batons_transition(struct lock_batons *b, const struct thread *t, enum state next,
			    uint64_t now)
{
	bool active = is_active(next);
	struct place *p = is_active(t->state) != active ? place(b, t) : NULL;
	/* Only a thread that runs or ends has anything noted; its waits lock_batons_block() hears.
	 */
	struct runner *r = next == STATE_RUNNABLE || next == STATE_FUTEX ? NULL : runner(b, t);

	if (p)
		count_active(p, active, now);
	if (!r)
		return;
	if (next == STATE_RUNNING && (t->blocked_on_futex || !r->got))
		r->got = now;
	/* It sleeps, or ends: nobody was let in for it. */
	if (r->gave && !active)
		credit(b, r, false);
}

/* Nearly at once: the time it was off its CPU in between, having lost it to the very thread it
 * woke, does not count. */
static bool at_once(const struct runner *r, const struct thread *t, uint64_t now)
{
	uint64_t from = r->gave ? r->gave_at : r->got;

	if (t->state == STATE_RUNNING && t->since > from)
		from = t->since;
	return since(from, now) < GIVES_WAY_NS;
}

/* Was it the waiter's turn, in the order of coming, and did somebody have it throughout? */
static bool was_its_turn(const struct runner *from, const struct runner *to, const struct place *p,
			 const struct thread *t, uint64_t now)
{
	uint64_t waited = since(to->blocked, now), before = to->quiet, quiet = quiet_of(p, now);

	return since(from->got, now) <= HOLD_MAX_NS && p->turns - to->turns <= t->process->live &&
	       since(before, quiet) * QUIET_MAX <= waited;
}

void lock_batons_wake(struct lock_batons *b, const struct wake *wake, uint32_t word)
{
	const struct thread *to = wake->wakee, *from = wake->waker;
	struct runner *r, *woken;
	struct place *p;

	/* The second entry may move the first. */
	if (from->process != to->process || !runner(b, to) || !runner(b, from))
		return;
	r = &b->runners[from->index];
	woken = &b->runners[to->index];
	p = place(b, to);
	if (!p || !woken->blocked || woken->word == LOCK_WORDS_NONE)
		return;
	woken->handed = true;
	/* The one it woke lost the race for the mutex that goes with its word: the same hand-over.
	 */
	if (r->gave && r->gave_to == to->index && at_once(r, from, wake->ts))
		return;
	if (r->gave)
		credit(b, r, false);
	r->gave = true;
	r->gave_to = to->index;
	r->giving = false;
	r->gave_on = word;
	r->gave_first = woken->word;
	r->gave_at = wake->ts;
	r->gave_wait = since(woken->blocked, wake->ts);
	r->held = since(r->got, wake->ts);
	r->gave_turn = was_its_turn(r, woken, p, to, wake->ts);
}

/* It waits on `word` next, once it has given way. */
static void follow(struct lock_batons *b, struct runner *r, uint32_t word)
{
	for (int i = 0; i < 2; i++)
		lock_words_link(b->words, r->giving_on[i], word, LOCK_LINK_BATON);
	r->giving_on[1] = word;
}

void lock_batons_block(struct lock_batons *b, const struct thread *t, uint32_t word, uint64_t now)
{
	struct runner *r = runner(b, t);
	struct place *p = place(b, t);

	if (!r || !p)
		return;
	if (word == LOCK_WORDS_NONE || !at_once(r, t, now)) {
		r->giving = false;
	} else if (r->gave) {
		b->words->words[r->gave_on].ticks += r->held >= TICK_NS;
		r->giving_on[0] = r->giving_on[1] = r->gave_on;
		credit(b, r, true);
		p->turns++;
		r->giving = true;
	}
	if (r->gave)
		credit(b, r, false);
	if (r->giving)
		follow(b, r, word);
	/* Its time was up, and at once it waits on. */
	if (r->blocked && !r->handed && !r->giving && word != LOCK_WORDS_NONE &&
	    since(r->got, now) < GIVES_WAY_NS)
		return;
	r->handed = false;
	r->word = word;
	r->blocked = now;
	r->turns = p->turns;
	r->quiet = quiet_of(p, now);
}
