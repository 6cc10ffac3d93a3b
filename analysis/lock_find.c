/* SPDX-License-Identifier: MIT */
#include "lock_find.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"
#include "lock_baton.h"
#include "lock_handover.h"
#include "lock_probed.h"
#include "lock_table.h"
#include "lock_words.h"

/*
 * A thread that does less than this long anything else between two waits goes on with one sequence
 * of waits. That it had to wait for a CPU meanwhile, because others had it, says nothing about it.
 */
#define SEQUENCE_NS 1000000ULL
/*
 * Of a sequence the last few distinct words are kept: a forced switch goes over condvar, mutex,
 * condvar, mutex.
 */
#define SEQUENCE_WORDS 4

struct waiter {
	uint32_t word;	/* of its present or last futex wait */
	uint32_t waker; /* index + 1 of who woke it last; 0: nobody, or it was woken in turn */
	uint32_t waker_word;
	uint64_t blocked, resumed; /* begin and end of its last futex wait */
	uint64_t crowded;	   /* since then it waited so long for a CPU */
	uint64_t timed_out; /* length of the round before, if that timed out and it went on; or 0 */
	bool by_timeout;    /* so its last wait ended */
	uint32_t recent[SEQUENCE_WORDS]; /* words of its present sequence, latest first */
	uint32_t nrecent;
	uint32_t woke;	  /* the word it last woke a waiter on */
	uint64_t woke_at; /* 0: it has not, since its last wait */
	uint64_t woke_crowded;
};

struct join {
	uint32_t as;
	uint64_t addr;
};

struct lock_finder {
	struct lock_words words;
	struct lock_handovers *handovers;
	struct waiter *waiters; /* by struct thread.index */
	size_t nwaiters;
	struct join *joins; /* every thread's clear_child_tid */
	size_t njoins, joins_room;
	struct lock_batons *batons;
	struct lock_probed *probed;
};

struct lock_finder *lock_finder_new(void)
{
	struct lock_finder *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->handovers = lock_handovers_new(&f->words);
	f->batons = lock_batons_new(&f->words);
	f->probed = lock_probed_new();
	if (!f->handovers || !f->batons || !f->probed) {
		lock_finder_free(f);
		return NULL;
	}
	return f;
}

void lock_finder_free(struct lock_finder *f)
{
	if (!f)
		return;
	free(f->joins);
	free(f->waiters);
	lock_handovers_free(f->handovers);
	lock_batons_free(f->batons);
	lock_probed_free(f->probed);
	lock_words_release(&f->words);
	free(f);
}

static COLD struct waiter *waiter_new(struct lock_finder *f, uint32_t thread)
{
	size_t n = ((size_t)thread + 64) * 2;
	struct waiter *p = realloc(f->waiters, n * sizeof(*p));

	if (!p)
		return NULL;
	memset(p + f->nwaiters, 0, (n - f->nwaiters) * sizeof(*p));
	f->waiters = p;
	f->nwaiters = n;
	return &f->waiters[thread];
}

/* NULL when out of memory. Growing moves the others. */
static inline struct waiter *waiter(struct lock_finder *f, const struct thread *t)
{
	return t->index < f->nwaiters ? &f->waiters[t->index] : waiter_new(f, t->index);
}

static COLD void note_join(struct lock_finder *f, const struct thread *t)
{
	if (!t->clear_child_tid)
		return;
	if (f->njoins == f->joins_room) {
		size_t room = f->joins_room ? f->joins_room * 2 : 64;
		struct join *p = realloc(f->joins, room * sizeof(*p));

		if (!p)
			return;
		f->joins = p;
		f->joins_room = room;
	}
	f->joins[f->njoins++] = (struct join){ t->process->as, t->clear_child_tid };
}

/* The thread waits on `word` next: link it to those before it, and remember it. */
static void follow(struct lock_finder *f, struct waiter *w, uint32_t word)
{
	uint32_t at = 0;

	if (w->nrecent && w->recent[0] == word)
		return;
	for (uint32_t i = 0; i < w->nrecent; i++)
		lock_words_link(&f->words, w->recent[i], word, LOCK_LINK_SEQUENCE);
	while (at < w->nrecent && w->recent[at] != word)
		at++;
	if (at == w->nrecent && at < SEQUENCE_WORDS)
		w->nrecent++;
	else if (at == w->nrecent)
		at--;
	for (; at; at--)
		w->recent[at] = w->recent[at - 1];
	w->recent[0] = word;
}

static void block(struct lock_finder *f, const struct thread *t, uint64_t now)
{
	struct waiter *w = waiter(f, t);
	uint32_t word = lock_words_wait(&f->words, t);

	lock_batons_block(f->batons, t, word, now);
	lock_probed_wait(f->probed, t);
	if (!w)
		return;
	w->timed_out = 0;
	if (now - w->resumed >= SEQUENCE_NS + w->crowded)
		w->nrecent = 0;
	else if (w->by_timeout)
		w->timed_out = w->resumed - w->blocked;
	w->by_timeout = false;
	w->blocked = now;
	if (word != LOCK_WORDS_NONE && w->woke_at &&
	    now - w->woke_at < SEQUENCE_NS + w->crowded - w->woke_crowded)
		lock_words_link(&f->words, w->woke, word, LOCK_LINK_LET_GO);
	if (word != LOCK_WORDS_NONE)
		follow(f, w, word);
	w->woke_at = 0;
	w->word = word;
}

/* On a CPU again. */
static void run(struct waiter *w, const struct thread *t, uint64_t now)
{
	if (t->blocked_on_futex) {
		w->resumed = now;
		w->crowded = 0;
	} else if (t->state == STATE_RUNNABLE) {
		w->crowded += now - t->since;
	}
}

static void transition(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct lock_finder *f = ctx;

	if (t->state == STATE_NONE && next != STATE_NONE)
		note_join(f, t);
	lock_batons_transition(f->batons, t, next, now);
	if (next == STATE_FUTEX)
		block(f, t, now);
	else if (next == STATE_RUNNING && t->index < f->nwaiters)
		run(&f->waiters[t->index], t, now);
	lock_handovers_transition(f->handovers, t, next, now);
}

/*
 * The waker's call names another word than the one waited on: the kernel has moved the waiter there
 * (FUTEX_REQUEUE), so the two belong together. FUTEX_WAKE_OP has a second word, which records do
 * not carry.
 */
static void requeued(struct lock_finder *f, const struct wake *wake, uint32_t word)
{
	uint32_t other;

	if ((wake->op & FUTEX_CMD_MASK) == FUTEX_WAKE_OP)
		return;
	other = lock_words_find(&f->words, wake->waker->process->as, wake->addr);
	if (other != LOCK_WORDS_NONE)
		lock_words_link(&f->words, word, other, LOCK_LINK_REQUEUED);
}

static void note_waker(struct lock_finder *f, const struct wake *wake, uint32_t word)
{
	struct waiter *from = waiter(f, wake->waker), *to;

	if (from) {
		from->woke = word;
		from->woke_at = wake->ts;
		from->woke_crowded = from->crowded;
	}
	if (from && from->waker == wake->wakee->index + 1) {
		f->words.words[from->waker_word].returned++;
		from->waker = 0;
	}
	to = &f->waiters[wake->wakee->index];
	to->waker = wake->waker->index + 1;
	to->waker_word = word;
}

/*
 * Its time was up, it went on waiting, and at once it was given what it waits for: so the time-out
 * itself made somebody let go. What comes by chance comes within a quarter of a round in one case
 * of four.
 */
static bool was_asked(const struct waiter *to, uint64_t now)
{
	return to->timed_out && now <= to->blocked + to->timed_out / 4;
}

static void wake(void *ctx, const struct model *m, const struct wake *wake)
{
	const struct thread *to = wake->wakee;
	struct lock_finder *f = ctx;
	uint32_t word;

	if (to->state != STATE_FUTEX || to->index >= f->nwaiters)
		return;
	word = f->waiters[to->index].word;
	if (word == LOCK_WORDS_NONE)
		return;
	if (wake->timeout) {
		f->words.words[word].timeouts++;
		f->waiters[to->index].by_timeout = true;
	}
	if (wake->timeout || !wake->futex || !wake->waker || wake->waker == to)
		return;
	if (wake->waker->process->as == to->wait.as && wake->addr != to->wait.addr)
		requeued(f, wake, word);
	lock_words_handover(&f->words, word, wake->waker->index, to->index);
	f->words.words[word].asked += was_asked(&f->waiters[to->index], wake->ts);
	note_waker(f, wake, word);
	lock_batons_wake(f->batons, wake, word);
	if (model_idle_cpu_for(m, to))
		lock_handovers_open(f->handovers, word, wake->waker, to, wake->ts);
}

static void record(void *ctx, const struct model *m, const struct gt_event *ev)
{
	struct lock_finder *f = ctx;

	lock_probed_record(f->probed, m, ev);
	if (ev->kind == GT_SYMBOL) {
		lock_words_symbol(&f->words, ev);
		lock_spaces_seen(&f->words.spaces, ev->u.symbol.as, ev->u.symbol.image);
	}
	if (ev->kind == GT_INTERPRETER)
		lock_spaces_told(&f->words.spaces, ev);
}

/* What a process runs that has made no exec of its own its parent runs. */
static const char *exe_of(const struct model *m, const struct map *by_id, const struct process *p)
{
	uint64_t at;

	/* A parent came before its child; a hostile trace's might not have. */
	while (!p->exe && map_get(by_id, p->parent, &at) && at < p->index)
		p = model_process_at(m, at);
	return p->exe;
}

static void finish(void *ctx, const struct model *m, uint64_t now)
{
	struct lock_finder *f = ctx;
	struct map by_id = {};

	lock_handovers_finish(f->handovers, now);
	for (uint32_t i = 0; i < model_nprocesses(m); i++) {
		const struct process *p = model_process_at(m, i);

		if (map_put(&by_id, p->id, i))
			break;
		lock_spaces_seen(&f->words.spaces, p->as, exe_of(m, &by_id, p));
	}
	map_free(&by_id);
}

const struct model_sink *lock_finder_sink(void)
{
	static const struct model_sink sink = {
		.transition = transition,
		.wake = wake,
		.record = record,
		.finish = finish,
	};

	return &sink;
}

uint64_t lock_finder_dropped(const struct lock_finder *f)
{
	return f->words.dropped + lock_probed_left_out(f->probed);
}

struct lock_table *lock_finder_table(struct lock_finder *f)
{
	struct lock_table *table;

	for (size_t i = 0; i < f->njoins; i++) {
		uint32_t word = lock_words_find(&f->words, f->joins[i].as, f->joins[i].addr);

		if (word != LOCK_WORDS_NONE)
			f->words.words[word].flags |= LOCK_WORD_JOIN;
	}
	table = lock_table_new(&f->words);
	if (!table)
		return NULL;
	if (lock_table_probe(table, f->probed)) {
		lock_table_free(table);
		table = NULL;
	}
	f->probed = NULL;
	return table;
}
