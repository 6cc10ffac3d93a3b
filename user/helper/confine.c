/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include <seccomp.h>
#include <sys/capability.h>
#include <sys/resource.h>

/* Files of any owner, memory and mapped files of any process, addresses of the kernel's functions.
 */
static const cap_value_t kept[] = { CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE,
				    CAP_SYSLOG };

#define NKEPT (sizeof(kept) / sizeof(kept[0]))

/* What reading, unwinding and answering come to; the C library's own needs are in it. */
static const int allowed[] = {
	/* files and directories; opening them has a condition, below */
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(readv),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(stat),
	SCMP_SYS(fstat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(dup),
	SCMP_SYS(fcntl),
	SCMP_SYS(fadvise64),
	/* questions and answers */
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* memory: its own, and to read others' */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(process_vm_readv),
	/* time, deadlines, its own end */
	SCMP_SYS(alarm),
	SCMP_SYS(setitimer),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* asked by the C library and by libelf */
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
};

/* Opening with one of these writes, or makes a file. */
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int give_up_capabilities(void)
{
	cap_t caps = cap_init();
	cap_value_t has[NKEPT];
	cap_t now = cap_get_proc();
	int n = 0, err = caps ? 0 : -ENOMEM;

	/* What we were never given cannot be kept. */
	for (size_t i = 0; now && i < NKEPT; i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (!cap_get_flag(now, kept[i], CAP_PERMITTED, &set) && set == CAP_SET)
			has[n++] = kept[i];
	}
	if (!err && n &&
	    (cap_set_flag(caps, CAP_PERMITTED, n, has, CAP_SET) ||
	     cap_set_flag(caps, CAP_EFFECTIVE, n, has, CAP_SET)))
		err = -errno;
	if (!err && cap_set_proc(caps))
		err = -errno;
	cap_free(now);
	cap_free(caps);
	return err;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	/* Its own limits, and nobody else's. */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				       SCMP_A0(SCMP_CMP_EQ, 0));
	return err;
}

/* Loading a filter sets no_new_privs. EPERM rather than death: what nobody thought of costs an
 * answer, and not the worker. */
static int filter_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = ctx ? add_rules(ctx) : -ENOMEM;

	if (!err)
		err = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return err;
}

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	/* A lower limit that is already set stays. */
	if (!getrlimit(resource, &now) && now.rlim_max > value)
		setrlimit(resource, &(struct rlimit){ value, value });
}

void confine_memory(void)
{
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	limit(RLIMIT_AS, 2ull << 30);
	limit(RLIMIT_DATA, CONFINE_MEMORY);
#endif
}

int confine(void)
{
	int err = give_up_capabilities();

	return err ? err : filter_calls();
}
