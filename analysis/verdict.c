/* SPDX-License-Identifier: MIT */
#include "verdict.h"

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
	[THRESHOLD_STARVED_PART] = { "runnable_part", 0.1 },
	[THRESHOLD_SHORT_OF_CPUS] = { "starved_share_below_efficiency", 0.2 },
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

const struct result_threshold *verdict_thresholds(void)
{
	return thresholds;
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

bool verdict_one_cpu(const struct verdict_facts *f)
{
	return f->parallelism->cpus < 2 &&
	       share_of_active(f, f->sums.several) > verdict_limit(THRESHOLD_ONE_CPU_SHARE);
}

/* CPUs that the rest of the machine may use without being in the way. */
#define DEMAND_SLACK 0.25

/* Of the threads' time: for less of it a mask of fewer CPUs is not what they lack. */
#define NARROW_PART 0.2

/*
 * What the run could use and what others took is more than there is. Threads that wait for a CPU
 * only to wait for their lock next are not starved of it.
 */
static bool cpus_are_short(const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;
	double cpus = p->narrow_share >= NARROW_PART ? p->narrow_cpus : p->cpus;

	return !f->demand || f->demand + f->others > cpus + DEMAND_SLACK;
}

/*
 * Of many threads one or another is always waiting for a CPU: how much all of them waited has to
 * tell, too.
 */
static bool starved(const struct verdict_facts *f)
{
	return f->parallelism->starved_share >= verdict_limit(THRESHOLD_STARVED) &&
	       (double)f->sums.runnable >= verdict_limit(THRESHOLD_STARVED_PART) *
						   (double)(f->sums.run + f->sums.runnable) &&
	       cpus_are_short(f);
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

/* CPU time that was there to be used and was not: locks left it, or threads that could run had no
 * CPU. */
static double missing(const struct result_parallelism *p)
{
	return p->efficiency < verdict_limit(THRESHOLD_EFFICIENCY)
		       ? (p->attainable - p->average) * (double)p->active
		       : 0;
}

/* Locks left at least half of it unused. */
static bool contended(const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	return missing(p) > 0 && could_gain(f) && p->lock_loss > 0 &&
	       (double)p->lock_loss >= verdict_limit(THRESHOLD_LOCK_PART) * missing(p);
}

/* At least half of it was somebody else's, or the quota's. */
static bool short_of_cpus(const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	return (double)p->lock_loss < verdict_limit(THRESHOLD_LOCK_PART) * missing(p) &&
	       p->starved_share >= verdict_limit(THRESHOLD_SHORT_OF_CPUS) && cpus_are_short(f);
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
	{ VERDICT_SERIALIZED, serialized },
	{ VERDICT_CPU_STARVED, verdict_one_cpu },
	{ VERDICT_CPU_STARVED, starved },
	{ VERDICT_CONTENDED, contended },
	{ VERDICT_CPU_STARVED, short_of_cpus },
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
