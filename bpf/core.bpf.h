/* SPDX-License-Identifier: MIT */
/*
 * The few kernel types that are used, declared by hand so that the project builds on a machine
 * without BTF (libbpf finds the fields' real places at load), and every difference between kernels,
 * each with the version that made it. The oldest kernel meant to work is 5.15.
 */
#ifndef CORE_BPF_H
#define CORE_BPF_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define __VMLINUX_H__ /* kernel names for registers in bpf_tracing.h: the types are below */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include <giltrace/wire.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cpumask {
	unsigned long bits[GT_MASK_WORDS];
};

struct thread_info {
	u64 flags;  /* arm64 keeps TIF_32BIT here */
	u32 status; /* x86 keeps TS_COMPAT here */
};

struct super_block {
	u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
};

struct mm_struct {
	unsigned long start_code;
	unsigned long start_stack;
};

struct pid_namespace {
	unsigned int level;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct sched_entity {
	u64 exec_start; /* when, on the scheduler's clock, the sum was brought up to date */
	u64 sum_exec_runtime;
};

/* Of all forms a lock's first word has: 0 when nobody has it or waits for it. */
struct qspinlock {
	struct {
		int counter;
	} val;
};

struct raw_spinlock {
	struct qspinlock raw_lock;
};

struct signal_struct {
	struct pid *pids[4];
};

struct thread_struct {
	unsigned long fsbase; /* x86: as of the last switch-out, clone or arch_prctl() */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state; /* 5.14; `state` before */
	unsigned int flags;
	int on_cpu;
	struct sched_entity se;
	int nr_cpus_allowed;
	struct cpumask cpus_mask;
	struct mm_struct *mm;
	unsigned in_iowait : 1;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	int *clear_child_tid;
	u64 start_time;
	struct raw_spinlock pi_lock;
	struct signal_struct *signal;
	struct bpf_local_storage *bpf_storage;
	char comm[GT_COMM_LEN];
	struct thread_struct thread;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
		cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
};
struct pt_regs {
	u64 regs[31];
	s32 syscallno;
};
#endif

struct bpf_iter__task {
	struct task_struct *task;
};

#pragma clang attribute pop

/* Task state bits and flags that decisions are made on; unchanged from 5.15 on. */
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_DEAD 0x80
#define TASK_WAKING 0x200
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER                                                                             \
	0x00004000 /* 6.4; until 5.16 the bit told of async module loading: harmless here */
#define PF_KTHREAD 0x00200000

#define CLONE_VM 0x00000100
#define CLONE_THREAD 0x00010000

#define PIDTYPE_TGID 1

/* A task that never was in user mode: what its stack holds where user registers would be means
 * nothing. */
static __always_inline bool core_no_registers(const struct task_struct *t)
{
	return t->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER);
}

/*
 * Is somebody waking `t`, which leaves its CPU? Whoever wakes a task holds its pi_lock until the
 * task is off its CPU, or leaves it TASK_WAKING for that CPU to queue. Others take that lock too, so
 * this counts together with a waking only.
 */
static __always_inline bool core_being_woken(const struct task_struct *t)
{
	if (t->__state == TASK_WAKING)
		return true;
	return bpf_core_field_exists(t->pi_lock.raw_lock.val.counter) &&
	       t->pi_lock.raw_lock.val.counter;
}

/*
 * System calls. Numbers are those of the task's own table; `compat` says which one.
 */
#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 0x2
#define USER64_CS 0x33

static __always_inline bool core_compat(const struct task_struct *t)
{
	return t->thread_info.status & TS_COMPAT;
}

/* -1 outside system calls: the kernel's entry code of interrupts and faults puts it there. */
static __always_inline s32 core_syscall(const struct pt_regs *regs)
{
	return (s32)regs->orig_ax;
}

static __always_inline void core_arguments(const struct pt_regs *regs, bool compat, u64 arg[6])
{
	if (compat) {
		arg[0] = (u32)regs->bx;
		arg[1] = (u32)regs->cx;
		arg[2] = (u32)regs->dx;
		arg[3] = (u32)regs->si;
		arg[4] = (u32)regs->di;
		arg[5] = (u32)regs->bp;
	} else {
		arg[0] = regs->di;
		arg[1] = regs->si;
		arg[2] = regs->dx;
		arg[3] = regs->r10;
		arg[4] = regs->r8;
		arg[5] = regs->r9;
	}
}

/* Where user code stood and its stack pointer; false where its registers are not of the kind that wire.h has room for:
 * a 32-bit program's. */
static __always_inline bool core_place(const struct task_struct *t, const struct pt_regs *regs,
				       u64 *ip, u64 *sp)
{
	*ip = regs->ip;
	*sp = regs->sp;
	return regs->cs == USER64_CS;
}

/* The registers that functions preserve: what unwinding starts from, beside the two above. */
static __always_inline void core_preserved(const struct pt_regs *regs, struct gt_wire_stack *to)
{
	to->bp = regs->bp;
	to->bx = regs->bx;
	to->r12 = regs->r12;
	to->r13 = regs->r13;
	to->r14 = regs->r14;
	to->r15 = regs->r15;
}

/* Address of the thread's own data, of thread-local variables and the like; 0: none. */
static __always_inline u64 core_thread_data(const struct task_struct *t)
{
	return t->thread.fsbase;
}

enum core_nr {
	NR_FUTEX = 202,
	NR_RESTART = 219,
	NR_COMPAT_FUTEX = 240,
};

#elif defined(__TARGET_ARCH_arm64)

#define TIF_32BIT 22

static __always_inline bool core_compat(const struct task_struct *t)
{
	return t->thread_info.flags & (1UL << TIF_32BIT);
}

static __always_inline s32 core_syscall(const struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline void core_arguments(const struct pt_regs *regs, bool compat, u64 arg[6])
{
	arg[0] = regs->regs[0];
	arg[1] = regs->regs[1];
	arg[2] = regs->regs[2];
	arg[3] = regs->regs[3];
	arg[4] = regs->regs[4];
	arg[5] = regs->regs[5];
}

/* Stacks are not taken yet: wire.h has no room for these registers. */
static __always_inline bool core_place(const struct task_struct *t, const struct pt_regs *regs,
				       u64 *ip, u64 *sp)
{
	return false;
}

static __always_inline void core_preserved(const struct pt_regs *regs, struct gt_wire_stack *to)
{
	to->bp = to->bx = to->r12 = to->r13 = to->r14 = to->r15 = 0;
}

static __always_inline u64 core_thread_data(const struct task_struct *t)
{
	return 0;
}

enum core_nr {
	NR_FUTEX = 98,
	NR_RESTART = 128,
	NR_COMPAT_FUTEX = 240,
};

#endif

/* Numbers that every architecture and both tables share. */
enum {
	NR_COMPAT_FUTEX_TIME64 = 422,
	NR_FUTEX_WAITV = 449, /* 5.16 */
	NR_FUTEX_WAKE = 454,  /* 6.7, as the two below */
	NR_FUTEX_WAIT = 455,
	NR_FUTEX_REQUEUE = 456,
};

#endif
