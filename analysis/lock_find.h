/* SPDX-License-Identifier: MIT */
/*
 * First pass: which futex words belong together, and what they are. A futex wait is not a lock wait
 * until it is shown to be one: joins, queues, barriers and turn-taking wait on futexes too. Words
 * are merged into groups, each group is sorted by evidence, and the second pass asks the table what
 * a wait was for. docs/method.md gives the rules with what they were measured on.
 */
#ifndef ANALYSIS_LOCK_FIND_H
#define ANALYSIS_LOCK_FIND_H

#include "model.h"

enum lock_sort {
	SORT_LOCK,
	SORT_JOIN,
	SORT_QUEUE, /* queue or future: no symmetry, or both sides go on side by side */
	SORT_BARRIER,
	SORT_TURN_TAKING, /* strict hand-over, but nothing says lock */
	SORT_UNPROVEN,	  /* may well be a lock: too little evidence, or not clear enough */
};

/* locks[].kind in the JSON. */
enum lock_kind_id {
	LOCK_KIND_UNKNOWN,
	LOCK_KIND_CPYTHON_GIL,
	LOCK_KIND_PYPY_GIL,
	LOCK_KIND_RUBY_GVL,
	LOCK_KIND_OCAML_MASTER,
	LOCK_KIND_GIL,
	LOCK_KIND_MUTEX,
	LOCK_KIND_CONDVAR,
	LOCK_KIND_SEMAPHORE,
	LOCK_KIND_RWLOCK,
};

struct lock_word {
	uint32_t as;	   /* 0 for a shared futex */
	uint64_t addr;	   /* virtual address, or offset in the file for a shared futex */
	uint64_t dev, ino; /* of a shared futex */
	uint64_t waits;
};

/* Evidence that a group was sorted on; printed, so every number is kept. */
struct lock_evidence {
	uint32_t waiters, wakers, both; /* threads that wait, wake, do both */
	uint64_t waits, timeouts, handovers;
	uint64_t handovers_idle; /* during which a CPU that waker and wakee may use was idle */
	double side_by_side;	 /* over handovers_idle: both running ÷ wakee running, next 5 ms */
	double switch_share;	 /* share of waits ended by a hand-over, not by a timeout */
	double symmetry;	 /* share of hand-overs given and taken by threads that do both */
	double returned;	 /* share of hand-overs whose wakee woke its waker in turn */
	uint64_t asked;		 /* hand-overs right after a round of the wakee's had timed out */
	bool value_always_2, value_varies, pi, clear_child_tid, bitset, condvar_pair, on_stack;
	bool owner_value;	   /* the word holds its owner's tid and FUTEX_WAITERS */
	uint32_t val_min, val_max; /* of the values waited for */
	bool timed;		   /* some wait had a timeout */
	bool plain_wait;	   /* some wait was a FUTEX_WAIT */
	bool gil_layout;	   /* lock_layout.h */
	bool interpreted;	   /* a known interpreter runs there */
	bool untimed;		   /* some wait had none */
	bool stack_words;	   /* a different word each wait, on the waiter's stack */
	bool baton; /* handed on from thread to thread, each on words of its own: lock_baton.h */
	uint64_t ticks; /* hand-overs after a run of OCaml's tick, the waker giving way */
};

struct lock_group {
	uint32_t id; /* 1, 2, … over the groups of the trace */
	enum lock_sort sort;
	enum lock_kind_id kind;
	uint32_t as; /* 0 when shared between address spaces */
	struct lock_word *words;
	uint32_t nwords;
	struct lock_evidence evidence;
	/* Name of the first word that has one; owned by the table. NULL when unknown. */
	char *name, *image;
	uint64_t symbol_addr;			    /* the word `name` speaks of */
	const char *rule;			    /* what decided `sort`, as printed */
	const struct lock_fingerprint *fingerprint; /* lock_kind.h; NULL: none fits */
	bool told; /* a record, not a file's name, says which interpreter the fingerprint is of */
};

/* Collects during the first pass: give its sink to a model made without a lock table. */
struct lock_finder;

struct lock_finder *lock_finder_new(void);
const struct model_sink *lock_finder_sink(void); /* ctx is the struct lock_finder */
void lock_finder_free(struct lock_finder *f);

/* Facts left out because a hostile or endless trace names more words than there is room for. */
uint64_t lock_finder_dropped(const struct lock_finder *f);

/* Merge and sort what was collected. The table is the caller's; NULL when out of memory. */
struct lock_table *lock_finder_table(struct lock_finder *f);
void lock_table_free(struct lock_table *t);

/* The group of a word, or NULL when it was never waited on. */
struct lock_group *lock_table_find(const struct lock_table *t, uint32_t as, uint64_t addr);
uint32_t lock_table_size(const struct lock_table *t);
struct lock_group *lock_table_at(const struct lock_table *t, uint32_t index);

/* What probes told of locks, joined with the groups; the table owns it. */
struct lock_probed;
const struct lock_probed *lock_table_probed(const struct lock_table *t);

#endif
