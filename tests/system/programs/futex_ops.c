/* SPDX-License-Identifier: MIT */
/*
 * Futex calls of every kind, ARG times each (default 50), always the same calls with the same
 * results: for counting them in two ways. Ends with a wait that a signal interrupts, and one that a
 * stop does.
 */
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "small.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX2_WAKE 454
#define FUTEX2_WAIT 455
#define FUTEX2_REQUEUE 456
#define FUTEX2_SIZE_U32 2

static int words[8];

struct waiter {
	unsigned long long val, uaddr;
	unsigned int flags, reserved;
};

static void on_alarm(int signal)
{
}

static void wait_calls(void)
{
	struct timespec soon = { .tv_nsec = 1000 }, past = { .tv_sec = 1 };

	syscall(SYS_futex, &words[0], FUTEX_WAIT, 1, NULL, NULL, 0);	      /* EAGAIN */
	syscall(SYS_futex, &words[0], FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0); /* ETIMEDOUT */
	syscall(SYS_futex, &words[1], FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past,
		NULL, 1);
	syscall(SYS_futex, (int *)((char *)words + 1), FUTEX_WAIT, 0, NULL, NULL, 0); /* EINVAL */
	syscall(SYS_futex, NULL, FUTEX_WAIT, 0, NULL, NULL, 0);			      /* EFAULT */
}

static void wake_calls(void)
{
	syscall(SYS_futex, &words[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	syscall(SYS_futex, &words[2], FUTEX_WAKE_BITSET, 1, NULL, NULL, 1);
	syscall(SYS_futex, &words[2], FUTEX_REQUEUE, 1, (void *)1, &words[3], 0);
	syscall(SYS_futex, &words[2], FUTEX_CMP_REQUEUE, 1, (void *)1, &words[3], 7); /* EAGAIN */
	syscall(SYS_futex, &words[2], FUTEX_WAKE_OP, 1, (void *)1, &words[3],
		FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0));
	syscall(SYS_futex, &words[4], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	syscall(SYS_futex, &words[4], FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0); /* EDEADLK */
	syscall(SYS_futex, &words[4], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	syscall(SYS_futex, &words[5], 77, 0, NULL, NULL, 0); /* ENOSYS */
}

/* ENOSYS, not counted, on kernels that lack them. */
static void newer_calls(void)
{
	struct waiter w = { .val = 1, .uaddr = (unsigned long)&words[6], .flags = FUTEX2_SIZE_U32 };

	syscall(SYS_futex_waitv, &w, 1, 0, NULL, CLOCK_MONOTONIC); /* EAGAIN */
	syscall(FUTEX2_WAKE, &words[6], 1, 1, FUTEX2_SIZE_U32);
	syscall(FUTEX2_WAIT, &words[6], 1, 1, FUTEX2_SIZE_U32, NULL, CLOCK_MONOTONIC); /* EAGAIN */
	syscall(FUTEX2_REQUEUE, &w, 0, 1, 1);					       /* EINVAL */
}

/* A signal in a timed wait: it goes on as restart_syscall after a stop, and ends with EINTR after a
 * handler. */
static void interrupted_calls(void)
{
	struct itimerval once = { .it_value.tv_usec = 20000 };
	struct timespec later = { .tv_nsec = 60 * MS };

	setitimer(ITIMER_REAL, &once, NULL);
	syscall(SYS_futex, &words[7], FUTEX_WAIT, 0, NULL, NULL, 0);
	if (fork() == 0) {
		usleep(20000);
		kill(getppid(), SIGSTOP);
		kill(getppid(), SIGCONT);
		_exit(0);
	}
	syscall(SYS_futex, &words[7], FUTEX_WAIT, 0, &later, NULL, 0);
	wait(NULL);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	long times = number(argc, argv, 1, 50);

	sigaction(SIGALRM, &action, NULL);
	for (long i = 0; i < times; i++) {
		wait_calls();
		wake_calls();
		newer_calls();
	}
	interrupted_calls();
	return 0;
}
