/* SPDX-License-Identifier: MIT */
/*
 * Records of sched_switch and sched_waking, collected per CPU in .bss: a place in the ring costs as
 * much as all the rest of such a record, so they share one.
 *
 * Written only by those two, with interrupts off, but for a task that wakes itself; `busy` tells
 * whom that lets in. Sent by whoever writes another record on this CPU, so that order is kept,
 * before losses are told, and by the collector before each round, so that none is older than its
 * mark.
 */
#ifndef BATCH_BPF_H
#define BATCH_BPF_H

#include "state.bpf.h"

#define barrier() asm volatile("" ::: "memory")

/* Make room on this CPU, and tell of its losses. 0: done. In batch.bpf.c. */
int batch_renew(u64 now);

/* False: the batch cannot be used here and now, but the ring can. */
static __always_inline bool batch_begin(u32 cpu)
{
	struct batch *b = batch_of(cpu);

	if (unlikely(b->busy || cpu >= GT_MAX_CPUS))
		return false;
	b->busy = 1;
	barrier();
	return true;
}

/* Room for `size` bytes (a constant), or NULL, counted. */
static __always_inline void *batch_reserve(u32 cpu, struct cpu_state *c, u64 now, const u32 size)
{
	struct batch *b = batch_of(cpu);
	u32 used = b->word.used;

	if (unlikely(c->lost || used > BATCH_BYTES - size)) {
		used = batch_renew(now) ? BATCH_BYTES : b->word.used;
		if (unlikely(used > BATCH_BYTES - size)) {
			loss(GT_LOSS_RING_FULL, now);
			b->busy = 0;
			return NULL;
		}
	}
	return b->data + used;
}

static __always_inline void batch_end(u32 cpu, u32 size)
{
	struct batch *b = batch_of(cpu);

	barrier();
	b->word.used += size;
	barrier();
	b->busy = 0;
}

#endif
