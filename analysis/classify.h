/* SPDX-License-Identifier: MIT */
/*
 * What a switch-out means: the kernel's task state, the system call and the futex operation of a
 * record become one state of the model. Also which calls wake others, so that a wakeup that merely
 * ran on top of a thread (a timer's interrupt) is not taken for that thread's doing. docs/method.md
 * has the rules.
 */
#ifndef ANALYSIS_CLASSIFY_H
#define ANALYSIS_CLASSIFY_H

#include "model.h"

/* Futex operations without their flags, linux/futex.h. */
enum futex_command {
	FUTEX_CMD_WAIT = 0,
	FUTEX_CMD_WAKE = 1,
	FUTEX_CMD_REQUEUE = 3,
	FUTEX_CMD_CMP_REQUEUE = 4,
	FUTEX_CMD_WAKE_OP = 5,
	FUTEX_CMD_LOCK_PI = 6,
	FUTEX_CMD_UNLOCK_PI = 7,
	FUTEX_CMD_WAIT_BITSET = 9,
	FUTEX_CMD_WAKE_BITSET = 10,
	FUTEX_CMD_WAIT_REQUEUE_PI = 11,
	FUTEX_CMD_CMP_REQUEUE_PI = 12,
	FUTEX_CMD_LOCK_PI2 = 13,
};

#define FUTEX_PRIVATE 128
#define FUTEX_REALTIME 256

/* The command of an operation word, which comes with the private and the clock flag. */
static inline uint32_t futex_command(uint32_t op)
{
	return op & ~(uint32_t)(FUTEX_PRIVATE | FUTEX_REALTIME);
}

/* Does the operation block its caller until somebody wakes it? */
bool futex_op_waits(uint32_t op);
bool futex_op_wakes(uint32_t op);
/* Does it move waiters to another word, so that their waker's word is not the one they began to
 * wait on? */
bool futex_op_requeues(uint32_t op);

/* Whom a system call can wake. */
enum call_wakes {
	WAKES_NOBODY,
	WAKES_IO, /* whoever waits for data, a child, a vfork: not sleepers, not futex waiters */
	WAKES_SIGNAL,	/* anyone, by a signal */
	WAKES_EXIT,	/* the parent, joiners, waiters of robust locks */
	WAKES_EXIT_ALL, /* the same, and all threads of its process */
	WAKES_EXEC,	/* as WAKES_IO, and all threads of its process, which it ends */
	WAKES_FUTEX,	/* waiters on its word */
};

/* What a call that blocks interruptibly waits for, as far as its number tells. */
enum call_class {
	CALL_OTHER,
	CALL_IO,
	CALL_SLEEP,
	CALL_FORK,    /* vfork and the clones: the parent may wait for its child */
	CALL_RESTART, /* goes on with the call before an interruption */
};

#define CLASSIFY_CALLS 512 /* system call numbers from here on are unknown */

/* The tables of one machine: native calls and those of its 32-bit tasks. */
struct classifier {
	uint8_t class[2][CLASSIFY_CALLS]; /* enum call_class; [1]: GT_F_COMPAT */
	uint8_t wakes[2][CLASSIFY_CALLS]; /* enum call_wakes */
};

/* `arch` as uname -m has it; NULL or one that is not known has no calls, and every such block is
 * "other". */
void classifier_init(struct classifier *c, const char *arch);

enum call_class classify_call(const struct classifier *c, uint8_t flags, int32_t syscall);
enum call_wakes classify_wakes(const struct classifier *c, uint8_t flags, int32_t syscall);

/* What the thread brings to the question besides the record. */
struct classify_thread {
	bool kernel;	   /* its saved registers, and so call and futex, mean nothing */
	bool vfork_parent; /* has a vfork child that neither exec'd nor ended */
	enum state before; /* its last blocked state, for restart_syscall */
};

/*
 * The state that a GT_SWITCH's `task` enters, or the one that a GT_STATE's `task` was found in.
 * STATE_FUTEX is a futex wait, to be sorted by the caller; STATE_NONE is the end of the thread.
 */
enum state classify_switch_out(const struct classifier *c, const struct gt_event *ev,
			       const struct classify_thread *t);

#endif
