/* SPDX-License-Identifier: MIT */
#include "model_private.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

int model_tasks_init(struct model *m)
{
	m->off.prev = m->off.next = &m->off;
	m->masks_cap = 8;
	m->masks = calloc(m->masks_cap, sizeof(*m->masks));
	m->nmasks = 1;
	return m->masks ? 0 : -ENOMEM;
}

void model_tasks_free(struct model *m)
{
	for (uint32_t i = 0; i < m->nthreads; i++)
		free(m->threads[i]);
	for (uint32_t i = 0; i < m->nprocesses; i++) {
		free(m->processes[i]->pub.exe);
		free(m->processes[i]);
	}
	free(m->threads);
	free(m->processes);
	free(m->masks);
	map_free(&m->mask_ids);
	idmap_free(&m->thread_ids);
	idmap_free(&m->process_ids);
}

/* Room for one more pointer. */
static int grow(void ***at, uint32_t n, uint32_t *cap)
{
	uint32_t bigger = *cap ? *cap * 2 : 64;
	void **p;

	if (n < *cap)
		return 0;
	p = realloc(*at, bigger * sizeof(*p));
	if (!p)
		return -ENOMEM;
	*at = p;
	*cap = bigger;
	return 0;
}

/* On the list of what a loss may concern: everyone alive but those on a CPU and those already
 * unknown. */
static bool may_be_lost(enum state state)
{
	return !(1U << state & (1U << STATE_NONE | 1U << STATE_RUNNING | 1U << STATE_UNKNOWN));
}

static void list_add(struct model *m, struct model_thread *t)
{
	t->next = &m->off;
	t->prev = m->off.prev;
	t->prev->next = t;
	m->off.prev = t;
}

static void list_del(struct model_thread *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
}

void model_set_state(struct model *m, struct model_thread *t, enum state next)
{
	enum state state = t->pub.state;

	if (state == next)
		return;
	MODEL_TELL(m, transition, &t->pub, next, m->now);
	if (state == STATE_RUNNING)
		t->pub.run_total += m->now - t->pub.since;
	if (may_be_lost(state) != may_be_lost(next)) {
		if (may_be_lost(next))
			list_add(m, t);
		else
			list_del(t);
	}
	t->pub.state = next;
	t->pub.since = m->now;
}

/* A child that has let go of its parent's memory no longer keeps it in vfork(). */
static void release_vfork_parent(struct model *m, struct model_thread *child)
{
	struct model_thread *parent = idmap_get(&m->thread_ids, child->vfork_parent);

	if (parent && parent->vfork_child == child->pub.id)
		parent->vfork_child = 0;
	child->vfork_parent = 0;
}

void model_end_thread(struct model *m, struct model_thread *t)
{
	struct process *p = t->pub.process;

	release_vfork_parent(m, t);
	model_set_state(m, t, STATE_NONE);
	t->pub.end = m->now;
	if (--p->live == 0)
		p->end = m->now;
}

static struct model_process *process_new(struct model *m, const struct gt_event *ev,
					 const struct model_thread *creator)
{
	struct model_process *p;

	if (grow((void ***)&m->processes, m->nprocesses, &m->processes_cap))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p || idmap_put(&m->process_ids, ev->u.task.process, p)) {
		free(p);
		return NULL;
	}
	p->pub.id = ev->u.task.process;
	p->pub.index = m->nprocesses;
	p->pub.tgid = ev->u.task.tgid;
	p->pub.parent = creator ? creator->pub.process->id : 0;
	p->pub.as = ev->u.task.as;
	memcpy(p->pub.comm, ev->u.task.comm, GT_COMM_LEN);
	p->pub.comm[GT_COMM_LEN - 1] = 0;
	p->pub.start = m->now > m->start ? m->now : m->start;
	m->processes[m->nprocesses++] = p;
	return p;
}

static struct model_thread *thread_new(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t;

	if (grow((void ***)&m->threads, m->nthreads, &m->threads_cap))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t || idmap_put(&m->thread_ids, ev->task, t)) {
		free(t);
		return NULL;
	}
	t->pub.id = ev->task;
	t->pub.index = m->nthreads;
	t->pub.tid = ev->u.task.tid;
	t->pub.flags = ev->u.task.flags;
	t->pub.clear_child_tid = ev->u.task.clear_child_tid;
	t->pub.start = t->pub.since = m->now > m->start ? m->now : m->start;
	t->pub.cpu = UINT32_MAX;
	memcpy(t->pub.comm, ev->u.task.comm, GT_COMM_LEN);
	t->pub.comm[GT_COMM_LEN - 1] = 0;
	t->kernel = ev->u.task.flags & (GT_TASK_KTHREAD | GT_TASK_IO_WORKER);
	m->threads[m->nthreads++] = t;
	return t;
}

static bool task_acceptable(const struct model *m, const struct gt_event *ev)
{
	return ev->task && ev->u.task.process && m->nthreads < MODEL_TASKS &&
	       !idmap_get(&m->thread_ids, ev->task);
}

int model_task(struct model *m, const struct gt_event *ev)
{
	struct model_thread *creator, *t;
	struct model_process *p;

	if (!task_acceptable(m, ev)) {
		m->counts.bad_records++;
		return 0;
	}
	creator = idmap_get(&m->thread_ids, ev->u.task.parent);
	p = idmap_get(&m->process_ids, ev->u.task.process);
	if (!p)
		p = process_new(m, ev, creator);
	t = p ? thread_new(m, ev) : NULL;
	if (!t)
		return -ENOMEM;
	t->pub.process = &p->pub;
	p->pub.live++;
	p->pub.nthreads++;
	p->pub.end = 0;
	if (creator)
		t->pub.mask = creator->pub.mask;
	if (creator && ev->u.task.clone_flags & CLONE_VFORK) {
		creator->vfork_child = t->pub.id;
		t->vfork_parent = creator->pub.id;
	}
	/* Nobody wakes a newborn: it waits for its first CPU. One found is told about by the next
	 * records. */
	model_set_state(m, t,
			ev->u.task.flags & GT_TASK_FOUND || model_in_loss(m) ? STATE_UNKNOWN
									     : STATE_RUNNABLE);
	return 0;
}

int model_exec(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);
	char *exe;

	if (!t)
		return 0;
	exe = ev->u.exec.path ? strdup(ev->u.exec.path) : NULL;
	if (ev->u.exec.path && !exe)
		return -ENOMEM;
	/* Exec by a thread that is not the leader: it goes on under the leader's number. */
	t->pub.tid = ev->u.exec.tid;
	t->pub.clear_child_tid = 0;
	t->pub.process->tgid = ev->u.exec.tgid;
	t->pub.process->as = ev->u.exec.as;
	free(t->pub.process->exe);
	t->pub.process->exe = exe;
	release_vfork_parent(m, t);
	return 0;
}

int model_rename(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);

	if (!t)
		return 0;
	memcpy(t->pub.comm, ev->u.comm, GT_COMM_LEN);
	t->pub.comm[GT_COMM_LEN - 1] = 0;
	if (t->pub.tid == t->pub.process->tgid)
		memcpy(t->pub.process->comm, t->pub.comm, GT_COMM_LEN);
	return 0;
}

int model_exit(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);

	if (!t)
		return 0;
	t->exiting = true;
	release_vfork_parent(m, t);
	return 0;
}

static uint64_t mask_hash(const struct mask *mask)
{
	uint64_t hash = 0;

	for (int i = 0; i < GT_MASK_WORDS; i++)
		hash = hash_pair(hash, mask->words[i]);
	return hash;
}

/* Index of the mask, added when it is new; 0 (unknown) when there are too many. Negative: -ENOMEM.
 */
static int64_t mask_index(struct model *m, const struct mask *mask)
{
	uint64_t key = mask_hash(mask), index;

	for (; map_get(&m->mask_ids, key, &index); key++)
		if (!memcmp(&m->masks[index], mask, sizeof(*mask)))
			return (int64_t)index;
	if (m->nmasks == MODEL_MASKS)
		return 0;
	if (m->nmasks == m->masks_cap) {
		struct mask *p = realloc(m->masks, 2 * m->masks_cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		m->masks = p;
		m->masks_cap *= 2;
	}
	if (map_put(&m->mask_ids, key, m->nmasks))
		return -ENOMEM;
	m->masks[m->nmasks] = *mask;
	return m->nmasks++;
}

int model_affinity(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);
	uint32_t words = ev->u.affinity.words;
	struct mask mask = { 0 };
	int64_t index;

	if (!t || !ev->u.affinity.mask)
		return 0;
	memcpy(mask.words, ev->u.affinity.mask,
	       (words < GT_MASK_WORDS ? words : GT_MASK_WORDS) * 8);
	index = mask_index(m, &mask);
	if (index < 0)
		return (int)index;
	t->pub.mask = (uint32_t)index;
	return 0;
}

uint32_t model_nmasks(const struct model *m)
{
	return m->nmasks;
}

uint32_t model_mask_union(const struct model *m, const bool *wanted)
{
	struct mask all = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 1; i < m->nmasks; i++)
		for (int w = 0; wanted[i] && w < GT_MASK_WORDS; w++)
			all.words[w] |= m->masks[i].words[w];
	for (int w = 0; w < GT_MASK_WORDS; w++)
		n += (uint32_t)__builtin_popcountll(all.words[w]);
	if (wanted[0] && n < m->meta->cpus_allowed)
		n = m->meta->cpus_allowed;
	return n;
}

uint32_t model_mask_cpus(const struct model *m, uint32_t mask)
{
	uint32_t n = 0;

	for (int w = 0; mask && mask < m->nmasks && w < GT_MASK_WORDS; w++)
		n += (uint32_t)__builtin_popcountll(m->masks[mask].words[w]);
	return n;
}

bool model_idle_cpu_for(const struct model *m, const struct thread *t)
{
	const uint64_t *allowed = t->mask ? m->masks[t->mask].words : NULL;
	uint32_t words = (m->ncpus + 63) / 64;

	for (uint32_t w = 0; w < words; w++)
		if (m->idle[w] & (allowed ? allowed[w] : UINT64_MAX))
			return true;
	return false;
}

uint32_t model_nthreads(const struct model *m)
{
	return m->nthreads;
}

struct thread *model_thread_at(const struct model *m, uint32_t index)
{
	return index < m->nthreads ? &m->threads[index]->pub : NULL;
}

struct thread *model_thread(const struct model *m, uint32_t id)
{
	struct model_thread *t = idmap_get(&m->thread_ids, id);

	return t ? &t->pub : NULL;
}

uint32_t model_nprocesses(const struct model *m)
{
	return m->nprocesses;
}

struct process *model_process_at(const struct model *m, uint32_t index)
{
	return index < m->nprocesses ? &m->processes[index]->pub : NULL;
}
