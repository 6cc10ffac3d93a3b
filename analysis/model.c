/* SPDX-License-Identifier: MIT */
#include "model_private.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cold.h"

struct model *model_new(const struct gt_meta *meta, struct lock_table *locks)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->meta = meta;
	m->next_loss = UINT64_MAX;
	m->locks = locks;
	m->start = meta->start;
	m->end = meta->end && meta->end < meta->start ? meta->start : meta->end;
	m->started = meta->start != 0;
	classifier_init(&m->classifier, meta->arch);
	for (uint32_t i = 0; i < GT_MAX_CPUS; i++)
		m->cpus[i].id = i;
	if (model_tasks_init(m)) {
		model_free(m);
		return NULL;
	}
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	model_tasks_free(m);
	model_losses_free(&m->losses);
	free(m);
}

static void listen(struct listeners *l, const struct model_sink *sink, void *ctx, bool wanted)
{
	if (wanted)
		l->at[l->n++] = (struct listener){ sink, ctx };
}

int model_add_sink(struct model *m, const struct model_sink *sink, void *ctx)
{
	if (m->sinks.n == MODEL_SINKS)
		return -ENOMEM;
	listen(&m->sinks, sink, ctx, true);
	listen(&m->transition, sink, ctx, sink->transition);
	listen(&m->wake, sink, ctx, sink->wake);
	listen(&m->cpu_span, sink, ctx, sink->cpu_span);
	listen(&m->record, sink, ctx, sink->record);
	return 0;
}

/* What was found before the window is told as if it began with it; no time before it counts. */
static void window_open(struct model *m)
{
	uint64_t now = m->now;

	m->now = m->start;
	for (uint32_t i = 0; i < GT_MAX_CPUS; i++) {
		/* How the stretch was spent is told when it ends, also of its part before. */
		if (m->seen[i])
			m->cpus[i].cut = m->start - m->cpus[i].since;
		m->cpus[i].since = m->start;
	}
	m->open = true;
	for (uint32_t i = 0; i < m->sinks.n; i++)
		if (m->sinks.at[i].sink->start)
			m->sinks.at[i].sink->start(m->sinks.at[i].ctx, m, m->start);
	for (uint32_t i = 0; i < m->nthreads; i++) {
		struct thread *t = &m->threads[i]->pub;
		enum state state = t->state;

		if (state == STATE_NONE)
			continue;
		if (state == STATE_RUNNING)
			t->run_total += m->start - t->since;
		t->start = t->since = m->start;
		t->state = STATE_NONE;
		MODEL_TELL(m, transition, t, state, m->start);
		t->state = state;
	}
	m->now = now;
	model_set_calm(m);
}

/* Records about what happened, by kind; those without a row only pass by the sinks. */
static const struct handler {
	int (*handle)(struct model *m, const struct gt_event *ev);
	bool cpu;    /* it speaks of its CPU, which must be a real one */
	bool silent; /* sinks hear of what it changes, not of the record */
} handlers[GT_KIND_COUNT] = {
	[GT_SWITCH] = { model_switch, .cpu = true, .silent = true },
	[GT_WAKING] = { model_waking, .silent = true },
	[GT_TASK] = { model_task },
	[GT_STATE] = { model_found_state },
	[GT_EXEC] = { model_exec },
	[GT_RENAME] = { model_rename },
	[GT_EXIT] = { model_exit },
	[GT_AFFINITY] = { model_affinity },
	[GT_CPU] = { model_cpu_record, .cpu = true },
	[GT_ON_CPU] = { model_on_cpu, .cpu = true },
	[GT_LOST] = { model_lost, .cpu = true },
	[GT_STACK_OF] = { model_stack_of, .cpu = true, .silent = true },
};

/* Totals and names are told whenever they come: some are written after the window. */
static void tell_record(struct model *m, const struct gt_event *ev)
{
	for (uint32_t i = 0; i < m->record.n; i++)
		m->record.at[i].sink->record(m->record.at[i].ctx, m, ev);
}

void model_see_cpu(struct model *m, uint32_t cpu)
{
	if (m->seen[cpu])
		return;
	m->seen[cpu] = true;
	if (!m->open)
		m->cpus[cpu].since = m->now;
	if (cpu >= m->ncpus)
		m->ncpus = cpu + 1;
}

void model_advance(struct model *m, uint64_t ts)
{
	if (!m->started) {
		m->started = true;
		m->start = ts;
	}
	if (ts > m->now)
		m->now = ts;
	if (!m->open && m->now >= m->start)
		window_open(m);
}

void model_set_calm(struct model *m)
{
	m->calm = m->end && m->end < m->next_loss ? m->end : m->next_loss;
}

static COLD int any_event(struct model *m, const struct gt_event *ev)
{
	const struct handler *handler = ev->kind < GT_KIND_COUNT ? &handlers[ev->kind] : NULL;

	if (m->closed)
		return 0;
	if (!handler || !handler->handle) {
		tell_record(m, ev);
		return 0;
	}
	if (handler->cpu && ev->cpu >= GT_MAX_CPUS) {
		m->counts.bad_records++;
		return 0;
	}
	if (m->end && ev->ts > m->end)
		return ev->kind == GT_LOST && m->collect ? model_losses_add(m->collect, ev) : 0;
	/* What comes at the very time of a loss came before it, or its CPU would have told first. */
	if (ev->ts > m->next_loss)
		model_losses_begin(m, ev->ts - 1);
	model_advance(m, ev->ts);
	if (handler->cpu && !m->seen[ev->cpu])
		model_see_cpu(m, ev->cpu);
	if (!handler->silent)
		tell_record(m, ev);
	return handler->handle(m, ev);
}

/* Nearly all records are switches and wakings of which nothing needs to be asked first. */
int model_event(struct model *m, const struct gt_event *ev)
{
	m->counts.records++;
	if (m->open && ev->ts <= m->calm) {
		bool is_switch = ev->kind == GT_SWITCH && ev->cpu < GT_MAX_CPUS && m->seen[ev->cpu];

		if (is_switch || ev->kind == GT_WAKING) {
			if (ev->ts > m->now)
				m->now = ev->ts;
			return is_switch ? model_switch(m, ev) : model_waking(m, ev);
		}
	}
	return any_event(m, ev);
}

void model_collect_losses(struct model *m, struct model_losses *losses)
{
	m->collect = losses;
}

int model_expect_losses(struct model *m, const struct model_losses *losses)
{
	int err = model_losses_sorted(&m->losses, losses);

	m->expects = true;
	m->next_loss = m->losses.n ? m->losses.at[0].first : UINT64_MAX;
	return err;
}

int model_finish(struct model *m)
{
	if (m->closed)
		return 0;
	if (!m->end)
		m->end = m->now > m->start ? m->now : m->start;
	if (!m->open)
		window_open(m);
	model_losses_begin(m, m->end);
	m->now = m->end;
	for (uint32_t i = 0; i < m->ncpus; i++)
		if (m->seen[i])
			model_cpu_close(m, &m->cpus[i],
					m->cpus[i].idle ? m->now - m->cpus[i].since : 0);
	for (uint32_t i = 0; i < m->nthreads; i++)
		model_set_state(m, m->threads[i], STATE_NONE);
	for (uint32_t i = 0; i < m->sinks.n; i++)
		if (m->sinks.at[i].sink->finish)
			m->sinks.at[i].sink->finish(m->sinks.at[i].ctx, m, m->now);
	m->open = false;
	m->closed = true;
	return 0;
}

uint64_t model_window_start(const struct model *m)
{
	return m->start;
}

uint64_t model_now(const struct model *m)
{
	return m->now;
}

void model_counts(const struct model *m, struct model_counts *out)
{
	*out = m->counts;
}
