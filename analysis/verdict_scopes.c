/* SPDX-License-Identifier: MIT */
/* Whose verdict: the facts of the run and of each process, and which stands at the top. */
#include "interpreters.h"
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the scope's serialized time, the share with a waiter on this lock; negative: none of its
 * threads ever waited. */
static double explains(const struct result_lock *l, uint32_t process)
{
	if (!process)
		return l->explains_serialized;
	for (size_t i = 0; i < l->nprocesses; i++)
		if (l->processes[i] == process)
			return l->explains_of_process[i];
	return -1;
}

/*
 * The lock that explains most of the scope's serialized time; of several that explain as much
 * (nothing is serialized) the one waited for longest.
 */
static void find_lock(const struct results *out, uint32_t process, struct verdict_facts *facts)
{
	for (size_t i = 0; i < out->nlocks; i++) {
		const struct result_lock *l = &out->locks[i];
		double share = explains(l, process);

		if (share < 0 || !l->waits) /* nobody waited for it: it stopped nobody */
			continue;
		if (!facts->lock || share > facts->lock_explains ||
		    (share == facts->lock_explains && l->wait.sum > facts->lock->wait.sum)) {
			facts->lock = l;
			facts->lock_explains = share;
		}
	}
}

/* The unproven wait that took longest: events stand in that order. */
static const struct result_event *main_unproven(const struct results *out, uint32_t process)
{
	for (size_t i = 0; i < out->nevents; i++) {
		const struct result_event *e = &out->events[i];

		if (e->sort != SORT_UNPROVEN)
			continue;
		for (size_t j = 0; j < e->nprocesses; j++)
			if (!process || e->processes[j] == process)
				return e;
	}
	return NULL;
}

/* Complete the facts of a scope by what they would be if its unproven waits were for a lock; write.
 */
static int judge(const struct analysis_context *ctx, const struct results *out,
		 const struct process *scope, struct verdict_facts facts,
		 struct result_verdict *verdict)
{
	struct verdict_facts if_lock;
	struct result_parallelism p;
	int unproven = 0, err;

	find_lock(out, scope ? scope->id : 0, &facts);
	facts.cpus_online = ctx->meta->cpus_online;
	facts.quota = ctx->meta->cpu_quota > 0 && ctx->meta->cpu_quota <= facts.parallelism->cpus;
	parallelism_sums(ctx->parallelism, scope, &facts.sums);
	if_lock = facts;
	facts.unproven = main_unproven(out, scope ? scope->id : 0);
	if (facts.unproven)
		unproven = parallelism_if_locks(ctx, scope, facts.parallelism, &p, &if_lock.sums);
	if (unproven < 0)
		return unproven;
	if (unproven) {
		if_lock.parallelism = &p;
		facts.if_lock = &if_lock;
	}
	err = verdict_write(&facts, verdict);
	if (unproven)
		free(p.histogram);
	return err;
}

/* A process and its threads' time, from their rows. */
struct household {
	const struct process *process;
	uint64_t unknown, life;
};

/* By process index; NULL when out of memory. */
static struct household *households(const struct analysis_context *ctx, const struct results *out)
{
	struct household *h = calloc(model_nprocesses(ctx->model) + 1, sizeof(*h));

	for (size_t i = 0; h && i < out->nthreads; i++) {
		const struct result_thread *t = &out->threads[i];
		const struct process *p = model_thread(ctx->model, t->id)->process;

		h[p->index].process = p;
		h[p->index].unknown += t->unknown;
		h[p->index].life += t->end - t->start;
	}
	return h;
}

static bool ends_early(const struct result_losses *l)
{
	for (int i = 0; i < GT_LOSS_COUNT; i++)
		if (l->reasons[i])
			return false;
	return l->incomplete || l->damaged;
}

/* Whose global lock may be at work. */
static enum gt_interpreter interpreter_of(const struct results *out, const struct result_process *r)
{
	return r && interpreters_ran(out, r) && !(r->interpreter.flags & GT_INTERPRETER_NO_GIL)
		       ? r->interpreter.kind
		       : GT_INTERPRETER_NONE;
}

static int judge_process(const struct analysis_context *ctx, const struct results *out,
			 const struct household *h, struct result_process *r)
{
	struct verdict_facts facts = {
		.parallelism = &r->parallelism,
		.unknown_share = h->life ? (double)h->unknown / (double)h->life : 0,
		.ends_early = ends_early(&out->losses),
		.interpreter = interpreter_of(out, r),
	};

	r->verdict.process = r->id;
	return judge(ctx, out, h->process, facts, &r->verdict);
}

/* Rows of processes stand in the order of their index, without those that had no thread in the
 * window. */
static int judge_processes(const struct analysis_context *ctx, const struct household *h,
			   struct results *out)
{
	int err = 0;

	for (size_t i = 0; i < out->nprocesses && !err; i++, h++) {
		while (!h->process)
			h++;
		err = judge_process(ctx, out, h, &out->processes[i]);
	}
	return err;
}

/* CPUs' worth of time that went to programs that are not traced, and to nobody. */
static void look_around(const struct results *out, struct verdict_facts *facts)
{
	uint64_t other = 0, idle = 0;
	double wall = (double)(out->end - out->start);

	for (size_t i = 0; i < out->ncpus; i++) {
		other += out->cpus[i].other;
		idle += out->cpus[i].idle;
	}
	facts->others = wall > 0 ? (double)other / wall : 0;
	facts->own = wall > 0 ? (double)out->meta->overhead.window_cpu / wall : 0;
	facts->idle = wall > 0 ? (double)idle / wall : 0;
}

/* Processes that ran less than this part of the busiest one's time do not count. */
#define DEMAND_PART 0.05

static double demand(const struct analysis_context *ctx, const struct results *out,
		     const struct household *all)
{
	const struct household *h = all;
	struct parallelism_sums sums;
	uint64_t busiest = 0;
	double cpus = 0;

	for (size_t i = 0; i < out->nprocesses; i++)
		if (out->processes[i].run > busiest)
			busiest = out->processes[i].run;
	for (size_t i = 0; i < out->nprocesses; i++, h++) {
		const struct result_process *r = &out->processes[i];

		while (!h->process)
			h++;
		if ((double)r->run < DEMAND_PART * (double)busiest)
			continue;
		parallelism_sums(ctx->parallelism, h->process, &sums);
		if (r->verdict.class == VERDICT_SERIALIZED || sums.workers < 1)
			cpus += 1;
		else
			cpus += sums.workers;
	}
	return cpus;
}

static const struct result_process *busiest(const struct results *out)
{
	const struct result_process *most = NULL;

	for (size_t i = 0; i < out->nprocesses; i++)
		if (!most || out->processes[i].run > most->run)
			most = &out->processes[i];
	return most;
}

static int judge_run(const struct analysis_context *ctx, const struct household *all,
		     struct results *out)
{
	struct verdict_facts facts = {
		.parallelism = &out->parallelism,
		.unknown_share = out->losses.unknown_share,
		.ends_early = ends_early(&out->losses),
		.demand = demand(ctx, out, all),
		.interpreter = interpreter_of(out, busiest(out)),
	};

	look_around(out, &facts);
	return judge(ctx, out, NULL, facts, &out->verdict);
}

/* Several targets have no parallelism in common: the top verdict is that of the one that loses
 * most. */
static const struct result_process *worst_process(const struct results *out)
{
	const struct result_process *worst = NULL;

	for (size_t i = 0; i < out->nprocesses; i++) {
		const struct result_process *r = &out->processes[i];
		uint64_t loss = r->parallelism.lock_loss,
			 most = worst ? worst->parallelism.lock_loss : 0;

		if (!worst || loss > most || (loss == most && r->run > worst->run))
			worst = r;
	}
	return worst;
}

/* A copy for the top that says whose verdict it is. */
static int adopt(const struct results *out, const struct result_process *r,
		 struct result_verdict *top)
{
	const struct result_verdict *v = &r->verdict;
	uint64_t loss = r->parallelism.lock_loss;
	char rank[112] = "";

	/* How much tells whether its locks are worth a look. */
	if (out->nprocesses > 1 && loss)
		snprintf(rank, sizeof(rank),
			 ", which of %zu processes loses most to locks, %.1f ms of CPU time",
			 out->nprocesses, (double)loss / 1e6);
	else if (out->nprocesses > 1)
		snprintf(rank, sizeof(rank), ", the busiest of %zu processes", out->nprocesses);
	top->class = v->class;
	top->lock = v->lock;
	top->process = r->id;
	if (asprintf(&top->sentence, "process %d (%s)%s: %s", r->pid, r->comm, rank, v->sentence) <
	    0) {
		top->sentence = NULL;
		return -ENOMEM;
	}
	top->evidence = calloc(v->nevidence + 1, sizeof(*top->evidence));
	if (!top->evidence)
		return -ENOMEM;
	for (size_t i = 0; i < v->nevidence; i++) {
		top->evidence[i] = strdup(v->evidence[i]);
		if (!top->evidence[i])
			return -ENOMEM;
		top->nevidence++;
	}
	return 0;
}

static int verdict_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	bool several = ctx->meta->target == GT_TARGET_ALL ||
		       (ctx->meta->target == GT_TARGET_PIDS && ctx->meta->npids > 1);
	struct household *all = households(ctx, out);
	const struct result_process *worst;
	int err = all ? judge_processes(ctx, all, out) : -ENOMEM;

	out->thresholds = verdict_thresholds();
	out->nthresholds = THRESHOLD_COUNT;
	worst = several && !err ? worst_process(out) : NULL;
	if (!err)
		err = worst ? adopt(out, worst, &out->verdict) : judge_run(ctx, all, out);
	free(all);
	return err;
}

const struct analysis verdict_analysis = {
	.name = "verdict",
	.results = verdict_results,
};
