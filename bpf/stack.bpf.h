/* SPDX-License-Identifier: MIT */
/*
 * The stack of the running task, as it blocks, wakes another or is found by the sampling clock.
 *
 * Most libraries are built without frame pointers, so its frames can only be found by unwind
 * tables, in user space, from the registers and a copy of the stack. To copy each wait once, user
 * space tells after unwinding where the return addresses lay and what they fold to (struct
 * gt_wire_stack_shape): whoever comes with the same ip and sp is compared by them, and if they are
 * the same only the stack's id is recorded. ip and sp alone would not do: two callers at equal
 * depth share both.
 *
 * Every function here wants the current task, in a context that no other caller on this CPU can
 * interrupt.
 */
#ifndef STACK_BPF_H
#define STACK_BPF_H

#include "state.bpf.h"

/* Per CPU, written on that CPU only, like struct cpu_state. */
struct stack_cpu {
	struct gt_wire_stack_counts counts;
	u64 next; /* when the next copy is due; before now: copies are saved up */
	u64 bell; /* when the collector was last rung for */
};

#define STACK_CPU_SIZE 64
_Static_assert(sizeof(struct stack_cpu) <= STACK_CPU_SIZE, "stack_cpus[] has too little room");

/* The table that user space fills. It is read only here, and `fold` is closed: see
 * stack_known_way(). */
struct stacks_known {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct gt_wire_stack_key);
	__type(value, struct gt_wire_stack_shape);
};

/* Kernel frames are first put here: whether they are to be sent is known only after they were
 * folded. Behind the last is zero. */
struct stack_frames {
	u64 ip[GT_STACK_KERNEL_MAX];
	u32 n;
	u32 pad;
};

struct stack_kernel {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stack_frames);
};

/* The part of a stack that holds the return addresses it is known by, read at once: one by one they
 * cost ten times as much. */
#define STACK_WINDOW 4096

struct stack_window {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8[STACK_WINDOW]);
};

/* What lies in it means nothing: a record wakes the collector, which otherwise looks by the clock.
 */
struct stack_bell {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

extern struct stacks_known stacks_known SEC(".maps");
extern struct stack_kernel stack_kernel SEC(".maps");
extern struct stack_window stack_window SEC(".maps");
extern struct stack_bell stack_bell SEC(".maps");
extern __u8 stack_cpus[GT_MAX_CPUS][STACK_CPU_SIZE];
extern __u32 next_stack; /* last id drawn for a stack */

/*
 * The kernel's part of the running task's stack, before one of the two below, which take it in.
 * `ctx` is the program's.
 */
static __always_inline void stack_kernel_take(void *ctx)
{
	struct stack_frames *f;
	u32 zero = 0;
	long bytes;

	f = bpf_map_lookup_elem(&stack_kernel, &zero);
	if (!f)
		return;
	bytes = bpf_get_stack(ctx, f->ip, sizeof(f->ip), 0);
	f->n = bytes > 0 ? (u32)bytes / 8 : 0;
}

/*
 * In stack.bpf.c. The verifier looks at each once, by itself, and not again along every path that
 * leads to it: that is why they are told so little and find the rest out anew.
 */

#define STACK_FUTEX                                                                                \
	0x7fffffff /* in place of a system call's number: a futex call, whichever it is */

/* Before a SWITCH or WAKING record (`kind`) about a system call of the running task (-1: none):
 * where that stands, if it is wanted. */
int stack_of(u64 now, u32 kind, s32 call);

/* For a sample: the id of the running task's stack, 0 when it cannot be had. */
u32 stack_sample(u64 now);

#endif
