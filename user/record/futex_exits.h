/* SPDX-License-Identifier: MIT */
/*
 * BPF programs on the exits of the futex system calls, in one of two ways: one program for each
 * call, on the return of the kernel's function for it (fexit), which no other system call notices;
 * or one program for all, on tracepoints, which slow down every system call of the machine.
 */
#ifndef USER_FUTEX_EXITS_H
#define USER_FUTEX_EXITS_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_object;
struct btf;
struct futex_exits;

/*
 * Can the first way be gone here? 0; -EOPNOTSUPP when the function tracer is switched off
 * (kernel.ftrace_enabled: programs would be attached, and never run); else why not, -errno.
 */
int futex_exits_probe(const struct btf *kernel);

/*
 * Before load: have the programs loaded that may be wanted; those for tracepoints where
 * `tracepoints` allows these. False when nothing can be counted.
 */
bool futex_exits_prepare(struct bpf_object *object, const struct btf *kernel, bool tracepoints);

/*
 * Attach. 0 or -errno; what was attached before a failure is let go of. Tracepoints want tracefs,
 * which CAP_BPF and CAP_PERFMON alone do not open.
 */
int futex_exits_attach(const struct bpf_object *object, struct futex_exits **out);

/* Does every system call pay? NULL: no. */
bool futex_exits_on_tracepoints(const struct futex_exits *f);

/*
 * How many calls the kernel did not run the programs for, so that they are not in the counts: at
 * most, since calls of processes that are not traced are among them.
 */
uint64_t futex_exits_skipped(const struct bpf_object *object);

/* Let go; the kernel takes a grace period, some 80 ms, for each of the tracepoints. NULL ok. */
void futex_exits_free(struct futex_exits *f);

#endif
