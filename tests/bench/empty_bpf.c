/* SPDX-License-Identifier: MIT */
/*
 * The floor of any tracer: run a command while BPF programs that do nothing are attached to
 * sched_switch and sched_waking. Its exit status is the command's. Usage: empty_bpf COMMAND...
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* r0 = 0; exit: what a program that does nothing compiles to. */
static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
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
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing,
			     sizeof(nothing) / sizeof(nothing[0]), &opts);
	return prog < 0 ? prog : bpf_raw_tracepoint_open(NULL, prog);
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
	static const char *const tracepoints[] = { "sched_switch", "sched_waking" };

	if (argc < 2) {
		fputs("usage: empty_bpf COMMAND...\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(tracepoints[0]); i++) {
		int link = attach_nothing(tracepoints[i]);

		if (link < 0) {
			fprintf(stderr, "empty_bpf: %s: %s\n", tracepoints[i], strerror(-link));
			return 125;
		}
	}
	return run(argv + 1);
}
