/* SPDX-License-Identifier: MIT */
/* Does this kernel load a BPF program on one of its own functions or tracepoints? */
#ifndef USER_TRACING_H
#define USER_TRACING_H

#include <bpf/bpf.h>

/* Load a program that does nothing at what BTF has as `id`, and let go of it. 0 or -errno. */
int tracing_try(enum bpf_attach_type attach, int id);

#endif
