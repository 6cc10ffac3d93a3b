/* SPDX-License-Identifier: MIT */
/*
 * A trace's records in batches, read ahead: one pass. Every consumer, each a thread, gets every
 * batch, in order; batches are shared and must not be changed.
 */
#ifndef LIB_TRACE_AHEAD_H
#define LIB_TRACE_AHEAD_H

#include <stdbool.h>

#include <giltrace/trace.h>

struct trace_ahead;

/*
 * Start reading where `r` stands, which must be left alone until trace_ahead_free(). With `thread`
 * a thread of its own reads; without, whichever consumer is ahead of the others, so that what reads
 * is who has least to do. NULL when there is no memory, or no thread to be had.
 */
struct trace_ahead *trace_ahead_new(struct gt_reader *r, unsigned int consumers, bool thread);

/* The next batch of consumer 0, 1 …, valid until its next call. 1, 0: the end, or -errno. */
int trace_ahead_next(struct trace_ahead *a, unsigned int consumer, const struct gt_batch **out);

/* This consumer takes no more: the others need not wait for it. Not needed after the end. */
void trace_ahead_leave(struct trace_ahead *a, unsigned int consumer);

/* No consumer may be inside a call. Ends the thread; accepts NULL. */
void trace_ahead_free(struct trace_ahead *a);

#endif
