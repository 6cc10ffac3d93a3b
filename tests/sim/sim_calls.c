/* SPDX-License-Identifier: MIT */
/*
 * Futex calls by word, operation and result, as the recorder counts them when they return. Its
 * table may be full: calls that found no room are counted as lost.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>

#define ERESTARTSYS 512 /* the kernel's own: a signal came */

static uint64_t key_of(const struct sim_call *c)
{
	const uint64_t fields[] = { c->process, c->as, c->addr, c->op, (uint32_t)c->result };
	uint64_t key = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		key = (key ^ fields[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 29;
	}
	return key;
}

/* Under damage that loses records some tables have few rows. */
static uint32_t table_room(const struct sim *s)
{
	return s->p.damage == SIM_LOSS && s->p.seed % 2 ? 1 + s->p.seed % 16 : UINT32_MAX;
}

static void count(struct sim *s, const struct sim_call *call)
{
	struct sim_calls *calls = &s->calls;
	uint64_t key = key_of(call), at;

	if (map_get(&calls->index, key, &at)) {
		calls->at[at].count++;
		return;
	}
	if (calls->n == table_room(s)) {
		calls->no_room++;
		return;
	}
	if (calls->n == calls->room) {
		uint32_t room = calls->room ? calls->room * 2 : 32;
		struct sim_call *p = realloc(calls->at, room * sizeof(*p));

		if (!p) {
			s->err = -ENOMEM;
			return;
		}
		calls->at = p;
		calls->room = room;
	}
	if (map_put(&calls->index, key, calls->n))
		s->err = -ENOMEM;
	calls->at[calls->n] = *call;
	calls->at[calls->n++].count = 1;
}

static struct sim_call call_of(const struct sim *s, const struct sim_thread *t, uint32_t word,
			       uint32_t op)
{
	const struct sim_process *p = &s->processes[t->process];

	return (struct sim_call){
		.process = p->id,
		.as = p->as,
		.addr = sim_word_addr(s, &s->words[word], p),
		.op = op,
	};
}

void sim_call_wakes(struct sim *s, const struct sim_thread *t, uint32_t word, uint32_t op,
		    int32_t result)
{
	struct sim_call call = call_of(s, t, word, op);

	call.result = result;
	count(s, &call);
}

void sim_call_waits(struct sim *s, struct sim_thread *t, uint32_t word, uint32_t op)
{
	t->call = call_of(s, t, word, op);
	t->in_call = true;
}

void sim_call_returns(struct sim *s, struct sim_thread *t)
{
	if (!t->in_call)
		return;
	t->call.result = t->timed_out ? -ETIMEDOUT : t->killed ? -ERESTARTSYS : 0;
	t->in_call = false;
	count(s, &t->call);
}

void sim_calls_tell(struct sim_trace *trace, const struct sim *s)
{
	for (uint32_t i = 0; i < s->calls.n; i++) {
		const struct sim_call *c = &s->calls.at[i];
		struct gt_event ev = {
			.ts = s->end,
			.cpu = GT_CPU_COLLECTOR,
			.kind = GT_FUTEX_COUNT,
			.syscall = -1,
		};

		ev.u.futex_count.addr = c->addr;
		ev.u.futex_count.as = c->as;
		ev.u.futex_count.process = c->process;
		ev.u.futex_count.op = c->op;
		ev.u.futex_count.result = c->result;
		ev.u.futex_count.count = c->count;
		sim_trace_collected(trace, &ev);
	}
}
