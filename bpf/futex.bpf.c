/* SPDX-License-Identifier: MIT */
/*
 * Futex calls counted by (process, address, operation, result), at their exit, where the saved
 * registers still hold the arguments. Python 2.7 makes over a million a second: a call that repeats
 * one of the task's last few costs no hash lookup.
 *
 * Two ways lead here (user/record/futex_exits.c chooses). On the return of the kernel's functions for
 * just these calls, by fexit: nobody else notices. Or on the tracepoints of these calls: while any of
 * them is in use the kernel takes its slow path out of every system call of the machine, but goes on
 * only for these; one program on the raw sys_exit tracepoint, which would be asked about every call,
 * costs the others nearly twice that (docs/performance.md). Both count the same: neither sees the
 * calls of 32-bit programs on a 64-bit kernel.
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

static __always_inline int futex_exit(s32 nr, s64 result)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct futex_call call = {};
	struct pt_regs *regs;
	struct task_state *s;
	bool fault = false;

	if (!counting)
		return 0;
	s = task_get_preemptible(t);
	if (!s)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
	if (!futex_decode(t, regs, nr == NR_RESTART ? NR_FUTEX : nr, false, &call, &fault))
		return 0;
	/* An interrupted timed wait ends as restart_syscall, with futex's arguments still in its
	 * registers; but a handler may have ended the wait, and another call be restarted here. */
	if (nr == NR_RESTART && (!call.addr || s->restarting != call.addr))
		return 0;
	s->restarting = result == -ERESTART_RESTARTBLOCK ? call.addr : 0;
	count_call(s, call.addr, call.op, result > 2 ? 2 : (s32)result);
	return 0;
}

/* What the tracepoints syscalls:sys_exit_* hand over, laid down by their format files. */
struct sys_exit_args {
	u64 common;
	s32 nr;
	s32 pad;
	s64 result;
};

SEC("tracepoint")
int on_futex_exit(struct sys_exit_args *ctx)
{
	return futex_exit(ctx->nr, ctx->result);
}

/* The functions take the registers and nothing else: ctx[1] is what they return. */
#define ON_RETURN(call, nr)                                                                        \
	SEC("?fexit") int on_##call##_return(u64 *ctx)                                             \
	{                                                                                          \
		return futex_exit(nr, (s64)ctx[1]);                                                \
	}

ON_RETURN(futex, NR_FUTEX)
ON_RETURN(restart_syscall, NR_RESTART)
ON_RETURN(futex_waitv, NR_FUTEX_WAITV)
ON_RETURN(futex_wait, NR_FUTEX_WAIT)
ON_RETURN(futex_wake, NR_FUTEX_WAKE)
ON_RETURN(futex_requeue, NR_FUTEX_REQUEUE)
