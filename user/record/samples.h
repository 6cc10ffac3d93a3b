/* SPDX-License-Identifier: MIT */
/* The clocks that sample what runs: one on each CPU, ticking by time, idle CPUs left out. */
#ifndef USER_SAMPLES_H
#define USER_SAMPLES_H

#include <stdint.h>

struct bpf_program;
struct samples;

/* Run `program` every `period` ns on each of the first `ncpus` CPUs that is online. 0 or -errno. */
int samples_start(struct bpf_program *program, uint32_t ncpus, uint64_t period,
		  struct samples **out);

void samples_free(struct samples *s); /* stops them; NULL ok */

#endif
