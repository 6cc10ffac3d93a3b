/* SPDX-License-Identifier: MIT */
/* What the files of probes share: probes.c has their life, probes_load.c how it begins,
 * probes_run.c runs programs, probes_drain.c empties the rings, probes_read.c reads totals. */
#ifndef USER_PROBES_PRIVATE_H
#define USER_PROBES_PRIVATE_H

#include "probes.h"

#include "giltrace.skel.h" /* takes its types from above */

struct probes {
	struct giltrace *skel;
	struct rings *rings;
	uint32_t ncpus;
	uint64_t unfinished; /* records, at the end */
	uint64_t mark;	     /* of the last drain */
	bool count_futex;    /* the programs for it are loaded */
	struct futex_exits *futex_exits;
	struct lock_probes *locks;
	struct samples *samples;
	struct ring_buffer *bell;
	bool started;
	probes_record record;
	void *record_ctx;
};

/* Load, size and attach what `config` asks for into `p->skel`, which is open. What fails is left to
 * probes_free(). 0 or -errno. */
int probes_load(struct probes *p, const struct probes_config *config);

/* Run a program that waits to be called, once; `flags` and `cpu` as for BPF_PROG_TEST_RUN. 0 or
 * -errno. */
int probes_run(const struct bpf_program *program, uint32_t flags, uint32_t cpu);

/* On every CPU that is online; one that is not has nothing to say. */
void probes_run_on_cpus(struct probes *p, const struct bpf_program *program);

/* Over all tasks of the machine; hands over records where there are many. 0 or -errno. */
int probes_run_iterator(struct probes *p, struct bpf_link *link);

#endif
