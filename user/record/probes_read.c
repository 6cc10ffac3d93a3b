/* SPDX-License-Identifier: MIT */
/* What the kernel side has counted, read at the end: futex calls, losses, stacks, and its own cost.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "futex_exits.h"
#include "probes_private.h"

int probes_read_futex(struct probes *p, probes_futex futex, void *ctx)
{
	int fd = bpf_map__fd(p->skel->maps.futex_calls), err = 0;
	struct gt_wire_futex_key key, next;
	uint64_t count;

	for (void *from = NULL; !bpf_map_get_next_key(fd, from, &next); from = &key) {
		key = next;
		if (!bpf_map_lookup_elem(fd, &key, &count)) {
			err = futex(ctx, &key, count);
			if (err)
				return err;
		}
	}
	return 0;
}

void probes_read_meta(struct probes *p, struct gt_meta *meta)
{
	struct bpf_program *program;

	for (int i = 0; i < GT_LOSS_COUNT; i++)
		meta->losses[i] = p->skel->bss->losses[i];
	meta->losses[GT_LOSS_UNFINISHED] += p->unfinished;
	meta->losses[GT_LOSS_FUTEX_SKIPPED] += futex_exits_skipped(p->skel->obj);
	meta->repaired = p->skel->bss->repaired;
	meta->stack_counts.copied = meta->stack_counts.known = meta->stack_counts.skipped = 0;
	for (uint32_t cpu = 0; cpu < p->ncpus; cpu++) {
		const struct gt_wire_stack_counts *n = (void *)p->skel->bss->stack_cpus[cpu];

		meta->stack_counts.copied += n->copied;
		meta->stack_counts.known += n->known;
		meta->stack_counts.skipped += n->skipped;
	}
	meta->overhead.bpf_ns = meta->overhead.bpf_runs = meta->overhead.bpf_misses = 0;
	bpf_object__for_each_program(program, p->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_program__fd(program) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			continue;
		meta->overhead.bpf_ns += info.run_time_ns;
		meta->overhead.bpf_runs += info.run_cnt;
		meta->overhead.bpf_misses += info.recursion_misses;
	}
}
