/* SPDX-License-Identifier: MIT */
/* How the kernel side begins: which programs are loaded, how large their tables and rings are, and
 * what they are put on. Nothing is recorded yet. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "futex_exits.h"
#include "lib/log.h"
#include "lock_probes.h"
#include "probes_private.h"
#include "rings.h"
#include "samples.h"
#include "uprobes.h"
#include "user/tables.h"

/* Enough for a quarter of a second of the worst switch storm measured; scaled down on very large
 * machines. */
#define RING_DEFAULT (4u << 20)
#define RINGS_TOTAL (1ull << 30)

/* sched_switch has passed the task's state as fourth argument since 5.18: (void *, preempt, prev,
 * next, state). */
static bool has_prev_state(const struct btf *btf)
{
	const struct btf_type *type;
	int id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	type = type ? btf__type_by_id(btf, type->type) : NULL; /* pointer to … */
	type = type ? btf__type_by_id(btf, type->type) : NULL; /* … the function */
	return type && btf_is_func_proto(type) && btf_vlen(type) >= 5;
}

static size_t ring_size(const struct probes_config *config, uint32_t ncpus)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = config->ring_bytes, power = page;

	if (!size) {
		size = RING_DEFAULT;
		while (size > 64 * page && size * ncpus > RINGS_TOTAL)
			size /= 2;
	}
	while (power < size)
		power *= 2;
	return power;
}

static int left_out(struct probes *p, const struct probes_config *config)
{
	int fd = bpf_map__fd(p->skel->maps.targets);
	uint32_t wish = GT_WISH_LEAVE_OUT;

	for (size_t i = 0; i < config->nleft_out; i++)
		if (bpf_map_update_elem(fd, &config->left_out[i], &wish, BPF_ANY))
			return -errno;
	return 0;
}

static int on_bell(void *ctx, void *data, size_t size)
{
	return 0;
}

/* What goes with stacks and samples, before and after load. */
static int stacks_describe(struct probes *p, const struct probes_config *config)
{
	struct giltrace *skel = p->skel;

	bpf_program__set_autoload(skel->progs.on_sample, config->stacks & GT_STACKS_ONCPU);
	if (config->stacks)
		return 0;
	bpf_map__set_max_entries(skel->maps.pythons, 1);
	return bpf_map__set_max_entries(skel->maps.stacks_known, 1);
}

static int stacks_attach(struct probes *p, const struct probes_config *config)
{
	int err;

	p->bell = ring_buffer__new(bpf_map__fd(p->skel->maps.stack_bell), on_bell, NULL, NULL);
	if (!p->bell)
		return -errno;
	if (!(config->stacks & GT_STACKS_ONCPU))
		return 0;
	err = samples_start(p->skel->progs.on_sample, p->ncpus, p->skel->rodata->config.sample_ns,
			    &p->samples);
	if (err)
		log_warn("nothing is sampled: no clock to sample by: %s", strerror(-err));
	return 0;
}

/* --table */
static int tables_describe(struct giltrace *skel, const uint32_t *entries)
{
	struct bpf_map *const tables[TABLES] = {
		[TABLE_TARGETS] = skel->maps.targets,
		[TABLE_FOUND_IDS] = skel->maps.found_ids,
		[TABLE_FUTEX_CALLS] = skel->maps.futex_calls,
		[TABLE_STACKS_KNOWN] = skel->maps.stacks_known,
		[TABLE_PYTHONS] = skel->maps.pythons,
	};
	int err = 0;

	for (int i = 0; i < TABLES && !err; i++)
		if (entries[i])
			err = bpf_map__set_max_entries(tables[i], entries[i]);
	return err;
}

/* Whether futex calls are counted, and how, before load. */
static void futex_describe(struct probes *p, const struct probes_config *config,
			   const struct btf *kernel)
{
	p->count_futex =
		config->count_futex != PROBES_COUNT_NO &&
		futex_exits_prepare(p->skel->obj, kernel, config->count_futex == PROBES_COUNT_YES);
	if (!p->count_futex)
		bpf_program__set_autoload(p->skel->progs.on_futex_exit, false);
}

static void futex_attach(struct probes *p, const struct probes_config *config)
{
	int err = p->count_futex ? futex_exits_attach(p->skel->obj, &p->futex_exits) : 0;

	if (err && config->count_futex == PROBES_COUNT_YES)
		log_warn("futex calls are not counted: no tracepoints of system calls: %s",
			 strerror(-err));
}

int probes_load(struct probes *p, const struct probes_config *config)
{
	size_t size = ring_size(config, p->ncpus);
	struct btf *kernel = btf__load_vmlinux_btf();
	struct giltrace *skel = p->skel;
	int err, like;

	skel->rodata->config = (struct gt_wire_config){
		.nr_cpus = p->ncpus,
		.mask_words = (p->ncpus + 63) / 64 < GT_MASK_WORDS ? (p->ncpus + 63) / 64
								   : GT_MASK_WORDS,
		.trace_all = config->trace_all,
		.has_prev_state = has_prev_state(kernel),
		.stacks = config->stacks,
		.sample_ns = config->sample_hz ? 1000000000u / config->sample_hz : 0,
	};
	futex_describe(p, config, kernel);
	btf__free(kernel);
	bpf_program__set_autoload(skel->progs.on_lock, config->lock_probes);
	if (config->lock_probes)
		uprobes_prepare(skel->progs.on_lock);
	err = rings_describe(skel->maps.rings, p->ncpus, size, &like);
	if (!err)
		err = stacks_describe(p, config);
	if (!err)
		err = tables_describe(skel, config->tables);
	if (!err)
		err = giltrace__load(skel);
	if (like >= 0)
		close(like);
	if (!err)
		err = rings_new(skel->maps.rings, skel->maps.spare, p->ncpus, size, &p->rings);
	if (!err)
		err = left_out(p, config);
	if (!err)
		err = giltrace__attach(skel);
	if (!err)
		err = probes_run(skel->progs.learn_namespace, 0, 0);
	if (!err && config->stacks)
		err = stacks_attach(p, config);
	if (!err) {
		futex_attach(p, config);
		p->locks = lock_probes_new(skel->progs.on_lock, skel->maps.lock_sites);
		err = p->locks ? 0 : -ENOMEM;
	}
	return err;
}
