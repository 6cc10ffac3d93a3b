/* SPDX-License-Identifier: MIT */
/*
 * A task begins to be traced: its numbers, and the record that introduces it.
 *
 * Used in preemptible context, unlike the scheduler's hooks, hence task_get_begin() and
 * task_get_end().
 */
#ifndef TASK_BPF_H
#define TASK_BPF_H

#include "state.bpf.h"

/* Numbers given at attach: processes by tgid, address spaces by their kernel address (never shown).
 */
struct found_ids {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, u64);
	__type(value, u32);
};

/* Processes asked for, or left out and their descendants, by their number in giltrace's own pid namespace. */
struct targets {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u32); /* enum gt_wire_wish */
};

extern struct found_ids found_ids SEC(".maps");
extern struct targets targets SEC(".maps");
extern __u32 found;	    /* tasks marked by find_tasks so far */
extern __u32 own_level;	    /* giltrace's pid namespace: how deep, */
extern __u64 own_namespace; /* and which */

/* The number of `pid` in giltrace's own pid namespace, 0 when it has none there. */
static __always_inline s32 pid_number(struct pid *pid)
{
	struct upid upid = {};
	void *numbers;

	if (!pid)
		return 0;
	numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	/* Behind the last number lies memory of other things. */
	if (own_level > 32 || BPF_CORE_READ(pid, level) < own_level ||
	    bpf_probe_read_kernel(&upid, sizeof(upid), numbers + own_level * sizeof(upid)))
		return 0;
	return (u64)upid.ns == own_namespace ? upid.nr : 0;
}

static __always_inline s32 tid_of(struct task_struct *t)
{
	return own_level ? pid_number(BPF_CORE_READ(t, thread_pid)) : t->pid;
}

static __always_inline s32 tgid_of(struct task_struct *t)
{
	return own_level ? pid_number(BPF_CORE_READ(t, signal, pids[PIDTYPE_TGID])) : t->tgid;
}

static __always_inline s32 ppid_of(struct task_struct *t)
{
	return own_level ? pid_number(BPF_CORE_READ(t, real_parent, signal, pids[PIDTYPE_TGID]))
			 : BPF_CORE_READ(t, real_parent, tgid);
}

/* enum gt_wire_wish, 0: none. */
static __always_inline u32 wish_of(u32 tgid)
{
	u32 *wish = tgid ? bpf_map_lookup_elem(&targets, &tgid) : NULL;

	return wish ? *wish : 0;
}

static __always_inline void record_task(u64 now, struct task_struct *t, const struct task_state *s,
					u32 process, u32 parent, u32 clone_flags, u32 flags)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);
	struct gt_wire_task *r = record_reserve_rare(cpu, c, now, sizeof(*r));

	if (!r)
		return;
	record_header_rare(&r->hdr, now, GT_WIRE_TASK, cpu, s->id);
	r->parent = parent;
	r->process = process;
	r->as = s->as;
	r->tid = tid_of(t);
	r->tgid = tgid_of(t);
	r->ppid = ppid_of(t);
	r->clone_flags = clone_flags;
	if (t->flags & PF_KTHREAD)
		flags |= GT_TASK_KTHREAD;
	else if (core_no_registers(t))
		flags |= GT_TASK_IO_WORKER;
	r->flags = flags;
	r->clear_child_tid = (u64)BPF_CORE_READ(t, clear_child_tid);
	r->start = t->start_time;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), &t->comm);
	record_submit(r);
}

/* The place of `t` in the table, NULL when it is another task's. */
static __always_inline struct task_state *slot_take(struct task_struct *t)
{
	struct task_slot *slot = task_slot(t);
	u64 owner;

	/* Of a former task at this address. Who is marked by another at this moment has 0 there
	 * yet. */
	if (slot->task == (u64)t && slot->start && slot->start != t->start_time)
		slot_free(t);
	owner = __sync_val_compare_and_swap(&slot->task, 0, (u64)t);
	if (owner && owner != (u64)t)
		return NULL;
	slot->start = t->start_time;
	slot->tgid = t->tgid;
	return &slot->state;
}

/*
 * Give `t` a state of its own; NULL when it has one already, or, counted, when the kernel has no
 * memory for it. A task born while tasks are being found is seen by find_tasks and by on_newtask at
 * once: one of them gets it. Not ready before `process` is set.
 */
static __always_inline struct task_state *task_mark(struct task_struct *t, u64 now)
{
	struct cpu_state *c = cpu_state(bpf_get_smp_processor_id());
	struct task_state *s = slot_take(t);

	if (!s) {
		task_get_begin(c);
		s = bpf_task_storage_get(&tasks, t, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		task_get_end(c);
	}
	if (!s) {
		/* Of two who ask at once one may get nothing: the other has it. */
		if (!task_find(t))
			loss(GT_LOSS_TASK_STORAGE, now);
		return NULL;
	}
	if (__sync_val_compare_and_swap(&s->id, 0, draw_id()) != 0)
		return NULL;
	s->exec = t->se.sum_exec_runtime;
	s->counted = 1;
	__sync_fetch_and_add(&alive, 1);
	return s;
}

/*
 * `t` ends before switches are recorded: nothing more is to be told of it, so its end is told now,
 * as the state that it will have, and it is let go of. Not to be used afterwards. The task itself
 * and who finds it may come here at once, the second when `s` is another's already: its number,
 * which nobody gets a second time, says which is first.
 */
static __always_inline void task_ends_early(struct task_struct *t, struct task_state *s, u32 id,
					    u64 now)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);
	struct gt_wire_switch *r;

	if (!id || __sync_val_compare_and_swap(&s->id, id, 0) != id)
		return;
	r = record_reserve(cpu, c, now, sizeof(*r));
	if (r) {
		record_header(&r->hdr, now, GT_WIRE_STATE, 0, id);
		r->hdr.state = TASK_DEAD;
		r->peer = 0;
		r->syscall = -1;
		r->pad = 0;
		record_submit(r);
	}
	task_ended(s);
	slot_free(t);
	task_get_begin(c);
	bpf_task_storage_delete(&tasks, t);
	task_get_end(c);
}

#endif
