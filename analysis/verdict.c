/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "losses.h"

static const char *const class_names[VERDICT_COUNT] = {
	[VERDICT_INCONCLUSIVE] = "inconclusive",
	[VERDICT_IO_BOUND] = "io-bound",
	[VERDICT_SINGLE_THREADED] = "single-threaded",
	[VERDICT_CPU_STARVED] = "cpu-starved",
	[VERDICT_SERIALIZED] = "serialized",
	[VERDICT_CONTENDED] = "contended",
	[VERDICT_IMBALANCED] = "imbalanced",
	[VERDICT_PARALLEL] = "parallel",
	[VERDICT_MIXED] = "mixed",
};

/* Every number the ladder compares with. */
static const struct result_threshold thresholds[THRESHOLD_COUNT] = {
	[THRESHOLD_UNKNOWN] = { "unknown_share", LOSSES_LIMIT },
	[THRESHOLD_ACTIVE_NS] = { "active_ns", 10e6 },
	[THRESHOLD_ACTIVE_SHARE] = { "active_share", 0.5 },
	[THRESHOLD_SEVERAL_SHARE] = { "several_share", 0.02 },
	[THRESHOLD_ONE_CPU_SHARE] = { "several_share_on_one_cpu", 0.5 },
	[THRESHOLD_SERIALIZED] = { "serialized_share", 0.5 },
	[THRESHOLD_GAIN] = { "gain_bound", 1.2 },
	[THRESHOLD_STARVED] = { "starved_share", 0.5 },
	[THRESHOLD_EFFICIENCY] = { "efficiency", 0.8 },
	[THRESHOLD_LOCK_PART] = { "lock_loss_part", 0.5 },
	[THRESHOLD_ALONE] = { "alone_share", 0.5 },
	[THRESHOLD_PARALLEL] = { "parallel_part", 0.8 },
	[THRESHOLD_UNPROVEN] = { "unproven_share", 0.2 },
};

const char *verdict_class_name(enum verdict_class class)
{
	return (unsigned int)class < VERDICT_COUNT ? class_names[class] : NULL;
}

enum verdict_class verdict_class_parse(const char *name)
{
	int i = 0;

	while (i < VERDICT_COUNT && strcmp(name, class_names[i]))
		i++;
	return i;
}

double verdict_limit(enum verdict_threshold id)
{
	return thresholds[id].value;
}

static double share_of_active(const struct verdict_facts *f, uint64_t ns)
{
	return f->sums.active ? (double)ns / (double)f->sums.active : 0;
}

static bool inconclusive(const struct verdict_facts *f)
{
	return f->unknown_share > verdict_limit(THRESHOLD_UNKNOWN) ||
	       (double)f->sums.active < verdict_limit(THRESHOLD_ACTIVE_NS);
}

static bool io_bound(const struct verdict_facts *f)
{
	return (double)f->sums.active <
	       verdict_limit(THRESHOLD_ACTIVE_SHARE) * (double)f->parallelism->window;
}

static bool single_threaded(const struct verdict_facts *f)
{
	return share_of_active(f, f->sums.several) < verdict_limit(THRESHOLD_SEVERAL_SHARE);
}

static bool one_cpu(const struct verdict_facts *f)
{
	return f->parallelism->cpus < 2 &&
	       share_of_active(f, f->sums.several) > verdict_limit(THRESHOLD_ONE_CPU_SHARE);
}

/* CPUs that the rest of the machine may use without being in the way. */
#define DEMAND_SLACK 0.25

/* Threads that wait for a CPU only to wait for their lock next are not starved of it. */
static bool starved(const struct verdict_facts *f)
{
	return f->parallelism->starved_share >= verdict_limit(THRESHOLD_STARVED) &&
	       (!f->demand || f->demand + f->others > f->parallelism->cpus + DEMAND_SLACK);
}

static bool could_gain(const struct verdict_facts *f)
{
	return f->parallelism->gain_bound >= verdict_limit(THRESHOLD_GAIN);
}

static bool serialized(const struct verdict_facts *f)
{
	return f->parallelism->serialized_share >= verdict_limit(THRESHOLD_SERIALIZED) &&
	       could_gain(f) && !starved(f);
}

/* Locks left at least half of the missing CPU time unused. */
static bool contended(const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;
	double missing = (p->attainable - p->average) * (double)f->sums.active;

	return p->efficiency < verdict_limit(THRESHOLD_EFFICIENCY) && could_gain(f) &&
	       p->lock_loss > 0 &&
	       (double)p->lock_loss >= verdict_limit(THRESHOLD_LOCK_PART) * missing;
}

static bool imbalanced(const struct verdict_facts *f)
{
	return share_of_active(f, f->sums.alone) >= verdict_limit(THRESHOLD_ALONE);
}

static bool parallel(const struct verdict_facts *f)
{
	double workers = f->sums.workers > 2 ? f->sums.workers : 2;
	double cpus = f->parallelism->cpus < workers ? f->parallelism->cpus : workers;

	return f->parallelism->average >= verdict_limit(THRESHOLD_PARALLEL) * cpus;
}

/* The first line that holds is the verdict; mixed when none does. */
static const struct {
	enum verdict_class class;
	bool (*holds)(const struct verdict_facts *f);
} ladder[] = {
	{ VERDICT_INCONCLUSIVE, inconclusive },
	{ VERDICT_IO_BOUND, io_bound },
	{ VERDICT_SINGLE_THREADED, single_threaded },
	{ VERDICT_CPU_STARVED, one_cpu },
	{ VERDICT_SERIALIZED, serialized },
	{ VERDICT_CPU_STARVED, starved },
	{ VERDICT_CONTENDED, contended },
	{ VERDICT_IMBALANCED, imbalanced },
	{ VERDICT_PARALLEL, parallel },
};

enum verdict_class verdict_climb(const struct verdict_facts *f)
{
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++)
		if (ladder[i].holds(f))
			return ladder[i].class;
	return VERDICT_MIXED;
}

double verdict_unproven_share(const struct verdict_facts *f)
{
	if (!f->if_lock || f->if_lock->sums.serialized <= f->sums.serialized)
		return 0;
	return (double)(f->if_lock->sums.serialized - f->sums.serialized) /
	       (double)f->if_lock->sums.active;
}

enum verdict_class verdict_decide(const struct verdict_facts *f)
{
	enum verdict_class class = verdict_climb(f);

	if (verdict_unproven_share(f) >= verdict_limit(THRESHOLD_UNPROVEN) &&
	    verdict_climb(f->if_lock) != class)
		return VERDICT_INCONCLUSIVE;
	return class;
}

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

static int judge_process(const struct analysis_context *ctx, const struct results *out,
			 const struct household *h, struct result_process *r)
{
	struct verdict_facts facts = {
		.parallelism = &r->parallelism,
		.unknown_share = h->life ? (double)h->unknown / (double)h->life : 0,
		.ends_early = ends_early(&out->losses),
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

/* CPUs' worth of time that went to programs that are not traced. */
static double others(const struct results *out)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < out->ncpus; i++)
		sum += out->cpus[i].other;
	return out->end > out->start ? (double)sum / (double)(out->end - out->start) : 0;
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

static int judge_run(const struct analysis_context *ctx, const struct household *all,
		     struct results *out)
{
	struct verdict_facts facts = {
		.parallelism = &out->parallelism,
		.unknown_share = out->losses.unknown_share,
		.ends_early = ends_early(&out->losses),
		.others = others(out),
		.demand = demand(ctx, out, all),
	};

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
	char rank[80] = "";

	if (out->nprocesses > 1)
		snprintf(rank, sizeof(rank),
			 r->parallelism.lock_loss ? ", which of %zu processes loses most to locks" :
						    ", the busiest of %zu processes",
			 out->nprocesses);
	top->class = v->class;
	top->lock = v->lock;
	top->process = r->id;
	if (asprintf(&top->sentence, "process %d (%s)%s: %s", r->pid, r->comm, rank,
		     v->sentence) < 0) {
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

	out->thresholds = thresholds;
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
