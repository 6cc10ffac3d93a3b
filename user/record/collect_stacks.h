/* SPDX-License-Identifier: MIT */
/*
 * Copied stacks on their way from the rings to the helper that unwinds them, and what it found out
 * on the way to the trace and back to the kernel side. Every id that was given to a stack is
 * explained in the trace, if only by saying that it was not unwound.
 */
#ifndef USER_COLLECT_STACKS_H
#define USER_COLLECT_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>
#include <giltrace/wire.h>

struct collect_stacks;
struct lookout_space;
struct stacks;

/* Tell the kernel side how a stack is known again: probes_know(). */
typedef int (*collect_stacks_know)(void *ctx, const struct gt_wire_stack_key *key,
				   const struct gt_wire_stack_shape *shape);

/* Neither is owned. `helper` may be NULL: every stack is then skipped. NULL when out of memory. */
struct collect_stacks *collect_stacks_new(struct gt_writer *writer, struct stacks *helper);

/* A KERNEL_STACK, PYTHON_STACK or STACK record of `size` bytes from the ring of `cpu`, by a task that lives in
 * `space`, NULL where that is not known. 0, -EPROTO, or the writer's error. */
int collect_stacks_record(struct collect_stacks *c, uint32_t cpu, const struct gt_wire_hdr *record,
			  size_t size, const struct lookout_space *space);

/* Take in what was unwound. 0, or the writer's error. */
int collect_stacks_round(struct collect_stacks *c, collect_stacks_know know, void *ctx);

/* Wait up to `ms` for the rest and end the helper. */
int collect_stacks_finish(struct collect_stacks *c, int ms);

/* Stacks given to collect_stacks_record() that were not unwound. */
uint64_t collect_stacks_skipped(const struct collect_stacks *c);

void collect_stacks_free(struct collect_stacks *c); /* NULL ok */

#endif
