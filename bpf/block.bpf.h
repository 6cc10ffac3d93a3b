/* SPDX-License-Identifier: MIT */
/* SWITCH, WAKING and STATE records: a task, and the system call it blocks or wakes in. */
#ifndef BLOCK_BPF_H
#define BLOCK_BPF_H

#include "state.bpf.h"
#include "batch.bpf.h"
#include "futex.bpf.h"
#include "stack.bpf.h"

/* The saved registers of a task and the system call it is in, -1 when none or when they mean
 * nothing. */
static __always_inline struct pt_regs *saved_call(struct task_struct *t, s32 *nr, bool *compat)
{
	struct pt_regs *regs;

	if (core_no_registers(t))
		return NULL;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	*nr = core_syscall(regs);
	*compat = core_compat(t);
	return regs;
}

/* The stack that goes before a record, where any is wanted with such a call (STACK_FUTEX, or its
 * number). */
static __always_inline void record_stack(void *ctx, const struct gt_wire_hdr *hdr, s32 call)
{
	u32 wanted = hdr->kind == GT_WIRE_SWITCH ? GT_STACKS_OFFCPU : GT_STACKS_WAKE;

	if (call == STACK_FUTEX)
		wanted |= GT_STACKS_LOCK;
	if (!(config.stacks & wanted))
		return;
	if (hdr->kind == GT_WIRE_SWITCH && (config.stacks & GT_STACKS_OFFCPU))
		stack_kernel_take(ctx);
	stack_of(hdr->ts, hdr->kind, call);
}

/* What goes into a record beside its header. */
struct sched_record {
	u32 flags, peer;
	s32 nr;
	struct futex_call futex;
};

static __always_inline void fill_switch(struct gt_wire_switch *sw, const struct gt_wire_hdr *hdr,
					const struct sched_record *of)
{
	record_header(&sw->hdr, hdr->ts, hdr->kind, of->flags, hdr->task);
	sw->hdr.state = hdr->state;
	sw->peer = of->peer;
	sw->syscall = of->nr;
	sw->pad = 0;
}

static __always_inline void fill_block(struct gt_wire_block *block, const struct gt_wire_hdr *hdr,
				       const struct sched_record *of)
{
	fill_switch(&block->sw, hdr, of);
	block->addr = of->futex.addr;
	block->op = of->futex.op;
	block->val = of->futex.val;
}

static __always_inline void write_switch(u32 cpu, struct cpu_state *c,
					 const struct gt_wire_hdr *hdr,
					 const struct sched_record *of, bool together)
{
	struct gt_wire_switch *sw;

	if (together && batch_begin(cpu)) {
		sw = batch_reserve(cpu, c, hdr->ts, sizeof(*sw));
		if (sw) {
			fill_switch(sw, hdr, of);
			batch_end(cpu, sizeof(*sw));
		}
		return;
	}
	sw = record_reserve(cpu, c, hdr->ts, sizeof(*sw));
	if (sw) {
		fill_switch(sw, hdr, of);
		record_submit(sw);
	}
}

static __always_inline void write_block(u32 cpu, struct cpu_state *c, const struct gt_wire_hdr *hdr,
					const struct sched_record *of, bool together)
{
	struct gt_wire_block *block;

	if (together && batch_begin(cpu)) {
		block = batch_reserve(cpu, c, hdr->ts, sizeof(*block));
		if (block) {
			fill_block(block, hdr, of);
			batch_end(cpu, sizeof(*block));
		}
		return;
	}
	block = record_reserve(cpu, c, hdr->ts, sizeof(*block));
	if (block) {
		fill_block(block, hdr, of);
		record_submit(block);
	}
}

/*
 * A SWITCH, WAKING or STATE record. `caller` is the task whose system call belongs to the record,
 * NULL when none does: who blocks, or who wakes. `ctx` is NULL when that is not the current task:
 * its stack is then out of reach. `together`: with others, for callers that nobody interrupts.
 */
static __always_inline void record_sched(void *ctx, u32 cpu, struct cpu_state *c,
					 const struct gt_wire_hdr *hdr, u32 peer,
					 struct task_struct *caller, bool together)
{
	struct sched_record of = { .flags = hdr->flags, .peer = peer, .nr = -1 };
	struct pt_regs *regs = NULL;
	bool compat = false, fault = false;

	if (caller)
		regs = saved_call(caller, &of.nr, &compat);
	if (compat)
		of.flags |= GT_F_COMPAT;
	if (!regs || !futex_decode(caller, regs, of.nr, compat, &of.futex, &fault)) {
		if (ctx && caller)
			record_stack(ctx, hdr, of.nr);
		write_switch(cpu, c, hdr, &of, together);
		return;
	}
	if (ctx)
		record_stack(ctx, hdr, STACK_FUTEX);
	if (fault)
		loss(GT_LOSS_FUTEX_ARGS, hdr->ts);
	of.flags |= GT_F_BLOCK | GT_F_FUTEX | (of.futex.timed ? GT_F_TIMED : 0);
	write_block(cpu, c, hdr, &of, together);
}

#endif
