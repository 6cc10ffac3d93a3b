/* SPDX-License-Identifier: MIT */
/* Runs those of the kernel side's programs that nothing in the kernel calls: when giltrace says so,
 * on a CPU, on each, or for each task. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "lib/clock.h"
#include "probes_private.h"
#include "rings.h"

/*
 * An iterator stops where a ring has become half full, or after a million tasks, and goes on when
 * it is read again. If after so long a writer still holds up a ring, what finds no room there is
 * lost, and counted.
 */
#define ITERATOR_NS 500000000ull

int probes_run(const struct bpf_program *program, uint32_t flags, uint32_t cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = flags, .cpu = cpu);
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	return err ? err : (opts.retval ? -EINVAL : 0);
}

void probes_run_on_cpus(struct probes *p, const struct bpf_program *program)
{
	for (uint32_t cpu = 0; cpu < p->ncpus; cpu++)
		probes_run(program, BPF_F_TEST_RUN_ON_CPU, cpu);
}

int probes_run_iterator(struct probes *p, struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link)), err;
	uint64_t began = clock_monotonic(), whole;
	char none[64];
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		n = read(fd, none, sizeof(none));
		err = n < 0 ? -errno : 0;
		if (n == 0 || (err && err != -EAGAIN && err != -EINTR))
			break;
		if (err != -EAGAIN)
			continue;
		whole = p->mark;
		if (!rings_drain(p->rings, p->record, p->record_ctx, &whole))
			usleep(100);
		p->skel->bss->no_waiting = clock_monotonic() - began > ITERATOR_NS &&
					   rings_held(p->rings);
	}
	p->skel->bss->no_waiting = 0;
	close(fd);
	return err;
}
