/* SPDX-License-Identifier: MIT */
/* The table of futex calls counted by process, address, operation and result. */
#ifndef CALLS_BPF_H
#define CALLS_BPF_H

#include "state.bpf.h"

/* Allocated at load: before 6.1 a kernel warns of, and PREEMPT_RT refuses, tracepoint programs that
 * have the table allocate. */
struct futex_calls {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct gt_wire_futex_key);
	__type(value, u64);
};

extern struct futex_calls futex_calls SEC(".maps");

/* Move one of a task's own counts to the table. */
static __always_inline void call_flush(const struct task_state *s, struct task_call *call)
{
	struct gt_wire_futex_key key = {
		.addr = call->addr,
		.as = s->as,
		.process = s->process,
		.op = call->op,
		.result = call->result,
	};
	u64 none = 0, *total, count;

	if (!call->count)
		return;
	/* At the end of the window its task may be ending, too, which tells of them itself. */
	count = __sync_lock_test_and_set(&call->count, 0);
	total = bpf_map_lookup_elem(&futex_calls, &key);
	if (!total) {
		bpf_map_update_elem(&futex_calls, &key, &none, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&futex_calls, &key);
	}
	if (total)
		__sync_fetch_and_add(total, count);
	else
		__sync_fetch_and_add(&losses[GT_LOSS_FUTEX_MAP], count);
}

static __always_inline void calls_flush(struct task_state *s)
{
	for (int i = 0; i < TASK_CALLS; i++)
		call_flush(s, &s->calls[i]);
}

#endif
