/* SPDX-License-Identifier: MIT */
/*
 * The Python frames of the running task. CPython keeps a chain of them for each thread; user space
 * says per address space how it lies (struct gt_wire_python). Code objects are told by their
 * addresses: what they are called is read in user space.
 */
#ifndef PYTHON_BPF_H
#define PYTHON_BPF_H

#include "state.bpf.h"

/* By address space. Written again as long as the program lives, so that none in use is pushed out
 * for long. */
struct pythons {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct gt_wire_python);
};

#define PYTHON_FRAME_ROOM 128 /* a power of two above gt_wire_python.size */

struct python_stack {
	struct gt_wire_python_stack record;
	u64 fold;		     /* of the frames so far */
	u8 bytes[PYTHON_FRAME_ROOM]; /* the frame at hand */
	u8 more[4096];		     /* the verifier's: what a record's length could be at most */
};

struct python_stacks {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct python_stack);
};

extern struct pythons pythons SEC(".maps");
extern struct python_stacks python_stacks SEC(".maps");

/* Find the running task's frames, as one of address space `as`. What they fold to, 0: there are
 * none. */
u64 python_take(u32 as);

/* Send those that were found last. 0, or there was no room. */
int python_send(u64 ts, u32 stack, u32 task);

/* Address space `to` begins as a copy of `from`. */
static __always_inline void python_inherit(u32 from, u32 to)
{
	const struct gt_wire_python *how = bpf_map_lookup_elem(&pythons, &from);

	if (how)
		bpf_map_update_elem(&pythons, &to, how, BPF_ANY);
}

#endif
