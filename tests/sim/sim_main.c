/* SPDX-License-Identifier: MIT */
/*
 * Simulate worlds, report on them with giltrace, compare with the truth. A seed stands for a whole
 * world; options fix what it would otherwise draw. "sim --help" lists them.
 */
#include "sim_params.h"
#include "sim_scenarios.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/parse.h"

#define FAILURES_TOLD 5
#define REPORT_SECONDS 60

struct options {
	struct sim_fixed fixed;
	uint64_t seed, seeds;
	bool shrink, no_truth, scenarios;
	const char *giltrace, *keep;
};

/* ---- one world ---- */

static int write_trace(const struct sim_params *p, const char *path, struct sim_case *c)
{
	struct sim *s = sim_new(p);
	int err = s ? 0 : -ENOMEM;

	if (!err) {
		s->trace = sim_trace_new(p, path);
		err = s->trace ? sim_run(s) : -errno;
	}
	if (!err)
		err = sim_trace_finish(s->trace, s);
	if (!err) {
		c->lost = sim_trace_lost(s->trace);
		c->losses = sim_trace_losses(s->trace, &c->nlosses);
		c->end = s->end;
	}
	if (s)
		sim_trace_free(s->trace);
	sim_free(s);
	return err;
}

/* giltrace in a process of its own: it may crash, or never come back. `seed` chooses how many threads. */
static int run_report(const char *giltrace, const char *trace, const char *report, uint64_t seed)
{
	static const char *const jobs[] = { "1", "2", "4" };
	char export[4096 + 8];
	int status = 0;
	pid_t pid;

	fflush(NULL); /* or the child would print it again */
	pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		snprintf(export, sizeof(export), "json:%s", report);
		alarm(REPORT_SECONDS);
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execl(giltrace, giltrace, "report", "-j", jobs[seed % 3], "--export", export, trace,
		      (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	fprintf(stderr, "    giltrace report ended with status 0x%x\n", status);
	return 1;
}

/* Differences, 0: none; or -errno. */
static int try(const struct options *o, const struct sim_params *p, FILE *out)
{
	char trace[4096], report[4096];
	const char *dir = o->keep ? o->keep : getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	struct sim_case c = { .p = *p, .trace = trace, .report = report, .out = out };
	int err;

	snprintf(trace, sizeof(trace), "%s/sim-%d-%" PRIu64 ".giltrace", dir,
		 o->keep ? 0 : (int)getpid(), p->seed);
	snprintf(report, sizeof(report), "%s/sim-%d-%" PRIu64 ".json", dir,
		 o->keep ? 0 : (int)getpid(), p->seed);
	err = write_trace(p, trace, &c);
	if (!err)
		err = run_report(o->giltrace, trace, report, p->seed);
	if (!err)
		err = sim_check(&c);
	free(c.losses);
	if (!o->keep) {
		unlink(trace);
		unlink(report);
	}
	return err;
}

/* ---- shrinking ---- */

static bool fails(const struct options *o, const struct sim_params *p)
{
	return try(o, p, NULL) > 0;
}

static bool smaller(const struct options *o, struct sim_params *p, struct sim_params try_it)
{
	if (!fails(o, &try_it))
		return false;
	*p = try_it;
	return true;
}

static bool with(const struct options *o, struct sim_params *p, uint32_t *field, uint32_t value)
{
	struct sim_params q = *p;
	uint32_t *at = (uint32_t *)((char *)&q + ((char *)field - (char *)p));

	if (!value || *field <= value)
		return false;
	*at = value;
	return smaller(o, p, q);
}

static bool without_a_feature(const struct options *o, struct sim_params *p)
{
	for (int i = 0; i < SIM_FEATURES; i++) {
		struct sim_params q = *p;

		q.features &= ~(1u << i);
		if (q.features != p->features && smaller(o, p, q))
			return true;
	}
	return false;
}

static bool shorter(const struct options *o, struct sim_params *p, uint64_t length)
{
	struct sim_params q = *p;

	q.length = length;
	return length >= 1 * MS && length < p->length && smaller(o, p, q);
}

/* Until nothing that is left can be left out. Other draws follow from other parameters: more seeds
 * are tried. */
static void shrink(const struct options *o, struct sim_params *p)
{
	struct sim_params whole = *p;

	whole.damage = SIM_WHOLE;
	if (p->damage != SIM_WHOLE)
		smaller(o, p, whole);
	while (with(o, p, &p->processes, 1) || with(o, p, &p->processes, p->processes - 1) ||
	       with(o, p, &p->threads, p->threads / 2) || with(o, p, &p->threads, p->threads - 1) ||
	       without_a_feature(o, p) || shorter(o, p, p->length / 2) ||
	       shorter(o, p, p->length * 7 / 8) || with(o, p, &p->cpus, p->cpus / 2) ||
	       with(o, p, &p->cpus, p->cpus - 1))
		;
}

/* ---- many ---- */

static int one(const struct options *o, uint64_t seed, uint64_t told)
{
	struct sim_params p = o->fixed.p.scenario ? o->fixed.p : sim_params_of(&o->fixed, seed);
	bool tell = told < FAILURES_TOLD;
	int n;

	p.seed = seed;
	if (p.scenario)
		sim_scenario_params(&p);
	n = try(o, &p, tell ? stderr : NULL);

	if (n < 0) {
		fprintf(stderr, "sim: seed %" PRIu64 ": %s\n", seed, strerror(-n));
		return n;
	}
	if (n)
		printf("FAIL sim: seed %" PRIu64 "\n", seed);
	if (!n || !tell)
		return n > 0;
	fprintf(stderr, "%d differences: ", n);
	sim_params_print(stderr, &p);
	if (o->shrink && !p.scenario) {
		shrink(o, &p);
		fprintf(stderr, "smallest: ");
		sim_params_print(stderr, &p);
		try(o, &p, stderr);
	}
	return 1;
}

static int many(const struct options *o)
{
	uint64_t failed = 0;

	for (uint64_t i = 0; i < o->seeds; i++) {
		int n = one(o, o->seed + i, failed);

		if (n < 0)
			return 1;
		failed += n;
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", o->seeds - failed, failed);
	return failed > 0;
}

/* ---- scenarios ---- */

/* Alone, beside one busy program, beside one on each CPU, and held to one CPU. */
static const struct {
	uint32_t load;
	bool one_cpu;
} situations[] = { { 0, false }, { 1, false }, { UINT32_MAX, false }, { 0, true } };

static int one_scenario(const struct options *o, struct sim_params p, uint64_t *failed)
{
	int n;

	sim_scenario_params(&p);
	n = try(o, &p, stderr);
	if (n < 0)
		fprintf(stderr, "sim: %s: %s\n", sim_scenario_name(p.scenario), strerror(-n));
	if (n) {
		printf("FAIL sim: ");
		sim_params_print(stdout, &p);
	}
	*failed += n != 0;
	return n < 0 ? n : 0;
}

/* Every scenario, or the one named, on that many CPUs, or on few and many, in every situation. */
static int all_scenarios(const struct options *o)
{
	static const uint32_t cpus[] = { 1, 2, 8, 64, 256 };
	uint64_t done = 0, failed = 0;

	for (uint32_t n = 1; sim_scenario_name(n); n++)
		for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++)
			for (size_t j = 0; j < sizeof(situations) / sizeof(situations[0]); j++) {
				struct sim_params p = { .seed = o->seed,
							.scenario = n,
							.cpus = cpus[i],
							.one_cpu = situations[j].one_cpu };

				p.load = situations[j].load < p.cpus ? situations[j].load : p.cpus;
				/* On one CPU one busy program is one on each. */
				if (p.cpus == 1 && (p.one_cpu || situations[j].load == 1))
					continue;
				if (one_scenario(o, p, &failed))
					return 1;
				done++;
			}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", done - failed, failed);
	return failed > 0;
}

static int generate(const struct options *o)
{
	struct sim_params p = o->fixed.p.scenario ? o->fixed.p : sim_params_of(&o->fixed, o->seed);
	struct sim_case c = { 0 };
	int err;

	p.seed = o->seed;
	if (p.scenario)
		sim_scenario_params(&p);
	err = write_trace(&p, o->keep, &c);

	if (err)
		fprintf(stderr, "sim: %s: %s\n", o->keep, strerror(-err));
	else
		sim_params_print(stdout, &p);
	free(c.losses);
	return err != 0;
}

/* ---- options ---- */

static int number(const char *text, uint64_t most, uint64_t *out)
{
	return parse_u64(text, 1, most, out);
}

static int small(const char *text, uint32_t most, uint32_t *out)
{
	uint64_t value = 0;
	int err = number(text, most, &value);

	*out = (uint32_t)value;
	return err;
}

enum {
	SEED,
	SEEDS,
	CPUS,
	THREADS,
	PROCESSES,
	LENGTH,
	RECORDS,
	FEATURES,
	DAMAGE,
	SCENARIO,
	LOAD,
	ONE_CPU,
	SHRINK,
	KEEP,
	WRITE,
	GILTRACE,
	HELP
};

static const struct option names[] = {
	{ "seed", 1, NULL, SEED },	     { "seeds", 1, NULL, SEEDS },
	{ "cpus", 1, NULL, CPUS },	     { "threads", 1, NULL, THREADS },
	{ "processes", 1, NULL, PROCESSES }, { "length", 1, NULL, LENGTH },
	{ "records", 1, NULL, RECORDS },     { "features", 1, NULL, FEATURES },
	{ "damage", 1, NULL, DAMAGE },	     { "scenario", 1, NULL, SCENARIO },
	{ "load", 1, NULL, LOAD },	     { "one-cpu", 0, NULL, ONE_CPU },
	{ "shrink", 0, NULL, SHRINK },	     { "keep", 1, NULL, KEEP },
	{ "write", 1, NULL, WRITE },	     { "giltrace", 1, NULL, GILTRACE },
	{ "help", 0, NULL, HELP },	     { NULL },
};

static const char usage[] =
	"usage: sim [--seed N] [--seeds COUNT] [--shrink] [--giltrace PATH] [--keep DIR] [WORLD]\n"
	"       sim --write FILE [--seed N] [--records N] [WORLD]      only a trace, for benches\n"
	"       sim --scenario all [--seed N]    verdicts of programs of each kind, on few CPUs and many\n"
	"WORLD: --cpus N --threads N --processes N --length NS --features A,B|all|none\n"
	"       --damage whole|disorder|duplicate|loss|cut\n"
	"       or: --scenario NAME --cpus N [--load BUSY-CPUS] [--one-cpu]\n"
	"What WORLD leaves open the seed draws. --keep keeps traces and reports there.\n";

static int parse_option(struct options *o, int which, const char *arg)
{
	switch (which) {
	case SEED:
		return parse_u64(arg, 0, UINT64_MAX, &o->seed);
	case SEEDS:
		return number(arg, UINT32_MAX, &o->seeds);
	case CPUS:
		return small(arg, GT_MAX_CPUS, &o->fixed.p.cpus);
	case THREADS:
		return small(arg, 1000000, &o->fixed.p.threads);
	case PROCESSES:
		return small(arg, 12, &o->fixed.p.processes);
	case LENGTH:
		return number(arg, 1000000 * MS, &o->fixed.p.length);
	case RECORDS:
		return number(arg, UINT32_MAX, &o->fixed.p.records);
	case FEATURES:
		o->fixed.features_set = true;
		return sim_params_features(arg, &o->fixed.p.features);
	case DAMAGE:
		o->fixed.damage_set = true;
		return sim_params_damage(arg, &o->fixed.p.damage);
	case SCENARIO:
		o->scenarios = !strcmp(arg, "all");
		o->fixed.p.scenario = sim_scenario_find(arg);
		return o->scenarios || o->fixed.p.scenario ? 0 : -EINVAL;
	case LOAD:
		o->fixed.p.load = (uint32_t)strtoul(arg, NULL, 10);
		return o->fixed.p.load <= GT_MAX_CPUS ? 0 : -EINVAL;
	case ONE_CPU:
		o->fixed.p.one_cpu = true;
		return 0;
	case SHRINK:
		o->shrink = true;
		return 0;
	case WRITE:
		o->no_truth = true;
		o->keep = arg;
		return 0;
	case KEEP:
		o->keep = arg;
		return 0;
	case GILTRACE:
		o->giltrace = arg;
		return 0;
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .seeds = 1, .giltrace = "build/giltrace" };
	int which;

	while ((which = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (which == HELP) {
			fputs(usage, stdout);
			return 0;
		}
		if (parse_option(&o, which, optarg)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.fixed.p.scenario && !o.fixed.p.cpus)
		o.fixed.p.cpus = 2;
	if (o.scenarios)
		return all_scenarios(&o);
	return o.no_truth ? generate(&o) : many(&o);
}
