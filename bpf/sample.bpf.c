/* SPDX-License-Identifier: MIT */
/*
 * What runs: looked up on each CPU by a clock. A tick that finds nobody traced ends after one load.
 */
#include "stack.bpf.h"

#include <bpf/bpf_tracing.h>

SEC("perf_event")
int on_sample(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct gt_wire_sample *r;
	struct task_state *s;
	struct cpu_state *c;
	u32 cpu, id;
	u64 now;

	if (!enabled)
		return 0;
	s = task_find(t);
	cpu = bpf_get_smp_processor_id();
	c = cpu_state(cpu);
	if (!s && !task_unsure(c, t))
		return 0;
	now = bpf_ktime_get_ns();
	if (!s) {
		__sync_fetch_and_add(&losses[GT_LOSS_STACK], 1);
		return 0;
	}
	stack_kernel_take(ctx);
	id = stack_sample(now);
	r = record_reserve(cpu, c, now, sizeof(*r));
	if (!r)
		return 0;
	record_header(&r->hdr, now, GT_WIRE_SAMPLE, 0, s->id);
	r->stack = id;
	r->pad = 0;
	r->period = config.sample_ns;
	record_submit(r);
	return 0;
}
