/* SPDX-License-Identifier: MIT */
/* One BPF program on the exits of the futex system calls. */
#ifndef USER_FUTEX_EXITS_H
#define USER_FUTEX_EXITS_H

struct bpf_program;
struct futex_exits;

/*
 * Attach. 0 or -errno; what was attached before a failure is let go of. Tracepoints want tracefs, which
 * CAP_BPF and CAP_PERFMON alone do not open.
 */
int futex_exits_attach(const struct bpf_program *program, struct futex_exits **out);

/* Let go; the kernel takes a grace period, some 80 ms, for each of the tracepoints. NULL ok. */
void futex_exits_free(struct futex_exits *f);

#endif
