/* SPDX-License-Identifier: MIT */
/* Hands over what the kernel side has recorded: has each CPU put what it has collected into its
 * ring, empties the rings, and says up to when nothing more can come. */
#include <bpf/libbpf.h>
#include <errno.h>

#include "lib/clock.h"
#include "probes_private.h"
#include "rings.h"

/*
 * A record takes its time before it takes its place in the ring. This much earlier than the begin
 * of a drain, every record has been handed over, unless the CPU was held up in between even longer
 * (the reader counts those).
 */
#define MARK_GUARD_NS 10000000ull

/* How long those who were held up half-way through a record are waited for, at the end. */
#define UNFINISHED_MS 500

/* On more CPUs than this, asking each before every drain would cost more than it could mend. */
#define LOOK_CPUS_MAX 64

/* How often a CPU that could not hand over what it had collected is asked again in one drain. */
#define LOOK_TRIES 3

static struct gt_wire_collected *collected(const struct probes *p, uint32_t cpu)
{
	return (void *)p->skel->bss->batches[cpu];
}

static bool has_collected(const struct probes *p, uint32_t cpu)
{
	return __atomic_load_n(&collected(p, cpu)->used, __ATOMIC_RELAXED);
}

/* From a CPU that can't be asked, but does not write either: it is offline, or all is over. */
static int take_over(struct probes *p, uint32_t cpu)
{
	struct gt_wire_collected *c = collected(p, cpu);
	uint32_t used = c->used;

	c->used = 0;
	if (used > sizeof(c->data))
		return -EPROTO; /* both sides are built together: this cannot happen */
	return rings_hand_over(p->rings, p->record, p->record_ctx, cpu, c->data, used);
}

/*
 * Have CPUs put what they have collected into their rings. 1 when one could not, for want of room
 * or because it was just writing: worth another try once the rings are empty. Else 0 or -errno.
 */
static int look(struct probes *p, bool all)
{
	bool again = false;
	int err;

	for (uint32_t cpu = 0; cpu < p->ncpus; cpu++) {
		if (!all && !has_collected(p, cpu))
			continue;
		err = probes_run(p->skel->progs.look_cpu, BPF_F_TEST_RUN_ON_CPU, cpu);
		if (err == -ENXIO && has_collected(p, cpu)) {
			err = take_over(p, cpu);
			if (err)
				return err;
		}
		again |= err && has_collected(p, cpu);
	}
	return again;
}

int probes_drain(struct probes *p, uint64_t *mark)
{
	uint64_t now = clock_monotonic(), last = p->mark;
	int again = look(p, p->ncpus <= LOOK_CPUS_MAX), n = 0;

	if (p->bell)
		ring_buffer__consume(p->bell);
	for (int i = 0; again >= 0 && n >= 0; i++) {
		*mark = now > MARK_GUARD_NS ? now - MARK_GUARD_NS : 0;
		p->mark = *mark;
		n = rings_drain(p->rings, p->record, p->record_ctx, mark);
		if (!again || i == LOOK_TRIES)
			break;
		again = look(p, false);
	}
	if (again > 0) /* some are still to come */
		*mark = p->mark = last < *mark ? last : *mark;
	return again < 0 ? again : n < 0 ? n : 0;
}

int probes_drain_last(struct probes *p)
{
	uint64_t mark;
	int err = probes_drain(p, &mark);

	if (!err)
		err = rings_finish(p->rings, p->record, p->record_ctx, UNFINISHED_MS,
				   &p->unfinished);
	for (uint32_t cpu = 0; cpu < p->ncpus && !err; cpu++)
		if (has_collected(p, cpu))
			err = take_over(p, cpu);
	return err;
}
