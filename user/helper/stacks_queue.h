/* SPDX-License-Identifier: MIT */
/*
 * Stacks that were unwound and wait for names: the kernel side knows a stack again once it was
 * unwound, and names, for which debug information is read, take a thousand times as long. First in,
 * first out, in memory that outlives a worker.
 */
#ifndef USER_STACKS_QUEUE_H
#define USER_STACKS_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "stacks_helper.h"
#include "user/unwind/unwind.h"

/* Fewer than there are address spaces whose files code_space.c keeps open: whose process has ended
 * is named all the same. */
#define STACKS_QUEUE_MAX 96

/* A question without the bytes of its stack, and what these were unwound to. */
struct stacks_unwound {
	uint32_t tries; /* workers that set out to name it */
	uint32_t len;	/* of `packet` */
	union {
		struct stacks_question question;
		char packet[STACKS_QUESTION_MAX - GT_STACK_BYTES_MAX];
	};
	struct unwind_result result;
};

struct stacks_queue {
	volatile uint32_t first, count;
	struct stacks_unwound entries[STACKS_QUEUE_MAX];
};

static inline bool stacks_queue_full(const struct stacks_queue *q)
{
	return q->count >= STACKS_QUEUE_MAX;
}

/* The one to be named next; there must be one. */
static inline struct stacks_unwound *stacks_queue_first(struct stacks_queue *q)
{
	return &q->entries[q->first % STACKS_QUEUE_MAX];
}

/* Where the next one is to be put; there must be room. It is in the queue by stacks_queue_push().
 */
static inline struct stacks_unwound *stacks_queue_next(struct stacks_queue *q)
{
	return &q->entries[(q->first + q->count) % STACKS_QUEUE_MAX];
}

static inline void stacks_queue_push(struct stacks_queue *q)
{
	q->count++;
}

/* Drop the first. */
static inline void stacks_queue_pop(struct stacks_queue *q)
{
	q->first = (q->first + 1) % STACKS_QUEUE_MAX;
	q->count--;
}

#endif
