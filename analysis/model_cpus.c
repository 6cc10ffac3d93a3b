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

static void cpu_unknown(struct model *m, struct cpu *c)
{
	model_cpu_take(m, c, NULL, false);
	c->known = false;
}

/* The time since records were lost is not the occupant's, as far as anyone knows. */
static void cpu_doubt(struct model *m, struct cpu *c)
{
	uint64_t now = m->now;

	m->now = model_known_until(m, c->since);
	model_cpu_close(m, c, !c->running && c->idle ? m->now - c->since : 0);
	m->now = now;
	cpu_unknown(m, c);
	model_cpu_close(m, c, 0);
}

void model_forget(struct model *m, struct model_thread *t)
{
	struct cpu *c = t->pub.state == STATE_RUNNING ? &m->cpus[t->pub.cpu] : NULL;

	if (c && c->running == &t->pub)
		cpu_doubt(m, c);
	model_set_state(m, t, STATE_UNKNOWN);
	t->pub.blocked_on_futex = false;
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

/*
 * What is lost on one CPU may be the going or coming of its own thread, the arrival of any thread
 * that waits, or the waking of any that is blocked. Threads that run elsewhere tell of themselves
 * there.
 */
int model_lost(struct model *m, const struct gt_event *ev)
{
	struct cpu *c = &m->cpus[ev->cpu];

	if (ev->u.lost.reason == GT_LOSS_FUTEX_MAP || ev->u.lost.reason == GT_LOSS_FUTEX_ARGS ||
	    ev->u.lost.reason == GT_LOSS_STACK)
		return 0;
	m->lost_since = ev->u.lost.first;
	if (c->running)
		model_forget(m, model_of(c->running));
	else
		cpu_doubt(m, c);
	while (m->off.next != &m->off)
		model_forget(m, m->off.next);
	m->lost_since = UINT64_MAX;
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
