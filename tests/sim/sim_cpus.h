/* SPDX-License-Identifier: MIT */
/* Between sim_run.c, sim_cpus.c and sim_wake.c. */
#ifndef TESTS_SIM_CPUS_H
#define TESTS_SIM_CPUS_H

#include "sim.h"

/* At `ts` this is to happen. */
void sim_at(struct sim *s, uint64_t ts, enum sim_event_kind kind, uint32_t who, uint32_t number);

/* A record of this moment, and its way into the trace, if one is written. */
struct gt_event sim_record(const struct sim *s, uint32_t cpu, uint8_t kind, uint32_t task);
void sim_tell(struct sim *s, const struct gt_event *ev);

void sim_set_state(struct sim *s, struct sim_thread *t, enum sim_state next);
/* Before it runs, if its switch-out did not tell that it had been woken. */
void sim_early_shows(struct sim *s, struct sim_thread *t);
/* It can run: it waits for a CPU, and an idle one that it may use wakes up. */
void sim_enqueue(struct sim *s, struct sim_thread *t);
/* A running thread has a step that takes time, or is to look at its next one. */
void sim_goes_on(struct sim *s, struct sim_thread *t);
/* The running thread leaves its CPU, `ev` tells why, and who waits takes it, unless it goes to a
 * foreign task. */
void sim_leave(struct sim *s, struct sim_thread *t, struct gt_event *ev, enum sim_state state,
	       bool foreign);
void sim_preempt(struct sim *s, struct sim_thread *t, bool foreign);
/* Nobody of ours has the CPU, which was idle or someone else's: who waits for it takes it. */
void sim_pick(struct sim *s, uint32_t cpu, bool was_idle);

void sim_foreign_comes(struct sim *s, uint32_t cpu);
void sim_foreign_goes(struct sim *s, uint32_t cpu);
/* An idle CPU comes out of idle. */
void sim_kick(struct sim *s, uint32_t cpu);

/* sim_quota.c: so many more CPUs run ours, or fewer; and what happens. */
void sim_quota_begin(struct sim *s);
void sim_quota_runs(struct sim *s, int more);
void sim_quota_used(struct sim *s, uint32_t number);
void sim_quota_stop(struct sim *s, uint32_t cpu, uint32_t period);
void sim_quota_period(struct sim *s);

void sim_idle_add(struct sim *s, uint32_t cpu);
/* Up to now the CPU's time is its occupant's; and the record that tells how a stretch without ours
 * was spent. */
void sim_cpu_charge(struct sim *s, struct sim_cpu *c);
void sim_tell_span(struct sim *s, uint32_t cpu, bool idle_next);

#endif
