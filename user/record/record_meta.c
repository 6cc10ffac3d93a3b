/* SPDX-License-Identifier: MIT */
/* What a trace says of its own recording: what was asked for, on what machine, what became of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "collect.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "machine.h"
#include "record_private.h"
#include "version.h"

static char **argv_copy(char **argv)
{
	size_t n = 0;
	char **copy;

	while (argv[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = strdup(argv[i]);
	return copy;
}

int record_meta_begin(struct recording *r)
{
	const struct record_request *q = r->request;
	struct gt_meta *m = &r->meta;

	m->giltrace = strdup(GILTRACE_VERSION);
	m->target = q->target;
	m->futex_calls = probes_count_futex(r->probes);
	m->futex_tax = probes_tax_calls(r->probes);
	m->lock_probes = q->probe_locks;
	m->no_usdt = !q->usdt;
	m->stacks = q->stacks;
	m->sample_hz = q->sample_hz;
	if (r->target) {
		m->command = argv_copy(q->command.argv);
		m->exe = strdup(target_path(r->target));
	}
	if (q->npids) {
		m->pids = calloc(q->npids, sizeof(*m->pids));
		if (!m->pids)
			return -ENOMEM;
		memcpy(m->pids, q->pids, q->npids * sizeof(*m->pids));
		m->npids = q->npids;
	}
	m->start = clock_monotonic();
	return machine_describe(m, record_process(r));
}

/* A process that ends at once takes a stack or two with it: worth a word where it is more than
 * that. */
static void stacks_told(const struct recording *r)
{
	uint64_t skipped = collect_skipped(r->collect), copied = r->meta.stack_counts.copied;

	if (skipped > copied / 100 + 2)
		log_info(
			"%" PRIu64 " of %" PRIu64
			" stacks were copied but not unwound; their time is in the report all the same",
			skipped, copied);
}

void record_meta_finish(struct recording *r)
{
	struct gt_meta *m = &r->meta;

	m->throttled = r->limits ? cgroup_limits_throttled(r->limits) : 0;
	m->exited = r->out->exited;
	m->exit_code = r->out->exit_code;
	m->exit_signal = r->out->exit_signal;
	if (probes_alive(r->probes))
		m->left_running = (uint32_t)probes_count_alive(r->probes);
	probes_read_meta(r->probes, m);
	stacks_told(r);
	m->stack_counts.skipped += collect_skipped(r->collect);
	m->overhead.collector_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	gt_writer_size(r->writer, &m->overhead.bytes, &m->overhead.records);
}
