/* SPDX-License-Identifier: MIT */
#include "classify.h"

#include <string.h>

/* Bits of the kernel's task state, include/linux/sched.h from 5.15 on. */
enum task_state {
	TASK_INTERRUPTIBLE = 0x1,
	TASK_UNINTERRUPTIBLE = 0x2,
	TASK_STOPPED = 0x4,
	TASK_TRACED = 0x8,
	TASK_PARKED = 0x40,
	TASK_DEAD = 0x80,
	TASK_NOLOAD = 0x400,	   /* with UNINTERRUPTIBLE: a kernel thread that waits for work */
	TASK_RTLOCK_WAIT = 0x1000, /* PREEMPT_RT: a spinlock that sleeps */
	TASK_FROZEN = 0x8000,	   /* 6.1 */
};

enum call_table { TABLE_X86_64, TABLE_I386, TABLE_ARM64, TABLE_COUNT };

/*
 * System calls that block or wake, by their numbers on x86-64, i386 and arm64; -1: there is no such
 * call. All others are CALL_OTHER and wake nobody.
 */
static const struct call_row {
	int16_t nr[TABLE_COUNT];
	uint8_t class, wakes;
} calls[] = {
	/* Data in and out. A reader wakes writers of a full pipe, so reading wakes too. */
	{ { 0, 3, 63 }, CALL_IO, WAKES_IO },	      /* read */
	{ { 19, 145, 65 }, CALL_IO, WAKES_IO },	      /* readv */
	{ { 17, 180, 67 }, CALL_IO, WAKES_IO },	      /* pread64 */
	{ { 295, 333, 69 }, CALL_IO, WAKES_IO },      /* preadv */
	{ { 327, 378, 286 }, CALL_IO, WAKES_IO },     /* preadv2 */
	{ { 45, 371, 207 }, CALL_IO, WAKES_IO },      /* recvfrom */
	{ { 47, 372, 212 }, CALL_IO, WAKES_IO },      /* recvmsg */
	{ { 299, 337, 243 }, CALL_IO, WAKES_IO },     /* recvmmsg */
	{ { -1, 417, 417 }, CALL_IO, WAKES_IO },      /* recvmmsg_time64 */
	{ { 1, 4, 64 }, CALL_IO, WAKES_IO },	      /* write */
	{ { 20, 146, 66 }, CALL_IO, WAKES_IO },	      /* writev */
	{ { 18, 181, 68 }, CALL_IO, WAKES_IO },	      /* pwrite64 */
	{ { 296, 334, 70 }, CALL_IO, WAKES_IO },      /* pwritev */
	{ { 328, 379, 287 }, CALL_IO, WAKES_IO },     /* pwritev2 */
	{ { 44, 369, 206 }, CALL_IO, WAKES_IO },      /* sendto */
	{ { 46, 370, 211 }, CALL_IO, WAKES_IO },      /* sendmsg */
	{ { 307, 345, 269 }, CALL_IO, WAKES_IO },     /* sendmmsg */
	{ { 40, 187, 71 }, CALL_IO, WAKES_IO },	      /* sendfile */
	{ { -1, 239, -1 }, CALL_IO, WAKES_IO },	      /* sendfile64 */
	{ { 275, 313, 76 }, CALL_IO, WAKES_IO },      /* splice */
	{ { 276, 315, 77 }, CALL_IO, WAKES_IO },      /* tee */
	{ { 278, 316, 75 }, CALL_IO, WAKES_IO },      /* vmsplice */
	{ { 43, -1, 202 }, CALL_IO, WAKES_IO },	      /* accept */
	{ { 288, 364, 242 }, CALL_IO, WAKES_IO },     /* accept4 */
	{ { 42, 362, 203 }, CALL_IO, WAKES_IO },      /* connect */
	{ { 426, 426, 426 }, CALL_IO, WAKES_IO },     /* io_uring_enter */
	{ { 209, 248, 2 }, CALL_IO, WAKES_IO },	      /* io_submit */
	{ { -1, 102, -1 }, CALL_IO, WAKES_IO },	      /* socketcall */
	{ { 69, 400, 189 }, CALL_IO, WAKES_IO },      /* msgsnd */
	{ { 70, 401, 188 }, CALL_IO, WAKES_IO },      /* msgrcv */
	{ { -1, 117, -1 }, CALL_IO, WAKES_IO },	      /* ipc */
	{ { 242, 279, 182 }, CALL_IO, WAKES_IO },     /* mq_timedsend */
	{ { 243, 280, 183 }, CALL_IO, WAKES_IO },     /* mq_timedreceive */
	{ { -1, 418, 418 }, CALL_IO, WAKES_IO },      /* mq_timedsend_time64 */
	{ { -1, 419, 419 }, CALL_IO, WAKES_IO },      /* mq_timedreceive_time64 */
	{ { 7, 168, -1 }, CALL_IO, WAKES_NOBODY },    /* poll */
	{ { 271, 309, 73 }, CALL_IO, WAKES_NOBODY },  /* ppoll */
	{ { -1, 414, 414 }, CALL_IO, WAKES_NOBODY },  /* ppoll_time64 */
	{ { 23, 82, -1 }, CALL_IO, WAKES_NOBODY },    /* select */
	{ { -1, 142, -1 }, CALL_IO, WAKES_NOBODY },   /* _newselect */
	{ { 270, 308, 72 }, CALL_IO, WAKES_NOBODY },  /* pselect6 */
	{ { -1, 413, 413 }, CALL_IO, WAKES_NOBODY },  /* pselect6_time64 */
	{ { 232, 256, -1 }, CALL_IO, WAKES_NOBODY },  /* epoll_wait */
	{ { 281, 319, 22 }, CALL_IO, WAKES_NOBODY },  /* epoll_pwait */
	{ { 441, 441, 441 }, CALL_IO, WAKES_NOBODY }, /* epoll_pwait2 */
	{ { 208, 247, 4 }, CALL_IO, WAKES_NOBODY },   /* io_getevents */
	{ { 333, 385, 292 }, CALL_IO, WAKES_NOBODY }, /* io_pgetevents */
	{ { -1, 416, 416 }, CALL_IO, WAKES_NOBODY },  /* io_pgetevents_time64 */
	/* Asked to sleep. */
	{ { 35, 162, 101 }, CALL_SLEEP, WAKES_NOBODY },	 /* nanosleep */
	{ { 230, 267, 115 }, CALL_SLEEP, WAKES_NOBODY }, /* clock_nanosleep */
	{ { -1, 407, 407 }, CALL_SLEEP, WAKES_NOBODY },	 /* clock_nanosleep_time64 */
	{ { 219, 0, 128 }, CALL_RESTART, WAKES_NOBODY }, /* restart_syscall */
	/* A parent may wait in these; a child that execs or ends releases it. */
	{ { 58, 190, -1 }, CALL_FORK, WAKES_NOBODY },	/* vfork */
	{ { 56, 120, 220 }, CALL_FORK, WAKES_NOBODY },	/* clone */
	{ { 435, 435, 435 }, CALL_FORK, WAKES_NOBODY }, /* clone3 */
	{ { 59, 11, 221 }, CALL_OTHER, WAKES_EXEC },	/* execve */
	{ { 322, 358, 281 }, CALL_OTHER, WAKES_EXEC },	/* execveat */
	{ { 60, 1, 93 }, CALL_OTHER, WAKES_EXIT },	/* exit */
	{ { 231, 252, 94 }, CALL_OTHER, WAKES_EXIT_ALL },	/* exit_group */
	/* Others that wake: signals, closed ends of pipes and sockets, semaphores, tracers. */
	{ { 62, 37, 129 }, CALL_OTHER, WAKES_SIGNAL },	 /* kill */
	{ { 200, 238, 130 }, CALL_OTHER, WAKES_SIGNAL }, /* tkill */
	{ { 234, 270, 131 }, CALL_OTHER, WAKES_SIGNAL }, /* tgkill */
	{ { 129, 178, 138 }, CALL_OTHER, WAKES_SIGNAL }, /* rt_sigqueueinfo */
	{ { 297, 335, 240 }, CALL_OTHER, WAKES_SIGNAL }, /* rt_tgsigqueueinfo */
	{ { 424, 424, 424 }, CALL_OTHER, WAKES_SIGNAL }, /* pidfd_send_signal */
	{ { 3, 6, 57 }, CALL_OTHER, WAKES_IO },		 /* close */
	{ { 436, 436, 436 }, CALL_OTHER, WAKES_IO },	 /* close_range */
	{ { 48, 373, 210 }, CALL_OTHER, WAKES_IO },	 /* shutdown */
	{ { 33, 63, -1 }, CALL_OTHER, WAKES_IO },	 /* dup2 */
	{ { 292, 330, 24 }, CALL_OTHER, WAKES_IO },	 /* dup3 */
	{ { 233, 255, 21 }, CALL_OTHER, WAKES_IO },	 /* epoll_ctl */
	{ { 65, -1, 193 }, CALL_OTHER, WAKES_IO },	 /* semop */
	{ { 220, -1, 192 }, CALL_OTHER, WAKES_IO },	 /* semtimedop */
	{ { -1, 420, 420 }, CALL_OTHER, WAKES_IO },	 /* semtimedop_time64 */
	{ { 101, 26, 117 }, CALL_OTHER, WAKES_IO },	 /* ptrace */
	{ { 202, 240, 98 }, CALL_OTHER, WAKES_FUTEX },	 /* futex */
	{ { -1, 422, 422 }, CALL_OTHER, WAKES_FUTEX },	 /* futex_time64 */
	{ { 454, 454, 454 }, CALL_OTHER, WAKES_FUTEX },	 /* futex_wake */
	{ { 456, 456, 456 }, CALL_OTHER, WAKES_FUTEX },	 /* futex_requeue */
};

static const struct {
	const char *arch;
	int native, compat; /* enum call_table; -1: no table */
} arches[] = {
	{ "x86_64", TABLE_X86_64, TABLE_I386 },
	{ "i686", TABLE_I386, TABLE_I386 },
	{ "i386", TABLE_I386, TABLE_I386 },
	{ "aarch64", TABLE_ARM64, -1 },
};

#define ROWS(a) (sizeof(a) / sizeof((a)[0]))

static void fill(uint8_t *class, uint8_t *wakes, int table)
{
	for (size_t i = 0; table >= 0 && i < ROWS(calls); i++) {
		int nr = calls[i].nr[table];

		if (nr < 0)
			continue;
		class[nr] = calls[i].class;
		wakes[nr] = calls[i].wakes;
	}
}

void classifier_init(struct classifier *c, const char *arch)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; arch && i < ROWS(arches); i++) {
		if (strcmp(arch, arches[i].arch))
			continue;
		fill(c->class[0], c -> wakes[0], arches[i].native);
		fill(c->class[1], c -> wakes[1], arches[i].compat);
	}
}

enum call_class classify_call(const struct classifier *c, uint8_t flags, int32_t syscall)
{
	if (syscall < 0 || syscall >= CLASSIFY_CALLS)
		return CALL_OTHER;
	return c->class[!!(flags & GT_F_COMPAT)][syscall];
}

enum call_wakes classify_wakes(const struct classifier *c, uint8_t flags, int32_t syscall)
{
	if (syscall < 0 || syscall >= CLASSIFY_CALLS)
		return WAKES_NOBODY;
	return c->wakes[!!(flags & GT_F_COMPAT)][syscall];
}

#define OP(cmd) (1U << FUTEX_CMD_##cmd)

static bool in_set(uint32_t op, uint32_t set)
{
	uint32_t command = futex_command(op);

	return command < 32 && set & 1U << command;
}

bool futex_op_waits(uint32_t op)
{
	return in_set(op, OP(WAIT) | OP(WAIT_BITSET) | OP(LOCK_PI) | OP(LOCK_PI2) |
				  OP(WAIT_REQUEUE_PI));
}

bool futex_op_wakes(uint32_t op)
{
	return in_set(op, OP(WAKE) | OP(WAKE_BITSET) | OP(WAKE_OP) | OP(UNLOCK_PI) | OP(REQUEUE) |
				  OP(CMP_REQUEUE) | OP(CMP_REQUEUE_PI));
}

bool futex_op_requeues(uint32_t op)
{
	return in_set(op, OP(REQUEUE) | OP(CMP_REQUEUE) | OP(CMP_REQUEUE_PI));
}

static enum state uninterruptible(enum call_class class, const struct gt_event *ev,
				  const struct classify_thread *t)
{
	if (ev->flags & GT_F_IOWAIT)
		return STATE_IO;
	if (ev->state & TASK_NOLOAD || (t->vfork_parent && class == CALL_FORK))
		return STATE_OTHER;
	return STATE_KERNEL_LOCK;
}

/*
 * The order is the rule; each line was found wrong when tested later. A preempted task may have any
 * state set, one stopped inside a futex wait still has the futex's call and registers.
 */
enum state classify_switch_out(const struct classifier *c, const struct gt_event *ev,
			       const struct classify_thread *t)
{
	enum call_class class = t->kernel ? CALL_OTHER : classify_call(c, ev->flags, ev->syscall);

	if (ev->flags & GT_F_PREEMPTED || ev->state == 0)
		return STATE_RUNNABLE;
	if (ev->state & TASK_DEAD)
		return STATE_NONE;
	if (ev->state & (TASK_STOPPED | TASK_TRACED | TASK_FROZEN | TASK_PARKED))
		return STATE_OTHER;
	if (ev->state & (TASK_UNINTERRUPTIBLE | TASK_RTLOCK_WAIT))
		return uninterruptible(class, ev, t);
	if (!t->kernel && ev->state & TASK_INTERRUPTIBLE && ev->flags & GT_F_FUTEX &&
	    futex_op_waits(ev->op))
		return STATE_FUTEX;
	switch (class) {
	case CALL_RESTART:
		return t->before == STATE_NONE ? STATE_OTHER : t->before;
	case CALL_IO:
		return STATE_IO;
	case CALL_SLEEP:
		return STATE_SLEEP;
	default:
		return STATE_OTHER;
	}
}
