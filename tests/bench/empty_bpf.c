/* SPDX-License-Identifier: MIT */
/*
 * The floor of any tracer: run a command while BPF programs that do nothing are attached to the
 * tracepoints that giltrace uses; with -f to those at the end of futex calls too. Its exit status
 * is the command's. Usage: empty_bpf [-f] COMMAND...
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/record/tracefs.h"

/* r0 = 0; exit: what a program that does nothing compiles to. */
static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

#define NOTHING_LEN (sizeof(nothing) / sizeof(nothing[0]))

/* Those of bpf/sched.bpf.c and bpf/life.bpf.c. */
static const char *const tracepoints[] = {
	"sched_switch", "sched_waking",	      "task_newtask",	    "sched_process_exec",
	"task_rename",	"sched_process_exit", "sched_process_free",
};

/* Those of user/record/futex_exits.c; a kernel may lack all but the first. */
static const char *const exits[] = {
	"sys_exit_futex",      "sys_exit_restart_syscall", "sys_exit_futex_waitv",
	"sys_exit_futex_wait", "sys_exit_futex_wake",	   "sys_exit_futex_requeue",
};

/* The link's descriptor, or -errno. It detaches when the process ends. */
static int attach_nothing(const char *tracepoint)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id, prog;

	id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	if (id < 0)
		return id;
	opts.attach_btf_id = id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing, NOTHING_LEN, &opts);
	return prog < 0 ? prog : bpf_raw_tracepoint_open(NULL, prog);
}

static int attach_exit(int tracefs, int prog, const char *event)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	int id = tracefs_event_id(tracefs, "syscalls", event), fd;

	if (id < 0)
		return id;
	attr.config = (uint64_t)id;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return fd;
}

static int attach_exits(void)
{
	int tracefs = tracefs_open(), prog, err;

	if (tracefs < 0)
		return tracefs;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "nothing", "GPL", nothing, NOTHING_LEN,
			     NULL);
	if (prog < 0)
		return prog;
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		err = attach_exit(tracefs, prog, exits[i]);
		if (err < 0 && (err != -ENOENT || i == 0))
			return err;
	}
	return 0;
}

static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return 125;
	if (!pid) {
		execvp(command[0], command);
		fprintf(stderr, "empty_bpf: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int futex = argc > 1 && !strcmp(argv[1], "-f"), err;

	if (argc < 2 + futex) {
		fputs("usage: empty_bpf [-f] COMMAND...\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(tracepoints[0]); i++) {
		err = attach_nothing(tracepoints[i]);
		if (err < 0) {
			fprintf(stderr, "empty_bpf: %s: %s\n", tracepoints[i], strerror(-err));
			return 125;
		}
	}
	err = futex ? attach_exits() : 0;
	if (err) {
		fprintf(stderr, "empty_bpf: futex exits: %s\n", strerror(-err));
		return 125;
	}
	return run(argv + 1 + futex);
}
