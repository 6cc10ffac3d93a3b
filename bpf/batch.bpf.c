/* SPDX-License-Identifier: MIT */
/* How collected records get into the ring, and what is noted of those that are lost. */
#include "batch.bpf.h"

/* The ring wants constant sizes: a batch is sent as the smallest of these that it fits into, or as
 * the one record that it is. */
#define BATCH_FEW 120

/*
 * The copy counts if nobody came in between: the sender may be in preemptible context, and then a
 * switch adds to the batch or sends it.
 */
static __always_inline int batch_commit(struct batch *b, u64 seen, void *r)
{
	struct batch_word was = { .both = seen }, next = { .flushes = was.flushes + 1 };

	if (__sync_val_compare_and_swap(&b->word.both, seen, next.both) != seen) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return BATCH_BUSY;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return BATCH_SENT;
}

static __always_inline int batch_send_one(void *ring, struct batch *b, u64 seen, const u32 size)
{
	void *r = bpf_ringbuf_reserve(ring, size, 0);

	if (!r)
		return BATCH_NO_ROOM;
	bpf_probe_read_kernel(r, size, b->data);
	return batch_commit(b, seen, r);
}

/* `room`, a constant: the part of the batch that is copied, `used` bytes of which count. */
static __always_inline int batch_send_many(void *ring, struct batch *b, u64 seen, u32 used,
					   const u32 room)
{
	struct gt_wire_batch *r = bpf_ringbuf_reserve(ring, sizeof(*r) + room, 0);

	if (!r)
		return BATCH_NO_ROOM;
	record_header(&r->hdr, 0, GT_WIRE_BATCH, 0, 0);
	r->bytes = used;
	r->pad = 0;
	bpf_probe_read_kernel(r + 1, room, b->data);
	return batch_commit(b, seen, r);
}

static __always_inline int batch_send(u32 cpu, struct batch *b)
{
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct batch_word seen = { .both = READ_ONCE(b->word.both) };

	if (!seen.used)
		return BATCH_SENT;
	if (!ring)
		return BATCH_NO_ROOM;
	if (seen.used == sizeof(struct gt_wire_switch))
		return batch_send_one(ring, b, seen.both, sizeof(struct gt_wire_switch));
	if (seen.used == sizeof(struct gt_wire_block))
		return batch_send_one(ring, b, seen.both, sizeof(struct gt_wire_block));
	if (seen.used <= BATCH_FEW)
		return batch_send_many(ring, b, seen.both, seen.used, BATCH_FEW);
	return batch_send_many(ring, b, seen.both, seen.used, BATCH_BYTES);
}

__noinline int batch_flush(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct batch *b = batch_of(cpu);
	int sent;

	/* An interrupt of who is writing to it. */
	if (b->busy)
		return BATCH_BUSY;
	sent = batch_send(cpu, b);
	return sent == BATCH_BUSY ? batch_send(cpu, b) : sent;
}

__noinline int batch_renew(u64 now)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct batch *b = batch_of(cpu);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	if (!ring || batch_send(cpu, b) != BATCH_SENT)
		return BATCH_NO_ROOM;
	return record_losses(ring, cpu_state(cpu), now) ? BATCH_SENT : BATCH_NO_ROOM;
}

/* Whoever interrupts this may lose something too, or tell of what was lost: hence the count last.
 */
__noinline int loss_since(u32 reason, u64 first, u64 now)
{
	struct cpu_state *c = cpu_state(bpf_get_smp_processor_id());

	if (reason >= GT_LOSS_COUNT)
		return 0;
	__sync_fetch_and_add(&losses[reason], 1);
	if (!c->lost || (loss_is_light(c->lost_reason) && !loss_is_light(reason))) {
		c->lost_first = first;
		c->lost_reason = reason;
	} else if (first < c->lost_first) {
		c->lost_first = first;
	}
	if (now > c->lost_last)
		c->lost_last = now;
	__sync_fetch_and_add(&c->lost, 1);
	return 0;
}
