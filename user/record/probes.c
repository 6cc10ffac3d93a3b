/* SPDX-License-Identifier: MIT */
/* The life of the kernel side: opened, started, stopped, let go of; what it is told meanwhile. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "futex_exits.h"
#include "lib/log.h"
#include "lock_probes.h"
#include "probes_private.h"
#include "rings.h"
#include "samples.h"
#include "user/features.h"

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
		err = probes_load(p, config);
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
		err = probes_run_iterator(p, p->skel->links.find_tasks);
	} while (!err && p->skel->bss->found != before);
	if (err)
		return err;
	/* From here on changes are recorded; what was so before them is told by the snapshots. */
	__atomic_store_n(&p->skel->bss->counting, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&p->skel->bss->enabled, 1, __ATOMIC_SEQ_CST);
	p->started = true;
	probes_run_on_cpus(p, p->skel->progs.open_cpu);
	return probes_run_iterator(p, p->skel->links.open_tasks);
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

uint64_t probes_count_alive(struct probes *p)
{
	p->skel->bss->seen = 0;
	return probes_run_iterator(p, p->skel->links.count_tasks) ? probes_alive(p)
								   : p->skel->bss->seen;
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
	/* A task's own counts are its alone to write to as long as it counts. */
	__atomic_store_n(&p->skel->bss->counting, 0, __ATOMIC_SEQ_CST);
	err = probes_run_iterator(p, p->skel->links.close_tasks);
	probes_run_on_cpus(p, p->skel->progs.close_cpu);
	__atomic_store_n(&p->skel->bss->enabled, 0, __ATOMIC_SEQ_CST);
	p->started = false;
	return err;
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
