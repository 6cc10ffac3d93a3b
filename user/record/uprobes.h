/* SPDX-License-Identifier: MIT */
/*
 * One BPF program on places in files, for every process that maps them. From 6.6 on all places of a
 * file hang on one link; before, each has a perf event, and the kernel lets go of these one by one.
 */
#ifndef USER_UPROBES_H
#define USER_UPROBES_H

#include <stdint.h>

struct bpf_program;
struct uprobes;

struct uprobes_place {
	uint64_t offset;    /* in the file */
	uint64_t semaphore; /* offset of a counter of tracers in the file; 0: none */
	uint64_t cookie;
	int err; /* 0, or -errno: why it is not probed */
};

/* Before `program` is loaded: for the way that this kernel offers. */
void uprobes_prepare(struct bpf_program *program);

struct uprobes *uprobes_new(const struct bpf_program *program); /* NULL: out of memory */

/*
 * Probe what can be probed of `n` places in the file open at `fd`, which need not stay open.
 * Returns how many are; each of the others says why.
 */
uint32_t uprobes_attach(struct uprobes *u, int fd, struct uprobes_place *places, uint32_t n);

/*
 * Lets go of all; takes the kernel some 30 ms for each link. Not to be cut short by the process's end:
 * what a dying thread was letting go of stays in place. NULL ok.
 */
void uprobes_free(struct uprobes *u);

#endif
