/* SPDX-License-Identifier: MIT */
#include "tracing.h"

#include <errno.h>
#include <unistd.h>

int tracing_try(enum bpf_attach_type attach, int id)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);
	int fd, err;

	if (id <= 0)
		return id ? id : -ENOENT;
	opts.attach_btf_id = id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "giltrace_probe", "GPL", insns, 2, &opts);
	err = errno;
	if (fd < 0)
		return -err;
	close(fd);
	return 0;
}
