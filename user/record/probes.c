/* SPDX-License-Identifier: MIT */
/* The life of the kernel side: the skeleton, its rings, and the programs that open and close the
 * books. */
#include "probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/features.h"
#include "user/tables.h"
#include "futex_exits.h"
#include "giltrace.skel.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lock_probes.h"
#include "rings.h"
#include "samples.h"
#include "uprobes.h"

/* Enough for a quarter of a second of the worst switch storm measured; scaled down on very large
 * machines. */
#define RING_DEFAULT (4u << 20)
#define RINGS_TOTAL (1ull << 30)

/*
 * A record takes its time before it takes its place in the ring. This much earlier than the begin
 * of a drain, every record has been handed over, unless the CPU was held up in between even longer
 * (the reader counts those).
 */
#define MARK_GUARD_NS 10000000ull

/* How long those who were held up half-way through a record are waited for, at the end. */
#define UNFINISHED_MS 500

/* On more CPUs than this, asking each before every drain would cost more than it could mend. */
#define LOOK_CPUS_MAX 64

/* How often a CPU that could not hand over what it had collected is asked again in one drain. */
#define LOOK_TRIES 3

struct probes {
	struct giltrace *skel;
	struct rings *rings;
	uint32_t ncpus;
	uint64_t unfinished; /* records, at the end */
	uint64_t mark;	     /* of the last drain */
	bool count_futex; /* the programs for it are loaded */
	struct futex_exits *futex_exits;
	struct lock_probes *locks;
	struct samples *samples;
	struct ring_buffer *bell;
	bool started;
	probes_record record;
	void *record_ctx;
};

static int probes_libbpf_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *text, *line, *rest = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return 0;
	/* libbpf's own words rarely help a user; -v shows them. */
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_debug("%s", line);
	free(text);
	return 0;
}

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

static int run_program(const struct bpf_program *program, uint32_t flags, uint32_t cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = flags, .cpu = cpu);
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	return err ? err : (opts.retval ? -EINVAL : 0);
}

/* On every CPU that is online; one that is not has nothing to say. */
static void run_on_cpus(struct probes *p, const struct bpf_program *program)
{
	for (uint32_t cpu = 0; cpu < p->ncpus; cpu++)
		run_program(program, BPF_F_TEST_RUN_ON_CPU, cpu);
}

/*
 * An iterator stops where a ring has become half full, or after a million tasks, and goes on when it is read again.
 * If after so long a writer still holds up a ring, what finds no room there is lost, and counted.
 */
#define ITERATOR_NS 500000000ull

static int run_iterator(struct probes *p, struct bpf_link *link)
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
	p->count_futex = config->count_futex != PROBES_COUNT_NO &&
			 futex_exits_prepare(p->skel->obj, kernel,
					     config->count_futex == PROBES_COUNT_YES);
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

static int skeleton_load(struct probes *p, const struct probes_config *config, size_t size)
{
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
		err = run_program(skel->progs.learn_namespace, 0, 0);
	if (!err && config->stacks)
		err = stacks_attach(p, config);
	if (!err) {
		futex_attach(p, config);
		p->locks = lock_probes_new(skel->progs.on_lock, skel->maps.lock_sites);
		err = p->locks ? 0 : -ENOMEM;
	}
	return err;
}

int probes_prepare(const struct probes_config *config, struct probes **out)
{
	struct probes *p = calloc(1, sizeof(*p));
	int n, err = -ENOMEM;

	*out = NULL;
	if (!p)
		return -ENOMEM;
	libbpf_set_print(probes_libbpf_print);
	n = libbpf_num_possible_cpus();
	p->ncpus = n > 0 ? (uint32_t)n : 1;
	if (p->ncpus > GT_MAX_CPUS)
		p->ncpus = GT_MAX_CPUS;
	p->skel = giltrace__open();
	if (p->skel)
		err = skeleton_load(p, config, ring_size(config, p->ncpus));
	else
		err = -errno;
	if (err) {
		features_explain_load_failure(err);
		probes_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void probes_listen(struct probes *p, probes_record record, void *ctx)
{
	p->record = record;
	p->record_ctx = ctx;
}

int probes_start(struct probes *p, const pid_t *pids, size_t npids)
{
	int fd = bpf_map__fd(p->skel->maps.targets), err = 0;
	uint32_t wish = GT_WISH_TRACE, before;

	for (size_t i = 0; i < npids; i++)
		if (bpf_map_update_elem(fd, &pids[i], &wish, BPF_ANY))
			return -errno;
	/* Until a whole round finds nobody new: a child may come before its parent. */
	do {
		before = p->skel->bss->found;
		err = run_iterator(p, p->skel->links.find_tasks);
	} while (!err && p->skel->bss->found != before);
	if (err)
		return err;
	/* From here on changes are recorded; what was so before them is told by the snapshots. */
	__atomic_store_n(&p->skel->bss->enabled, 1, __ATOMIC_SEQ_CST);
	p->started = true;
	run_on_cpus(p, p->skel->progs.open_cpu);
	return run_iterator(p, p->skel->links.open_tasks);
}

bool probes_count_futex(const struct probes *p)
{
	return p->futex_exits;
}

bool probes_tax_calls(const struct probes *p)
{
	return futex_exits_on_tracepoints(p->futex_exits);
}

struct lock_probes *probes_locks(const struct probes *p)
{
	return p->locks;
}

uint32_t probes_found(const struct probes *p)
{
	return p->skel->bss->found;
}

uint64_t probes_alive(const struct probes *p)
{
	return __atomic_load_n(&p->skel->bss->alive, __ATOMIC_RELAXED);
}

static struct gt_wire_collected *collected(const struct probes *p, uint32_t cpu)
{
	return (void *)p->skel->bss->batches[cpu];
}

static bool has_collected(const struct probes *p, uint32_t cpu)
{
	return __atomic_load_n(&collected(p, cpu)->used, __ATOMIC_RELAXED);
}

/* From a CPU that can't be asked, but does not write either: it is offline, or all is over. */
static int take_over(struct probes *p, uint32_t cpu)
{
	struct gt_wire_collected *c = collected(p, cpu);
	uint32_t used = c->used;

	c->used = 0;
	if (used > sizeof(c->data))
		return -EPROTO; /* both sides are built together: this cannot happen */
	return rings_hand_over(p->rings, p->record, p->record_ctx, cpu, c->data, used);
}

/*
 * Have CPUs put what they have collected into their rings. 1 when one could not, for want of room or
 * because it was just writing: worth another try once the rings are empty. Else 0 or -errno.
 */
static int look(struct probes *p, bool all)
{
	bool again = false;
	int err;

	for (uint32_t cpu = 0; cpu < p->ncpus; cpu++) {
		if (!all && !has_collected(p, cpu))
			continue;
		err = run_program(p->skel->progs.look_cpu, BPF_F_TEST_RUN_ON_CPU, cpu);
		if (err == -ENXIO && has_collected(p, cpu)) {
			err = take_over(p, cpu);
			if (err)
				return err;
		}
		again |= err && has_collected(p, cpu);
	}
	return again;
}

int probes_drain(struct probes *p, uint64_t *mark)
{
	uint64_t now = clock_monotonic(), last = p->mark;
	int again = look(p, p->ncpus <= LOOK_CPUS_MAX), n = 0;

	if (p->bell)
		ring_buffer__consume(p->bell);
	for (int i = 0; again >= 0 && n >= 0; i++) {
		*mark = now > MARK_GUARD_NS ? now - MARK_GUARD_NS : 0;
		p->mark = *mark;
		n = rings_drain(p->rings, p->record, p->record_ctx, mark);
		if (!again || i == LOOK_TRIES)
			break;
		again = look(p, false);
	}
	if (again > 0) /* some are still to come */
		*mark = p->mark = last < *mark ? last : *mark;
	return again < 0 ? again : n < 0 ? n : 0;
}

int probes_drain_last(struct probes *p)
{
	uint64_t mark;
	int err = probes_drain(p, &mark);

	if (!err)
		err = rings_finish(p->rings, p->record, p->record_ctx, UNFINISHED_MS,
				   &p->unfinished);
	for (uint32_t cpu = 0; cpu < p->ncpus && !err; cpu++)
		if (has_collected(p, cpu))
			err = take_over(p, cpu);
	return err;
}

int probes_bell(const struct probes *p)
{
	return p->bell ? bpf_map__fd(p->skel->maps.stack_bell) : -1;
}

int probes_know(struct probes *p, const struct gt_wire_stack_key *key,
		const struct gt_wire_stack_shape *shape)
{
	struct gt_wire_stack_shape closed = *shape;

	closed.fold = gt_stack_close(shape->fold, shape->stack, key);
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.stacks_known), key, &closed, BPF_ANY))
		return -errno;
	return 0;
}

int probes_python(struct probes *p, uint32_t as, const struct gt_wire_python *how)
{
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.pythons), &as, how, BPF_ANY))
		return -errno;
	return 0;
}

int probes_stop(struct probes *p)
{
	int err;

	if (!p->started)
		return 0;
	err = run_iterator(p, p->skel->links.close_tasks);
	run_on_cpus(p, p->skel->progs.close_cpu);
	__atomic_store_n(&p->skel->bss->enabled, 0, __ATOMIC_SEQ_CST);
	p->started = false;
	return err;
}

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

void probes_free(struct probes *p)
{
	if (!p)
		return;
	lock_probes_free(p->locks);
	samples_free(p->samples);
	futex_exits_free(p->futex_exits);
	ring_buffer__free(p->bell);
	rings_free(p->rings);
	giltrace__destroy(p->skel);
	free(p);
}

static void *probes_free_thread(void *p)
{
	probes_free(p);
	return NULL;
}

/*
 * The kernel waits for a grace period, some 80 ms, for each tracepoint let go of: that goes on
 * while the report is made. A process that exits meanwhile has the rest closed by the kernel.
 */
void probes_free_later(struct probes *p)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!p)
		return;
	/*
	 * Not these: a thread that the end of its process catches while it lets go of a uprobe leaves
	 * the breakpoint and the semaphore's count behind in every process that maps the file.
	 */
	lock_probes_free(p->locks);
	p->locks = NULL;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, probes_free_thread, p);
	pthread_attr_destroy(&attr);
	if (err)
		probes_free(p);
}
