/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lock_kind.h"
#include "verdict.h"

static double percent(const struct verdict_facts *f, uint64_t ns)
{
	return f->sums.active ? 100 * (double)ns / (double)f->sums.active : 0;
}

static double ms(double ns)
{
	return ns / 1e6;
}

static double active_percent(const struct result_parallelism *p)
{
	return p->window ? 100 * (double)p->active / (double)p->window : 0;
}

/* "2 CPUs", or "1.50 CPUs" where a quota allows a part of one. */
static void say_cpus(struct buf *b, double cpus)
{
	buf_printf(b, cpus == floor(cpus) ? "%.0f CPU%s" : "%.2f CPU%s", cpus,
		   cpus == 1 ? "" : "s");
}

static const char *why_unknown(const struct verdict_facts *f)
{
	return f->ends_early ? "the trace ends early" : "records were lost";
}

/* "gil_mutex (gil)", "a mutex at 0x…" or "a lock". */
static void say_lock(struct buf *b, const struct result_lock *l)
{
	if (!l)
		buf_add_str(b, "a lock");
	else if (l->name)
		buf_printf(b, "%s (%s)", l->name, lock_kind_name(l->kind));
	else if (l->nwords)
		buf_printf(b, "the %s at 0x%" PRIx64,
			   l->kind == LOCK_KIND_UNKNOWN ? "lock" : lock_kind_name(l->kind),
			   l->words[0].addr);
	else
		buf_printf(b, "lock %" PRIu32, l->id);
}

static void say_wait(struct buf *b, const struct result_event *e)
{
	if (e->name)
		buf_add_str(b, e->name);
	else
		buf_printf(b, "the word at 0x%" PRIx64, e->nwords ? e->words[0].addr : 0);
}

static void say_gain(struct buf *b, const struct result_parallelism *p)
{
	buf_printf(b, "; gain bound %.2f: if nothing waited, this work could use at most %.2f CPUs",
		   p->gain_bound, p->gain_bound);
}

/* What it hangs on, both answers, and what would tell. */
static void say_unproven(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(b, "inconclusive: %s if ", verdict_class_name(verdict_climb(f)));
	say_wait(b, f->unproven);
	buf_printf(
		b,
		" is no lock, %s if it is, and neither is proven: for %.1f %% of active time threads waited there while at most one ran; a longer run with an idle CPU would tell; gain bound %.2f",
		verdict_class_name(verdict_climb(f->if_lock)), 100 * verdict_unproven_share(f),
		f->parallelism->gain_bound);
}

static void say_inconclusive(struct buf *b, const struct verdict_facts *f)
{
	if (f->unknown_share > verdict_limit(THRESHOLD_UNKNOWN))
		buf_printf(
			b,
			"inconclusive: %s, %.1f %% of the threads' time is unknown (limit %.0f %%)",
			why_unknown(f), 100 * f->unknown_share,
			100 * verdict_limit(THRESHOLD_UNKNOWN));
	else if (verdict_climb(f) != VERDICT_INCONCLUSIVE)
		say_unproven(b, f);
	else
		buf_printf(b, "inconclusive: only %.2f ms of work were seen, fewer than %.0f ms",
			   ms((double)f->sums.active), ms(verdict_limit(THRESHOLD_ACTIVE_NS)));
	buf_printf(b, "; gain bound %.2f", f->parallelism->gain_bound);
}

static void say_io_bound(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(
		b,
		"io-bound: threads ran, or wanted to, for %.1f %% of the time; average parallelism %.2f then",
		active_percent(f->parallelism), f->parallelism->average);
	say_gain(b, f->parallelism);
}

/* For how long a thread holds the global lock before it must let go of it, ms. */
static const uint32_t slices[GT_INTERPRETER_COUNT] = {
	[GT_INTERPRETER_CPYTHON] = 5,
	[GT_INTERPRETER_RUBY] = 100,
	[GT_INTERPRETER_OCAML] = 50,
};

/* Threads that end before their time slice does take turns without ever waiting for long. */
static void say_too_short(struct buf *b, const struct verdict_facts *f)
{
	uint32_t slice = slices[f->interpreter];

	if (slice && f->sums.workers > 1 && ms((double)f->sums.run_max) < slice)
		buf_printf(
			b,
			"; too short to tell whether %s keeps its threads apart: none of %" PRIu32
			" ran as long as a time slice (%" PRIu32 " ms)",
			lock_kind_global_name(f->interpreter), f->sums.workers, slice);
}

static void say_single_threaded(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(
		b,
		"single-threaded: two or more threads had something to do for %.1f %% of active time",
		percent(f, f->sums.several));
	say_too_short(b, f);
	say_gain(b, f->parallelism);
}

/* How many CPUs there were, and what kept it to them. */
static void say_limit(struct buf *b, const struct verdict_facts *f)
{
	double cpus = f->parallelism->cpus;

	if (f->quota) {
		buf_add_str(b, "a quota of ");
		say_cpus(b, cpus);
	} else if (cpus < f->cpus_online) {
		buf_printf(b, "%.0f of %" PRIu32 " CPUs", cpus, f->cpus_online);
	} else {
		say_cpus(b, cpus);
	}
}

/* A lock that would be in the way if there were CPUs enough. */
#define LOCK_TOO_SHARE 0.2

/* Worth a word where it may be the reason. */
#define OWN_SHARE 0.05

static void say_others(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(b, "other programs used %.2f CPUs", f->others);
	if (f->own >= OWN_SHARE)
		buf_printf(b, ", %.2f of them giltrace itself",
			   f->own < f->others ? f->own : f->others);
}

/* Masks under which threads had fewer CPUs than there were. */
static void say_narrow(struct buf *b, const struct result_parallelism *p)
{
	if (p->narrow_share > 0) {
		buf_printf(b, ", held to %" PRIu32 " of ", p->narrow_cpus);
		say_cpus(b, p->cpus);
		buf_printf(b, " for %.1f %% of their time", 100 * p->narrow_share);
	}
}

static void say_cpu_starved(struct buf *b, const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	buf_add_str(b, "cpu-starved: ");
	if (verdict_one_cpu(f)) {
		say_limit(b, f);
		buf_printf(
			b,
			" for threads of which two or more had something to do for %.1f %% of active time",
			percent(f, f->sums.several));
	} else {
		buf_add_str(b, "threads waited 1 ms or longer for one of ");
		say_limit(b, f);
		buf_printf(b, " in %.1f %% of active time", 100 * p->starved_share);
		say_narrow(b, p);
	}
	buf_printf(b, "; average parallelism %.2f of %.2f attainable", p->average, p->attainable);
	if (f->others > 0) {
		buf_add_str(b, "; ");
		say_others(b, f);
		buf_printf(b, ", %.2f were idle", f->idle);
	}
	if (f->lock && p->serialized_share >= LOCK_TOO_SHARE) {
		buf_add_str(b, "; more CPUs may not help: ");
		say_lock(b, f->lock);
		buf_printf(b, " was waited for while at most one thread ran for %.1f %%",
			   100 * p->serialized_share);
	}
	say_gain(b, p);
}

static void say_serialized(struct buf *b, const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	buf_add_str(b, "serialized by ");
	say_lock(b, f->lock);
	buf_printf(
		b,
		": for %.1f %% of active time at most one thread ran while others waited for a lock; average parallelism %.2f of %.2f attainable",
		100 * p->serialized_share, p->average, p->attainable);
	say_gain(b, p);
}

static void say_contended(struct buf *b, const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	buf_add_str(b, "contended: waiting for ");
	say_lock(b, f->lock);
	buf_printf(
		b,
		" and other locks left %.1f ms of CPU time unused; average parallelism %.2f of %.2f attainable (%.0f %%)",
		ms((double)p->lock_loss), p->average, p->attainable, 100 * p->efficiency);
	say_gain(b, p);
}

static void say_imbalanced(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(
		b,
		"imbalanced: for %.1f %% of active time one thread ran alone while no other was ready to run or waited for a known lock; average parallelism %.2f of ",
		percent(f, f->sums.alone), f->parallelism->average);
	say_cpus(b, f->parallelism->cpus);
	say_too_short(b, f);
	say_gain(b, f->parallelism);
	if (f->sums.workers > 1)
		buf_printf(
			b,
			"; %" PRIu32
			" threads worked, and a lock whose waiters each sleep on a word of their own would look the same",
			f->sums.workers);
}

static void say_parallel(struct buf *b, const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	buf_printf(b, "parallel: average parallelism %.2f on ", p->average);
	say_cpus(b, p->cpus);
	buf_printf(b, " with %" PRIu32 " busy threads", f->sums.workers);
	say_gain(b, p);
	buf_add_str(b, "; busy waiting would look the same");
}

static void say_mixed(struct buf *b, const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	buf_printf(
		b,
		"mixed: of active time %.1f %% serialized, %.1f %% starved, %.1f %% one thread alone; locks left %.1f ms of CPU time unused; average parallelism %.2f of %.2f attainable",
		100 * p->serialized_share, 100 * p->starved_share, percent(f, f->sums.alone),
		ms((double)p->lock_loss), p->average, p->attainable);
	if (p->starved_share >= verdict_limit(THRESHOLD_SHORT_OF_CPUS)) {
		say_narrow(b, p);
		if (f->others > 0) {
			buf_add_str(b, "; ");
			say_others(b, f);
		}
	}
	say_gain(b, p);
}

static const struct {
	void (*say)(struct buf *b, const struct verdict_facts *f);
	bool lock; /* the sentence names one */
} sentences[VERDICT_COUNT] = {
	[VERDICT_INCONCLUSIVE] = { say_inconclusive },
	[VERDICT_IO_BOUND] = { say_io_bound },
	[VERDICT_SINGLE_THREADED] = { say_single_threaded },
	[VERDICT_CPU_STARVED] = { say_cpu_starved },
	[VERDICT_SERIALIZED] = { say_serialized, .lock = true },
	[VERDICT_CONTENDED] = { say_contended, .lock = true },
	[VERDICT_IMBALANCED] = { say_imbalanced },
	[VERDICT_PARALLEL] = { say_parallel },
	[VERDICT_MIXED] = { say_mixed },
};

static void evidence_time(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(
		b,
		"active for %.1f of %.1f ms; two or more threads had something to do for %.1f %% of that",
		ms((double)f->sums.active), ms((double)f->parallelism->window),
		percent(f, f->sums.several));
}

static void evidence_parallelism(struct buf *b, const struct verdict_facts *f)
{
	const struct result_parallelism *p = f->parallelism;

	buf_printf(b, "average parallelism %.2f, attainable %.2f on ", p->average, p->attainable);
	say_cpus(b, p->cpus);
	buf_printf(b, " (efficiency %.0f %%)", 100 * p->efficiency);
}

static void evidence_shares(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(b,
		   "of active time: %.1f %% serialized, %.1f %% starved, %.1f %% one thread alone",
		   100 * f->parallelism->serialized_share, 100 * f->parallelism->starved_share,
		   percent(f, f->sums.alone));
}

static void evidence_gain(struct buf *b, const struct verdict_facts *f)
{
	buf_printf(b, "ran for %.1f ms in all, the busiest thread for %.1f ms: gain bound %.2f",
		   ms((double)f->sums.run), ms((double)f->sums.run_max),
		   f->parallelism->gain_bound);
}

static void evidence_lock(struct buf *b, const struct verdict_facts *f)
{
	const struct result_lock *l = f->lock;

	if (!l)
		return;
	say_lock(b, l);
	buf_printf(
		b,
		": %" PRIu64
		" waits, %.1f ms in all, someone waiting for it in %.1f %% of serialized time; locks left %.1f ms of CPU time unused",
		l->waits, ms((double)l->wait.sum), 100 * f->lock_explains,
		ms((double)f->parallelism->lock_loss));
}

static void evidence_unproven(struct buf *b, const struct verdict_facts *f)
{
	if (verdict_unproven_share(f) <= 0)
		return;
	say_wait(b, f->unproven);
	buf_printf(
		b,
		" may be a lock, which is not proven: for %.1f %% of active time threads waited there while at most one ran",
		100 * verdict_unproven_share(f));
}

static void evidence_others(struct buf *b, const struct verdict_facts *f)
{
	if (f->others > 0) {
		say_others(b, f);
		buf_add_str(b, " on average");
	}
}

/* Of classes that take running time for progress. */
static void evidence_spinning(struct buf *b, const struct verdict_facts *f)
{
	enum verdict_class class = verdict_decide(f);

	if (class == VERDICT_PARALLEL || class == VERDICT_MIXED || class == VERDICT_CPU_STARVED)
		buf_add_str(b, "a thread that waits by spinning is running to the scheduler: "
			       "busy waiting cannot be told from work");
}

static void evidence_unknown(struct buf *b, const struct verdict_facts *f)
{
	if (f->unknown_share > 0)
		buf_printf(b, "%.2f %% of the threads' time is unknown: %s", 100 * f->unknown_share,
			   why_unknown(f));
}

/* Each may have nothing to say. */
static void (*const evidence[])(struct buf *b, const struct verdict_facts *f) = {
	evidence_time,	   evidence_parallelism, evidence_shares,   evidence_gain,    evidence_lock,
	evidence_unproven, evidence_others,	 evidence_spinning, evidence_unknown,
};

#define EVIDENCE_LINES (sizeof(evidence) / sizeof(evidence[0]))

static char *copy_text(struct buf *b)
{
	const char *text = buf_str(b);

	return text ? strdup(text) : NULL;
}

int verdict_write(const struct verdict_facts *f, struct result_verdict *out)
{
	struct buf b = { 0 };
	int err = -ENOMEM;

	out->class = verdict_decide(f);
	out->lock = f->lock && sentences[out->class].lock ? f->lock->id : 0;
	sentences[out->class].say(&b, f);
	out->sentence = copy_text(&b);
	out->evidence = calloc(EVIDENCE_LINES, sizeof(*out->evidence));
	if (!out->sentence || !out->evidence)
		goto out;
	for (size_t i = 0; i < EVIDENCE_LINES; i++) {
		buf_clear(&b);
		evidence[i](&b, f);
		if (!b.len && !b.err)
			continue;
		out->evidence[out->nevidence] = copy_text(&b);
		if (!out->evidence[out->nevidence])
			goto out;
		out->nevidence++;
	}
	err = 0;
out:
	buf_free(&b);
	return err;
}
