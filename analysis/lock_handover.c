/* SPDX-License-Identifier: MIT */
#include "lock_handover.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_NS 5000000ULL /* CPython's switch interval */
/*
 * Samples of one wakee begin at least this far apart: 39 thousand hand-overs a second need not all
 * be watched.
 */
#define SPACING_NS 1000000ULL
#define PER_THREAD 8
#define MAX_OPEN 4096U
/*
 * A woken thread that finds the lock taken again goes back to wait within a few microseconds, while
 * the holder runs on. Such tries are no running beside the holder in the sense meant here.
 */
#define TRY_NS 50000ULL

enum side { WAKER, WAKEE };

/*
 * Time that both ran is first charged to the stretches it fell in; a stretch that turns out to be a
 * mere try takes it away again. `here` belongs to both threads' present stretches, `pending[k]` to
 * that of thread k and to past ones of the other, which were no tries.
 */
struct sample {
	uint32_t word;
	uint32_t thread[2];
	bool on[2];
	uint64_t at, end; /* accounted up to; end of the window */
	uint64_t ran;	  /* the wakee's present stretch, inside the window */
	uint64_t here, pending[2];
	uint64_t run, both; /* without tries */
	uint64_t all_run, all_both;
};

struct watched {
	uint64_t opened; /* when a sample with this thread as wakee was opened last */
	uint16_t samples[PER_THREAD];
	uint8_t n;
};

struct lock_handovers {
	struct lock_words *words;
	struct sample *samples;
	uint16_t *free;
	uint32_t nfree, open;
	struct watched *threads; /* by struct thread.index */
	uint32_t nthreads;
};

struct lock_handovers *lock_handovers_new(struct lock_words *words)
{
	struct lock_handovers *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->words = words;
	h->samples = calloc(MAX_OPEN, sizeof(*h->samples));
	h->free = calloc(MAX_OPEN, sizeof(*h->free));
	if (!h->samples || !h->free) {
		lock_handovers_free(h);
		return NULL;
	}
	for (; h->nfree < MAX_OPEN; h->nfree++)
		h->free[h->nfree] = h->nfree;
	return h;
}

void lock_handovers_free(struct lock_handovers *h)
{
	if (!h)
		return;
	free(h->samples);
	free(h->free);
	free(h->threads);
	free(h);
}

static struct watched *watched(struct lock_handovers *h, uint32_t thread)
{
	if (thread >= h->nthreads) {
		size_t n = ((size_t)thread + 64) * 2;
		struct watched *p = realloc(h->threads, n * sizeof(*p));

		if (!p)
			return NULL;
		memset(p + h->nthreads, 0, (n - h->nthreads) * sizeof(*p));
		h->threads = p;
		h->nthreads = n;
	}
	return &h->threads[thread];
}

static void advance(struct sample *s, uint64_t now)
{
	uint64_t to = now < s->end ? now : s->end;
	uint64_t dt = to > s->at ? to - s->at : 0;

	if (s->on[WAKEE]) {
		s->ran += dt;
		s->all_run += dt;
		if (s->on[WAKER]) {
			s->here += dt;
			s->all_both += dt;
		}
	}
	s->at += dt;
}

/* Thread `k` of the sample leaves its CPU. */
static void stretch_ends(struct sample *s, enum side k, bool try)
{
	if (!s->on[k])
		return;
	s->on[k] = false;
	if (!try) {
		s->both += s->pending[k];
		s->pending[!k] += s->here;
		if (k == WAKEE)
			s->run += s->ran;
	}
	s->pending[k] = 0;
	s->here = 0;
	if (k == WAKEE)
		s->ran = 0;
}

static void forget(struct watched *t, uint16_t sample)
{
	for (int i = 0; i < t->n; i++) {
		if (t->samples[i] == sample) {
			t->samples[i] = t->samples[--t->n];
			return;
		}
	}
}

static void add(struct lock_side *side, uint64_t run, uint64_t both)
{
	if (!run)
		return;
	side->samples++;
	side->run += run;
	side->both += both;
}

static void close_sample(struct lock_handovers *h, uint16_t at, uint64_t now)
{
	struct sample *s = &h->samples[at];
	struct lock_word_facts *f = &h->words->words[s->word];

	advance(s, now);
	stretch_ends(s, WAKER, false);
	stretch_ends(s, WAKEE, false);
	add(&f->all, s->all_run, s->all_both);
	add(&f->held, s->run, s->both);
	forget(&h->threads[s->thread[WAKER]], at);
	forget(&h->threads[s->thread[WAKEE]], at);
	memset(s, 0, sizeof(*s));
	h->free[h->nfree++] = at;
	h->open--;
}

static void close_expired(struct lock_handovers *h, uint32_t thread, uint64_t now)
{
	struct watched *t = &h->threads[thread];

	for (int i = t->n - 1; i >= 0; i--)
		if (h->samples[t->samples[i]].end <= now)
			close_sample(h, t->samples[i], now);
}

void lock_handovers_open(struct lock_handovers *h, uint32_t word, const struct thread *waker,
			 const struct thread *wakee, uint64_t now)
{
	struct watched *to = watched(h, wakee->index), *from = watched(h, waker->index);
	struct sample *s;
	uint16_t at;

	if (!to || !from || waker == wakee)
		return;
	to = &h->threads[wakee->index]; /* the array may have moved */
	if (to->opened && now - to->opened < SPACING_NS)
		return;
	close_expired(h, waker->index, now);
	close_expired(h, wakee->index, now);
	if (to->n == PER_THREAD || from->n == PER_THREAD || !h->nfree)
		return;
	at = h->free[--h->nfree];
	s = &h->samples[at];
	*s = (struct sample){
		.word = word,
		.thread = { [WAKER] = waker->index, [WAKEE] = wakee->index },
		.on = { [WAKER] = waker->state == STATE_RUNNING },
		.at = now,
		.end = now + WINDOW_NS,
	};
	to->samples[to->n++] = at;
	from->samples[from->n++] = at;
	to->opened = now;
	h->open++;
}

/* Does `t` leave its CPU only to go on waiting for what this sample is about? */
static bool is_try(const struct lock_handovers *h, const struct sample *s, const struct thread *t,
		   enum state next, uint64_t now)
{
	const struct lock_word_facts *f = &h->words->words[s->word];
	uint64_t apart;

	if (next != STATE_FUTEX || now - t->since >= TRY_NS || t->wait.as != f->as)
		return false;
	apart = t->wait.addr < f->addr ? f->addr - t->wait.addr : t->wait.addr - f->addr;
	return apart <= LOCK_WORDS_SPAN;
}

void lock_handovers_transition(struct lock_handovers *h, const struct thread *t, enum state next,
			       uint64_t now)
{
	struct watched *w;

	if (!h->open || t->index >= h->nthreads)
		return;
	w = &h->threads[t->index];
	for (int i = w->n - 1; i >= 0; i--) {
		struct sample *s = &h->samples[w->samples[i]];
		enum side k = s->thread[WAKEE] == t->index ? WAKEE : WAKER;

		advance(s, now);
		if (now < s->end) {
			if (next == STATE_RUNNING)
				s->on[k] = true;
			else
				stretch_ends(s, k, is_try(h, s, t, next, now));
		}
		if (now >= s->end || next == STATE_NONE)
			close_sample(h, w->samples[i], now);
	}
}

void lock_handovers_finish(struct lock_handovers *h, uint64_t now)
{
	for (uint32_t at = 0; at < MAX_OPEN && h->open; at++)
		if (h->samples[at].end)
			close_sample(h, at, now);
}
