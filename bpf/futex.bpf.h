/* SPDX-License-Identifier: MIT */
/*
 * What a futex system call's arguments say, from the registers saved at its entry. The newer calls
 * (futex_wait and kin, 6.7) carry flags in another place and no operation: they are translated into
 * the operation word that futex() would have been given, so that everybody downstream knows one
 * form.
 */
#ifndef FUTEX_BPF_H
#define FUTEX_BPF_H

#include "core.bpf.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX2_PRIVATE 128

struct futex_call {
	u64 addr;
	u32 op, val;
	bool timed;
};

struct futex_waitv_entry {
	u64 val, uaddr;
	u32 flags, reserved;
};

static __always_inline bool futex_number(s32 nr, bool compat)
{
	if (nr >= NR_FUTEX_WAITV)
		return nr == NR_FUTEX_WAITV || (nr >= NR_FUTEX_WAKE && nr <= NR_FUTEX_REQUEUE);
	return compat ? nr == NR_COMPAT_FUTEX || nr == NR_COMPAT_FUTEX_TIME64 : nr == NR_FUTEX;
}

/*
 * Read the first of the words that a task's call names. False when that can't be: it is user
 * memory, which may be paged out, or that of a task other than the current one.
 */
static __always_inline bool futex_first(const struct task_struct *t, u64 vector,
					struct futex_waitv_entry *first)
{
	return t == bpf_get_current_task_btf() &&
	       !bpf_probe_read_user(first, sizeof(*first), (void *)vector);
}

/*
 * Decode call `nr` of task `t`. False when it is no futex call. `fault` is set when a futex_waitv
 * vector could not be read; the call is then known, its address not.
 */
static __always_inline bool futex_decode(const struct task_struct *t, const struct pt_regs *regs,
					 s32 nr, bool compat, struct futex_call *call, bool *fault)
{
	struct futex_waitv_entry first = {};
	u64 arg[6];

	if (!futex_number(nr, compat))
		return false;
	core_arguments(regs, compat, arg);
	call->addr = arg[0];
	switch (nr) {
	case NR_FUTEX_WAITV: /* (waiters, nr, flags, timeout, clock): stands for its first word */
		*fault = !futex_first(t, arg[0], &first);
		call->addr = first.uaddr;
		call->val = (u32)first.val;
		call->op = FUTEX_WAIT_BITSET | (first.flags & FUTEX2_PRIVATE);
		call->timed = arg[3] != 0;
		break;
	case NR_FUTEX_WAKE: /* (uaddr, mask, nr, flags) */
		call->op = FUTEX_WAKE_BITSET | (arg[3] & FUTEX2_PRIVATE);
		call->val = (u32)arg[2];
		call->timed = false;
		break;
	case NR_FUTEX_WAIT: /* (uaddr, val, mask, flags, timeout, clock) */
		call->op = FUTEX_WAIT_BITSET | (arg[3] & FUTEX2_PRIVATE);
		call->val = (u32)arg[1];
		call->timed = arg[4] != 0;
		break;
	case NR_FUTEX_REQUEUE: /* (waiters, flags, nr_wake, nr_requeue): from the first word to the
				  second */
		*fault = !futex_first(t, arg[0], &first);
		call->addr = first.uaddr;
		call->val = (u32)first.val;
		call->op = FUTEX_CMP_REQUEUE | (first.flags & FUTEX2_PRIVATE);
		call->timed = false;
		break;
	default: /* (uaddr, op, val, timeout or val2, uaddr2, val3) */
		call->op = (u32)arg[1];
		call->val = (u32)arg[2];
		call->timed = arg[3] != 0;
		break;
	}
	return true;
}

#endif
