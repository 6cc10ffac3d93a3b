/* SPDX-License-Identifier: MIT */
/* SWITCH, WAKING and STATE records: a task, and the system call it blocks or wakes in. */
#ifndef BLOCK_BPF_H
#define BLOCK_BPF_H

#include "state.bpf.h"
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

/* The stack that goes before a record, where any is wanted with such a call (STACK_FUTEX, or its number). */
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

/*
 * A SWITCH, WAKING or STATE record. `caller` is the task whose system call belongs to the record,
 * NULL when none does: who blocks, or who wakes. `ctx` is NULL when that is not the current task: its
 * stack is then out of reach.
 */
static __always_inline void record_sched(void *ctx, u32 cpu, struct cpu_state *c,
					 const struct gt_wire_hdr *hdr, u32 peer,
					 struct task_struct *caller)
{
	struct futex_call futex = {};
	struct pt_regs *regs = NULL;
	struct gt_wire_block *block;
	struct gt_wire_switch *sw;
	bool compat = false, fault = false;
	u32 flags = hdr->flags;
	s32 nr = -1;

	if (caller)
		regs = saved_call(caller, &nr, &compat);
	if (compat)
		flags |= GT_F_COMPAT;
	if (!regs || !futex_decode(caller, regs, nr, compat, &futex, &fault)) {
		if (ctx && caller)
			record_stack(ctx, hdr, nr);
		sw = record_reserve(cpu, c, hdr->ts, sizeof(*sw));
		if (!sw)
			return;
		record_header(&sw->hdr, hdr->ts, hdr->kind, flags, hdr->task);
		sw->hdr.state = hdr->state;
		sw->peer = peer;
		sw->syscall = nr;
		sw->pad = 0;
		record_submit(sw);
		return;
	}
	if (ctx)
		record_stack(ctx, hdr, STACK_FUTEX);
	if (fault)
		loss(c, GT_LOSS_FUTEX_ARGS, hdr->ts);
	block = record_reserve(cpu, c, hdr->ts, sizeof(*block));
	if (!block)
		return;
	flags |= GT_F_BLOCK | GT_F_FUTEX | (futex.timed ? GT_F_TIMED : 0);
	record_header(&block->sw.hdr, hdr->ts, hdr->kind, flags, hdr->task);
	block->sw.hdr.state = hdr->state;
	block->sw.peer = peer;
	block->sw.syscall = nr;
	block->sw.pad = 0;
	block->addr = futex.addr;
	block->op = futex.op;
	block->val = futex.val;
	record_submit(block);
}

#endif
