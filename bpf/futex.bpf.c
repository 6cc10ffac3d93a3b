/* SPDX-License-Identifier: MIT */
/*
 * Futex calls counted by (process, address, operation, result), at their exit, where the saved registers
 * still hold the arguments. Python 2.7 makes over a million a second: a call that repeats one of the
 * task's last few costs no hash lookup.
 *
 * One hook on the raw sys_exit tracepoint stands for six on syscalls:sys_exit_*: the price that every
 * other call on the machine pays (the kernel's slow exit path) is the same, it needs no tracefs, and the
 * kernel never skips it because another BPF program happens to be running on that CPU.
 */
#include "state.bpf.h"
#include "calls.bpf.h"
#include "futex.bpf.h"

#include <bpf/bpf_tracing.h>

#define ERESTART_RESTARTBLOCK 516

static __always_inline void count_call(struct task_state *s, u64 addr, u32 op, s32 result)
{
	struct task_call *call;

	for (int i = 0; i < TASK_CALLS; i++) {
		call = &s->calls[i];
		if (call->addr == addr && call->op == op && call->result == result) {
			call->count++;
			return;
		}
	}
	call = &s->calls[s->next_call++ % TASK_CALLS];
	call_flush(s, call);
	call->addr = addr;
	call->op = op;
	call->result = result;
	call->count = 1;
}

SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	s32 nr = core_syscall(regs);
	struct task_struct *t;
	struct task_state *s;
	struct futex_call call = {};
	struct cpu_state *c;
	s64 result = (s64)ctx[1];
	bool compat, fault = false;

	/* Both tables' numbers, before anything is looked up: nearly every call ends here. */
	if (!futex_number(nr, false) && !futex_number(nr, true) && nr != NR_RESTART)
		return 0;
	if (!enabled)
		return 0;
	t = bpf_get_current_task_btf();
	c = cpu_state(bpf_get_smp_processor_id());
	task_get_begin(c);
	s = bpf_task_storage_get(&tasks, t, NULL, 0);
	task_get_end(c);
	if (!s)
		return 0;
	compat = core_compat(t);
	/* An interrupted timed wait ends as restart_syscall, with futex's arguments still in its registers. */
	if (nr == NR_RESTART && !compat) {
		if (!s->restarting)
			return 0;
		nr = NR_FUTEX;
	}
	if (!futex_decode(regs, nr, compat, &call, &fault))
		return 0;
	s->restarting = result == -ERESTART_RESTARTBLOCK;
	count_call(s, call.addr, call.op, result > 2 ? 2 : (s32)result);
	return 0;
}
