/* SPDX-License-Identifier: MIT */
#include "model_private.h"

void model_cpu_close(struct model *m, struct cpu *c, uint64_t idle)
{
	uint64_t length = m->now - c->since, cut = c->cut;
	/* What the window cut off a stretch that was of one kind was so, too. */
	bool cut_idle = length ? idle >= length : c->idle;

	if (idle > length)
		idle = length;
	if (c->running) {
		c->traced_total += length + cut;
	} else {
		c->idle_total += idle + (cut_idle ? cut : 0);
		c->other_total += length - idle + (cut_idle ? 0 : cut);
	}
	c->cut = 0;
	if (length)
		MODEL_TELL(m, cpu_span, c, c->running, c->since, m->now, c->running ? 0 : idle);
	c->since = m->now;
}

void model_cpu_take(struct model *m, struct cpu *c, struct model_thread *t, bool idle)
{
	uint64_t bit = 1ULL << (c->id & 63);

	c->running = t ? &t->pub : NULL;
	c->idle = !t && idle;
	c->known = true;
	if (c->idle)
		m->idle[c->id / 64] |= bit;
	else
		m->idle[c->id / 64] &= ~bit;
}

/* From now on its time is not the occupant's, as far as anyone knows. */
void model_cpu_forget(struct model *m, struct cpu *c)
{
	model_cpu_close(m, c, !c->running && c->idle ? m->now - c->since : 0);
	model_cpu_take(m, c, NULL, false);
	c->known = false;
}

void model_forget(struct model *m, struct model_thread *t)
{
	struct cpu *c = t->pub.state == STATE_RUNNING ? &m->cpus[t->pub.cpu] : NULL;

	if (c && c->running == &t->pub)
		model_cpu_forget(m, c);
	model_set_state(m, t, STATE_UNKNOWN);
	t->pub.blocked_on_futex = false;
	t->waking.ts = 0;
}

/*
 * Of a stretch that began before the time that is still to be told (the window opened in it), the
 * idle part is taken in proportion: where in the stretch it lay was not recorded.
 */
static uint64_t idle_since(const struct model *m, const struct cpu *c, const struct gt_event *ev)
{
	uint64_t whole = m->now - ev->u.cpu_span.start, part = m->now - c->since;
	uint64_t idle = ev->u.cpu_span.idle < whole ? ev->u.cpu_span.idle : whole;

	if (ev->u.cpu_span.start >= c->since || !whole)
		return idle;
	return (uint64_t)((unsigned __int128)idle * part / whole);
}

/* The stretch's part before the window, from `start` on, had `idle` ns of idle time. */
static void cut_told(struct cpu *c, uint64_t start, uint64_t idle)
{
	uint64_t told = c->since - start < c->cut ? c->since - start : c->cut;

	idle = idle < told ? idle : told;
	c->idle_total += idle + (c->idle ? c->cut - told : 0);
	c->other_total += told - idle + (c->idle ? 0 : c->cut - told);
	c->cut = 0;
}

int model_cpu_record(struct model *m, const struct gt_event *ev)
{
	struct cpu *c = &m->cpus[ev->cpu];
	uint64_t gap = 0, start = ev->u.cpu_span.start, idle;

	if (start > m->now) {
		m->counts.bad_records++;
		return 0;
	}
	if (c->running) {
		m->counts.bad_records++;
		model_forget(m, model_of(c->running));
	}
	if (c->idle && start > c->since)
		gap = start - c->since;
	idle = idle_since(m, c, ev);
	if (c->cut && start < c->since)
		cut_told(c, start, ev->u.cpu_span.idle > idle ? ev->u.cpu_span.idle - idle : 0);
	model_cpu_close(m, c, gap + idle);
	model_cpu_take(m, c, NULL, ev->flags & GT_F_NEXT_IDLE);
	return 0;
}

int model_on_cpu(struct model *m, const struct gt_event *ev)
{
	struct model_thread *t = model_live(m, ev->task);
	struct cpu *c = &m->cpus[ev->cpu];
	bool idle = !ev->task && ev->flags & GT_F_NEXT_IDLE;

	if (t && c->running == &t->pub)
		return 0;
	if (c->running) {
		m->counts.bad_records++;
		model_forget(m, model_of(c->running));
	}
	/* The first word about a CPU holds for the time before it, too; later ones add nothing to
	 * what is known. */
	model_cpu_close(m, c, (c->known ? c->idle : idle) ? m->now - c->since : 0);
	if (t)
		model_switch_in(m, c, t);
	else
		model_cpu_take(m, c, NULL, idle);
	return 0;
}

uint32_t model_ncpus(const struct model *m)
{
	return m->ncpus;
}

const struct cpu *model_cpu(const struct model *m, uint32_t cpu)
{
	return cpu < m->ncpus ? &m->cpus[cpu] : NULL;
}
