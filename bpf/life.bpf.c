/* SPDX-License-Identifier: MIT */
/* Who is traced from the window's start on: whoever a traced task creates, through exec and rename
 * to the end. */
#include "task.bpf.h"
#include "calls.bpf.h"
#include "python.bpf.h"

#include <bpf/bpf_tracing.h>

SEC("tp_btf/task_newtask")
int on_newtask(u64 *ctx)
{
	struct task_struct *child = (void *)ctx[0], *creator = bpf_get_current_task_btf();
	u64 clone_flags = ctx[1], now = bpf_ktime_get_ns();
	struct task_state *s, *c;
	bool thread = clone_flags & CLONE_THREAD;

	c = task_get_preemptible(creator);
	/* Found this moment and not ready: find_tasks, which goes on, will find the child too. */
	if (c && !c->process)
		return 0;
	if (!c && (!config.trace_all || !enabled || wish_of(tgid_of(creator)) == GT_WISH_LEAVE_OUT))
		return 0;
	s = task_mark(child, now);
	if (!s)
		return 0;
	s->process = thread && c ? c->process : s->id;
	s->as = (clone_flags & CLONE_VM) && c ? c->as : draw_id();
	if (c && s->as != c->as && config.stacks)
		python_inherit(c->as, s->as);
	/* A mask that it inherited is known from its creator. */
	if (c && c->allowed == fold_mask(child) && c->nr_allowed == (u32)child->nr_cpus_allowed) {
		s->allowed = c->allowed;
		s->nr_allowed = c->nr_allowed;
	}
	record_task(now, child, s, s->process, c ? c->id : 0, (u32)clone_flags,
		    thread ? GT_TASK_THREAD : 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)ctx[2];
	u64 now = bpf_ktime_get_ns();
	struct task_state *s = task_get_preemptible(t);
	struct gt_wire_exec *r;
	u32 cpu;

	if (!s)
		return 0;
	calls_flush(s); /* they are of the address space that goes */
	s->restarting = 0;
	s->lock_ip = 0;
	s->as = draw_id();
	cpu = bpf_get_smp_processor_id();
	r = record_reserve_rare(cpu, cpu_state(cpu), now, sizeof(*r));
	if (!r)
		return 0;
	record_header_rare(&r->hdr, now, GT_WIRE_EXEC, cpu, s->id);
	r->tid = tid_of(t);
	r->tgid = tgid_of(t);
	r->as = s->as;
	r->dev = BPF_CORE_READ(bprm, file, f_inode, i_sb, s_dev);
	r->ino = BPF_CORE_READ(bprm, file, f_inode, i_ino);
	r->start_code = BPF_CORE_READ(t, mm, start_code);
	__builtin_memset(r->path, 0, sizeof(r->path));
	bpf_probe_read_kernel_str(r->path, sizeof(r->path), BPF_CORE_READ(bprm, filename));
	record_submit(r);
	return 0;
}

SEC("tp_btf/task_rename")
int on_rename(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	const char *comm = (const char *)ctx[1];
	u64 now = bpf_ktime_get_ns();
	struct task_state *s = task_get_preemptible(t);
	struct gt_wire_rename *r;
	u32 cpu;

	if (!s)
		return 0;
	cpu = bpf_get_smp_processor_id();
	r = record_reserve_rare(cpu, cpu_state(cpu), now, sizeof(*r));
	if (!r)
		return 0;
	record_header_rare(&r->hdr, now, GT_WIRE_RENAME, cpu, s->id);
	__builtin_memset(r->comm, 0, sizeof(r->comm));
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), comm);
	record_submit(r);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	u64 now = bpf_ktime_get_ns();
	struct task_state *s = task_get_preemptible(t);
	struct cpu_state *c;
	struct gt_wire_hdr *r;
	u32 cpu;

	if (!s)
		return 0;
	if (!enabled) {
		/* If find_tasks is about to introduce it, it ends it, too. */
		if (READ_ONCE(s->process))
			task_ends_early(t, s, READ_ONCE(s->id), now);
		return 0;
	}
	cpu = bpf_get_smp_processor_id();
	c = cpu_state(cpu);
	calls_flush(s);
	r = record_reserve_rare(cpu, c, now, sizeof(*r));
	if (!r)
		return 0;
	record_header_rare(r, now, GT_WIRE_EXIT, cpu, s->id);
	record_submit(r);
	return 0;
}

/* The last that is heard of a task, if its final switch was not shown. Its address is still its
 * own. */
SEC("tp_btf/sched_process_free")
int on_free(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	struct task_state *s = task_get_preemptible(t);

	if (!s)
		return 0;
	task_ended(s);
	slot_free(t);
	return 0;
}
