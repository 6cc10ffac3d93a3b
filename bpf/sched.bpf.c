/* SPDX-License-Identifier: MIT */
/*
 * sched_switch and sched_waking: one record for each change of a traced task's state.
 *
 * This is the path that everybody on the machine pays for. Where neither task is traced and the CPU
 * goes from one stranger to another, sched_switch looks at that task's storage pointer and ends, as
 * does sched_waking. No stacks, no strings, no hash map, no write that another CPU reads.
 */
#include "state.bpf.h"
#include "block.bpf.h"

#include <bpf/bpf_tracing.h>

/* CPU records: at most this many at once, and one more each GT_CPU_SPAN_NS / 4. */
#define CPU_TOKENS 16

/*
 * What happens rarely is done by functions of its own, which the programs jump over: they find out
 * again what their callers know, as the verifier looks at each by itself.
 */
__noinline int record_cpu(u64 now, u32 next_idle)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);
	struct gt_wire_cpu *r = record_reserve(cpu, c, now, sizeof(*r));

	if (r) {
		record_header(&r->hdr, now, GT_WIRE_CPU, next_idle ? GT_F_NEXT_IDLE : 0, 0);
		r->start = c->span_start;
		r->idle = c->span_idle;
		record_submit(r);
	}
	c->span_start = now;
	c->span_idle = 0;
	return 0;
}

/*
 * The CPU went from idle to a stranger's work or back. Each flip is told while there are tokens, so
 * the analyses know when a CPU was free; in a storm of flips they are told together.
 */
static __always_inline void cpu_flip(struct cpu_state *c, u64 now, bool next_idle)
{
	u64 filled = (now - c->tokens_at) / (GT_CPU_SPAN_NS / 4);

	if (filled) {
		c->tokens_at = now;
		c->tokens = filled + c->tokens > CPU_TOKENS ? CPU_TOKENS : (u32)filled + c->tokens;
	}
	if (!c->tokens)
		return;
	c->tokens--;
	record_cpu(now, next_idle);
}

/* Charge the time since the last change to whoever held the CPU. */
static __always_inline void cpu_charge(struct cpu_state *c, u64 now, u32 next_holder)
{
	c->sum[c->holder & 3] += now - c->since;
	if (c->holder == HOLDER_IDLE)
		c->span_idle += now - c->since;
	c->since = now;
	c->holder = next_holder;
}

/* The running task's CPU mask, which is another than was told of last. */
__noinline int record_affinity(u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	struct gt_wire_affinity *r;
	struct task_state *s = task_find(t);

	if (!s)
		return 0;
	r = record_reserve(cpu, cpu_state(cpu), now, sizeof(*r));
	if (!r)
		return 0;
	record_header(&r->hdr, now, GT_WIRE_AFFINITY, 0, s->id);
	r->words = config.mask_words;
	r->pad = 0;
	for (int i = 0; i < GT_MASK_WORDS; i++)
		r->mask[i] = 0;
	bpf_probe_read_kernel(r->mask,
			      (config.mask_words & (GT_MASK_WORDS - 1)) * 8 ?: sizeof(r->mask),
			      &t->cpus_mask);
	record_submit(r);
	s->allowed = fold_mask(t);
	s->nr_allowed = t->nr_cpus_allowed;
	return 0;
}

/* The running task is in its last switch. */
__noinline int task_died(u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	struct task_state *s = task_find(t);
	struct gt_wire_task_sum *r;

	if (!s)
		return 0;
	r = record_reserve_rare(cpu, cpu_state(cpu), now, sizeof(*r));
	if (r) {
		record_header_rare(&r->hdr, now, GT_WIRE_TASK_SUM, cpu, s->id);
		r->run = s->run;
		r->slices = s->slices;
		record_submit(r);
	}
	task_ended(s);
	slot_free(t);
	return 0;
}

/* A traced task takes the CPU from somebody who is not. */
static __always_inline void switch_in(u32 cpu, struct cpu_state *c, u64 now, u32 flags, u32 id,
				      bool together)
{
	struct gt_wire_hdr hdr = { .ts = now, .kind = GT_WIRE_SWITCH, .flags = flags };

	/* A stretch that was all idle or all someone else's is told by the flag alone. */
	if (c->span_idle && c->span_idle != now - c->span_start)
		record_cpu(now, false);
	record_sched(NULL, cpu, c, &hdr, id, NULL, together);
}

/*
 * Not every switch is shown: where the tracepoint was silent as some stranger left the CPU
 * (measured, with every tracer alike), the task that took it comes to light as it wakes another, as
 * look_cpu finds it, or as it leaves. Its own run-time clock, brought up to date, then tells since
 * when it has run.
 */
static __always_inline void switch_repair(u32 cpu, struct cpu_state *c, u64 now,
					  struct task_struct *t, struct task_state *s)
{
	u64 ran = t->se.sum_exec_runtime - s->exec, updated = t->se.exec_start + c->clock_offset,
	    in;

	if (c->clock_offset && updated < now)
		ran += now - updated;
	in = now - ran;
	if (ran > now || in < c->since)
		in = c->since;
	if (c->holder == HOLDER_TRACED)
		loss_since(GT_LOSS_SWITCH, c->since, now);
	__sync_fetch_and_add(&repaired, 1);
	cpu_charge(c, in, HOLDER_TRACED);
	switch_in(cpu, c, in, 0, s->id, false);
	c->task = s->id;
	c->next_tid = t->pid;
	s->on_since = in;
	s->slices++;
}

/* Does the CPU belong to this task, as far as switches were shown? One whose books are not open yet
 * has nothing to mend. */
static __always_inline bool holder_is(const struct cpu_state *c, const struct task_state *s)
{
	return c->holder == HOLDER_UNSEEN || (c->holder == HOLDER_TRACED && c->task == s->id);
}

/*
 * The running task's id, 0 for a stranger. Where it is not who came last, as far as switches were
 * shown, its switch is put back.
 */
__noinline u32 holder_mend(u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);
	struct task_state *s = task_get(t, c, now);

	if (!s)
		return 0;
	if (!holder_is(c, s))
		switch_repair(cpu, c, now, t, s);
	return s->id;
}

/* A traced task leaves the CPU, to traced task `peer` or (0) to somebody else. */
static __always_inline void switch_out(void *ctx, u32 cpu, struct cpu_state *c, u64 now, u32 flags,
				       struct task_struct *t, struct task_state *s, u32 state,
				       u32 peer)
{
	struct gt_wire_hdr hdr = {
		.ts = now,
		.kind = GT_WIRE_SWITCH,
		.flags = flags,
		.state = state,
		.task = s->id,
	};
	bool preempted = flags & GT_F_PREEMPTED, dead = (state & TASK_DEAD) && !preempted;

	c->span_start = now; /* a stretch without traced tasks may begin */
	c->span_idle = 0;
	if (s->on_since)
		s->run += now - s->on_since;
	s->on_since = 0;
	/* The kernel has just updated both, so the clocks can be compared. */
	s->exec = t->se.sum_exec_runtime;
	c->clock_offset = now - t->se.exec_start;
	/* A bit-field costs a helper call; only an uninterruptible wait is judged by it. */
	if ((state & TASK_UNINTERRUPTIBLE) && BPF_CORE_READ_BITFIELD_PROBED(t, in_iowait))
		hdr.flags |= GT_F_IOWAIT;
	if (!preempted && !dead && state && core_being_woken(t))
		hdr.flags |= GT_F_WOKEN;
	if (unlikely(s->allowed != fold_mask(t) || s->nr_allowed != (u32)t->nr_cpus_allowed))
		record_affinity(now);
	/* What a task that could go on was doing says nothing about why it left the CPU. */
	record_sched(ctx, cpu, c, &hdr, peer, preempted || !state || dead ? NULL : t, true);
	if (unlikely(dead))
		task_died(now);
}

SEC("tp_btf/sched_switch")
int on_switch(u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	struct task_state *p = NULL, *n = NULL;
	u32 cpu, state, flags, holder;
	struct cpu_state *c;
	bool shown;
	u64 now;

	if (!enabled)
		return 0;
	cpu = bpf_get_smp_processor_id();
	c = cpu_state(cpu);
	shown = c->next_tid == (u32)prev->pid;
	n = task_find(next);
	holder = n ? HOLDER_TRACED : next->pid ? HOLDER_OTHER : HOLDER_IDLE;
	if (shown && c->holder == holder && !n && !task_unsure(c, next)) {
		c->next_tid = next->pid;
		return 0; /* one stranger after another */
	}

	now = bpf_ktime_get_ns();
	if (!n && task_unsure(c, next))
		loss(GT_LOSS_TASK_STORAGE, now);
	if (unlikely(c->holder == HOLDER_UNSEEN))
		cpu_begin(c, now);
	if (c->holder == HOLDER_TRACED || c->holder == HOLDER_UNSEEN || !shown) {
		p = task_get(prev, c, now);
		if (p && unlikely(!holder_is(c, p)))
			holder_mend(now); /* `prev` is still the current task */
		if (!p) {
			if (c->holder == HOLDER_TRACED)
				loss_since(GT_LOSS_SWITCH, c->since, now);
			c->holder = prev->pid ? HOLDER_OTHER : HOLDER_IDLE;
		}
	}
	c->next_tid = next->pid;
	flags = (c->holder == HOLDER_IDLE ? GT_F_PREV_IDLE : 0) |
		(holder == HOLDER_IDLE ? GT_F_NEXT_IDLE : 0);
	cpu_charge(c, now, holder);

	if (p) {
		/*
		 * The task's own field may have been changed by a waker on another CPU since
		 * (5.18), but never to 0: so it is found when a signal has kept the task from
		 * blocking, which the argument does not tell (until 6.14).
		 */
		state = prev->__state;
		if (config.has_prev_state && state)
			state = (u32)ctx[3];
		switch_out(ctx, cpu, c, now, flags | (ctx[0] ? GT_F_PREEMPTED : 0), prev, p, state,
			   n ? n->id : 0);
	} else if (n) {
		switch_in(cpu, c, now, flags, n->id, true);
	} else {
		cpu_flip(c, now, holder == HOLDER_IDLE);
	}
	if (n) {
		c->task = n->id;
		n->on_since = now;
		n->slices++;
	}
	return 0;
}

SEC("tp_btf/sched_waking")
int on_waking(u64 *ctx)
{
	struct task_struct *wakee = (void *)ctx[0], *waker;
	struct gt_wire_hdr hdr = { .kind = GT_WIRE_WAKING };
	struct task_state *s;
	struct cpu_state *c;
	u32 cpu, by = 0;

	if (!enabled)
		return 0;
	s = task_find(wakee);
	cpu = bpf_get_smp_processor_id();
	c = cpu_state(cpu);
	if (!s && !task_unsure(c, wakee))
		return 0;
	hdr.ts = bpf_ktime_get_ns();
	if (!s) {
		loss(GT_LOSS_TASK_STORAGE, hdr.ts);
		return 0;
	}
	hdr.task = s->id;
	waker = bpf_get_current_task_btf();
	if (unlikely(c->next_tid != (u32)waker->pid))
		by = holder_mend(hdr.ts);
	else if (c->holder == HOLDER_TRACED)
		by = c->task;
	record_sched(ctx, cpu, c, &hdr, by, by ? waker : NULL, true);
	return 0;
}

int holder_look(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_state *c = cpu_state(cpu);

	if (enabled && c->next_tid != (u32)t->pid)
		holder_mend(bpf_ktime_get_ns());
	return 0;
}

/*
 * Run on each CPU before the rings are emptied: a task that took the CPU unseen must not stay so
 * for longer than the reader can put its switch back in order, and what was collected is wanted.
 * Not 0: that is still to be had, when there is room again or another moment.
 */
SEC("raw_tp")
int look_cpu(void *ctx)
{
	holder_look();
	return batch_flush();
}
