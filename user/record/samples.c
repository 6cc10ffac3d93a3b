/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct samples {
	uint32_t n;
	struct bpf_link *links[];
};

/* The software clock: it is there on every machine, virtual ones too, and ticks by time as the
 * shares of time that are made of it do. */
static int open_clock(int cpu, uint64_t period)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period,
		.exclude_idle = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

int samples_start(struct bpf_program *program, uint32_t ncpus, uint64_t period,
		  struct samples **out)
{
	struct samples *s = calloc(1, sizeof(*s) + ncpus * sizeof(s->links[0]));
	int fd, err = s ? 0 : -ENOMEM;

	for (uint32_t cpu = 0; cpu < ncpus && !err; cpu++) {
		fd = open_clock((int)cpu, period);
		if (fd < 0) {
			err = errno == ENODEV || errno == ENXIO ? 0 : -errno; /* offline */
			continue;
		}
		s->links[s->n] = bpf_program__attach_perf_event(program, fd);
		if (s->links[s->n]) {
			s->n++;
		} else {
			err = -errno;
			close(fd);
		}
	}
	if (!err && !s->n)
		err = -ENODEV;
	if (err) {
		samples_free(s);
		return err;
	}
	*out = s;
	return 0;
}

void samples_free(struct samples *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n; i++)
		bpf_link__destroy(s->links[i]); /* closes the clock too */
	free(s);
}
