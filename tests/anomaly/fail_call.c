/* SPDX-License-Identifier: MIT */
/*
 * The kernel hands every system call of the list to a signal handler instead of making it (a
 * seccomp filter, which needs no root). The handler counts it, makes it itself from an address that
 * the filter lets through, or answers with an error.
 */
#include "fail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#if defined(__x86_64__)

static const long listed[] = {
	SYS_read,   SYS_pread64, SYS_write,	SYS_pwrite64, SYS_writev,   SYS_open,
	SYS_openat, SYS_openat2, SYS_close,	SYS_lseek,    SYS_fstat,    SYS_newfstatat,
	SYS_rename, SYS_renameat, SYS_renameat2, SYS_fsync,   SYS_unlinkat, SYS_fchown,
	SYS_ftruncate, SYS_getrandom, SYS_memfd_create,
};

#define LISTED (sizeof(listed) / sizeof(listed[0]))

static volatile struct {
	uint64_t count, nth;
	int error;
	bool counting;
	long called, fd;
} state = { .called = -1 };

/* The one place that may make them. */
__asm__(".text\n"
	".globl fail_raw, fail_raw_end\n"
	"fail_raw:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"fail_raw_end:\n"
	"	ret\n");
long fail_raw(long nr, long a, long b, long c, long d, long e, long f);
extern const char fail_raw_end[];

static bool is_write(long nr)
{
	return nr == SYS_write || nr == SYS_pwrite64;
}

static long inject(long nr, const greg_t *g)
{
	state.called = nr;
	state.fd = (long)g[REG_RDI];
	if (state.error == FAIL_SHORT && is_write(nr))
		return fail_raw(nr, (long)g[REG_RDI], (long)g[REG_RSI], ((long)g[REG_RDX] + 1) / 2,
				(long)g[REG_R10], 0, 0);
	if (nr == SYS_close) /* it is closed in any case, as the kernel does it */
		fail_raw(nr, (long)g[REG_RDI], 0, 0, 0, 0, 0);
	return state.error == FAIL_SHORT ? -EIO : -state.error;
}

static void on_call(int sig, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	long nr = info->si_syscall;

	if (state.counting && ++state.count == state.nth)
		g[REG_RAX] = inject(nr, g);
	else
		g[REG_RAX] = fail_raw(nr, (long)g[REG_RDI], (long)g[REG_RSI], (long)g[REG_RDX],
				      (long)g[REG_R10], (long)g[REG_R8], (long)g[REG_R9]);
}

#define FIELD(name) (uint32_t) offsetof(struct seccomp_data, name)

static bool filter(void)
{
	struct sock_filter f[LISTED + 16];
	uint64_t raw = (uintptr_t)fail_raw_end;
	unsigned short n = 0;
	struct sock_fprog prog = { .filter = f };

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(instruction_pointer));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)raw, 0, 3);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      FIELD(instruction_pointer) + 4);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(raw >> 32), 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr));
	for (size_t i = 0; i < LISTED; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)listed[i],
						      (uint8_t)(LISTED - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	prog.len = n;
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

bool fail_call(uint64_t nth, int error)
{
	struct sigaction act = { .sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER };

	state.nth = nth;
	state.error = error;
	if (sigaction(SIGSYS, &act, NULL) || !filter())
		return false;
	state.counting = true;
	return true;
}

#else

static struct {
	uint64_t count;
	bool counting;
	long called, fd;
} state = { .called = -1 };

bool fail_call(uint64_t nth, int error)
{
	return false;
}

#endif

void fail_calls_stop(void)
{
	state.counting = false;
}

uint64_t fail_calls(void)
{
	return state.count;
}

long fail_called(void)
{
	return state.called;
}

long fail_called_fd(void)
{
	return state.fd;
}
