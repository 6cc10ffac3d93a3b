/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing the books. User space runs these when the window opens and closes: who is to
 * be traced, what each of them and every CPU is doing at that moment, and the sums that the model's
 * own must equal.
 */
#include "task.bpf.h"
#include "block.bpf.h"
#include "calls.bpf.h"

#include <bpf/bpf_tracing.h>

/* Which pid namespace giltrace sees: run once, in its own context. */
SEC("raw_tp")
int learn_namespace(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	if (level > 32 ||
	    bpf_probe_read_kernel(&upid, sizeof(upid), numbers + level * sizeof(upid)))
		return 1;
	own_level = level;
	own_namespace = (u64)upid.ns;
	return 0;
}

/* Draw or recall the number that belongs to `key` at attach. */
static __always_inline u32 found_id(u64 key, u32 fresh)
{
	u32 *known = bpf_map_lookup_elem(&found_ids, &key);

	if (known)
		return *known;
	if (bpf_map_update_elem(&found_ids, &key, &fresh, BPF_ANY))
		__sync_fetch_and_add(&losses[GT_LOSS_FOUND], 1);
	return fresh;
}

/*
 * Is there room for what one task takes? If not, the iterator stops here, and goes on with the same task when
 * the rings were emptied: what is told of thousands of tasks at once must not depend on a ring's size.
 */
static __always_inline bool books_room(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	return !ring || no_waiting || bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) <
				bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 2;
}

/*
 * Whether `t` belongs to who is asked for: itself, or its parent's child. The parent is marked before or in an
 * earlier round; what is left out goes by numbers, down to its descendants, of which there are few.
 */
static __always_inline bool is_wanted(struct task_struct *t)
{
	u32 tgid = tgid_of(t), wish = wish_of(tgid);
	struct task_struct *parent;

	if (!wish) {
		wish = wish_of(ppid_of(t));
		if (wish == GT_WISH_LEAVE_OUT && tgid)
			bpf_map_update_elem(&targets, &tgid, &wish, BPF_ANY);
	}
	if (wish == GT_WISH_LEAVE_OUT)
		return false;
	if (wish || config.trace_all)
		return true;
	parent = t->real_parent;
	return parent && task_find(parent);
}

/*
 * Mark the tasks asked for and their descendants; giltrace and its own are left out in the same
 * way. Run until it finds nobody new: a task may be visited before its parent is marked. From the
 * moment it is marked its children are followed by on_newtask.
 */
SEC("iter/task")
int find_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	u64 now = bpf_ktime_get_ns();
	struct task_state *s;
	u32 id, process;
	bool kthread;

	/* Who is ending or waits to be reaped does nothing worth telling, and it may be that no
	 * switch will tell of the end. */
	if (!t || !t->pid || t->flags & PF_EXITING)
		return 0;
	if (!is_wanted(t) || task_find(t))
		return 0;
	if (!books_room())
		return 1;
	s = task_mark(t, now);
	if (!s)
		return 0;
	kthread = t->flags & PF_KTHREAD;
	id = s->id;
	s->as = kthread ? 0 : found_id((u64)t->mm, draw_id());
	process = found_id((u32)t->tgid, id);
	record_task(now, t, s, process, 0, 0,
		    GT_TASK_FOUND | (t->pid != t->tgid ? GT_TASK_THREAD : 0));
	found++;
	/* Its children take both over once this is set: see on_newtask(). Up to here on_exit() has
	 * let it be; from here on `s` may be another's. */
	__sync_fetch_and_add(&s->process, process);
	/* It may have ended since the look at it above. */
	if (t->flags & PF_EXITING)
		task_ends_early(t, s, id, now);
	return 0;
}

/* What a traced task that is off the CPU is doing as the window opens. Those on a CPU: open_cpu. */
SEC("iter/task")
int open_tasks(struct bpf_iter__task *ctx)
{
	struct gt_wire_hdr hdr = { .kind = GT_WIRE_STATE };
	struct task_struct *t = ctx->task;
	struct task_state *s;
	u32 cpu;

	if (!t || !t->pid || t->on_cpu)
		return 0;
	s = task_find(t);
	if (!s)
		return 0;
	if (!books_room())
		return 1;
	/* The time first: a change after it has a later record, which then wins. */
	hdr.ts = bpf_ktime_get_ns();
	hdr.task = READ_ONCE(s->id);
	if (!hdr.task)
		return 0;
	hdr.state = t->__state;
	hdr.flags = BPF_CORE_READ_BITFIELD_PROBED(t, in_iowait) ? GT_F_IOWAIT : 0;
	cpu = bpf_get_smp_processor_id();
	record_sched(NULL, cpu, cpu_state(cpu), &hdr, 0, hdr.state ? t : NULL, false);
	return 0;
}

/* Run on each CPU as the window opens: who has it. */
SEC("raw_tp")
int open_cpu(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s = task_find(t);
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);
	u64 now = bpf_ktime_get_ns();
	struct gt_wire_hdr *r;

	/* A switch on this CPU since recording began has already told more than this could. */
	if (c->holder != HOLDER_UNSEEN)
		return 0;
	c->holder = s ? HOLDER_TRACED : t->pid ? HOLDER_OTHER : HOLDER_IDLE;
	cpu_begin(c, now);
	c->next_tid = t->pid;
	if (s) {
		c->task = s->id;
		s->on_since = now;
	}
	r = record_reserve(cpu, c, now, sizeof(*r));
	if (!r)
		return 0;
	record_header(r, now, GT_WIRE_ON_CPU, t->pid ? 0 : GT_F_NEXT_IDLE, s ? s->id : 0);
	record_submit(r);
	return 0;
}

/* Sums of the traced tasks still alive; those of the dead were recorded as they died. */
SEC("iter/task")
int close_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct gt_wire_task_sum *r;
	struct task_state *s;
	struct cpu_state *c;
	u64 now, run, on_since;
	u32 cpu, id;

	if (!t || !t->pid)
		return 0;
	s = task_find(t);
	id = s ? READ_ONCE(s->id) : 0;
	if (!id)
		return 0;
	if (!books_room())
		return 1;
	cpu = bpf_get_smp_processor_id();
	c = cpu_state(cpu);
	now = bpf_ktime_get_ns();
	calls_flush(s);
	r = record_reserve_rare(cpu, c, now, sizeof(*r));
	if (!r)
		return 0;
	record_header_rare(&r->hdr, now, GT_WIRE_TASK_SUM, cpu, id);
	run = READ_ONCE(s->run);
	on_since = READ_ONCE(s->on_since);
	/* Switched out between the two: the slice is in the sum already. */
	r->run = READ_ONCE(s->run);
	if (r->run == run && on_since && on_since < now)
		r->run += now - on_since;
	r->slices = s->slices;
	/* Freed meanwhile: its sum was told as it ended. */
	if (READ_ONCE(s->id) == id)
		record_submit(r);
	else
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Who is there, whatever was shown: a task stays in `alive` if neither its last switch nor that it
 * was freed came to light, and either has been seen to be missing. */
SEC("iter/task")
int count_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;

	if (t && t->pid && task_find(t))
		seen++;
	return 0;
}

/* Run on each CPU as the window closes: its sums, and the stretch that no record has told about
 * yet. */
SEC("raw_tp")
int close_cpu(void *ctx)
{
	struct gt_wire_cpu_sum *r;
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);
	u64 now = bpf_ktime_get_ns(), open;
	struct gt_wire_cpu *span;

	if (c->holder == HOLDER_UNSEEN)
		return 0;
	open = now - c->since;
	if (c->holder != HOLDER_TRACED) {
		span = record_reserve(cpu, c, now, sizeof(*span));
		if (span) {
			record_header(&span->hdr, now, GT_WIRE_CPU,
				      c->holder == HOLDER_IDLE ? GT_F_NEXT_IDLE : 0, 0);
			span->start = c->span_start;
			span->idle = c->span_idle + (c->holder == HOLDER_IDLE ? open : 0);
			record_submit(span);
		}
	}
	r = record_reserve(cpu, c, now, sizeof(*r));
	if (!r)
		return 0;
	record_header(&r->hdr, now, GT_WIRE_CPU_SUM, 0, 0);
	r->traced = c->sum[HOLDER_TRACED] + (c->holder == HOLDER_TRACED ? open : 0);
	r->other = c->sum[HOLDER_OTHER] + (c->holder == HOLDER_OTHER ? open : 0);
	r->idle = c->sum[HOLDER_IDLE] + (c->holder == HOLDER_IDLE ? open : 0);
	record_submit(r);
	return 0;
}
