/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "parallelism_private.h"

/* CPU masks under which less than this share of the active thread-time was spent do not count for
 * N. */
#define MASK_SHARE 0.01

struct mask_weight {
	uint32_t mask;
	uint64_t time;
};

static int by_time(const void *a, const void *b)
{
	const struct mask_weight *x = a, *y = b;

	return (x->time > y->time) - (x->time < y->time);
}

/*
 * Flags the masks that count: all but the lightest ones that together stay below MASK_SHARE (a
 * launcher's own mask before it narrowed it). Together, as a hundred threads pinned to a CPU each
 * have less than that each.
 */
static void choose_masks(const struct scope *s, struct mask_weight *weights, bool *wanted)
{
	uint64_t total = 0, left_out = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->mask_time_len; i++) {
		if (!s->mask_time[i])
			continue;
		weights[n++] = (struct mask_weight){ i, s->mask_time[i] };
		total += s->mask_time[i];
	}
	qsort(weights, n, sizeof(*weights), by_time);
	for (uint32_t i = 0; i < n; i++) {
		left_out += weights[i].time;
		wanted[weights[i].mask] = (double)left_out >= MASK_SHARE * (double)total;
	}
}

/* N: how many CPUs the scope's threads could use at once. 0 or -ENOMEM. */
static int usable_cpus(const struct scope *s, const struct analysis_context *ctx, double *cpus)
{
	uint32_t nmasks = model_nmasks(ctx->model), n;
	struct mask_weight *weights = calloc(s->mask_time_len + 1, sizeof(*weights));
	bool *wanted =
		calloc(nmasks > s->mask_time_len ? nmasks : s->mask_time_len + 1, sizeof(*wanted));
	const struct gt_meta *meta = ctx->meta;
	int err = -ENOMEM;

	if (!weights || !wanted)
		goto out;
	choose_masks(s, weights, wanted);
	n = model_mask_union(ctx->model, wanted);
	if (!n)
		n = meta->cpus_allowed ? meta->cpus_allowed : meta->cpus_online;
	/* A task that was never pinned may by its mask use CPUs that the machine does not have. */
	if (meta->cpus_online && n > meta->cpus_online)
		n = meta->cpus_online;
	*cpus = n ? n : 1;
	if (meta->cpu_quota > 0 && meta->cpu_quota < *cpus)
		*cpus = meta->cpu_quota;
	err = 0;
out:
	free(weights);
	free(wanted);
	return err;
}

/* Time under masks that leave fewer CPUs than N: taskset -p on a running program, threads pinned
 * apart. */
static void find_narrow(const struct scope *s, const struct model *m,
			struct result_parallelism *out)
{
	uint64_t total = 0, narrow = 0;

	for (uint32_t i = 0; i < s->mask_time_len; i++)
		total += s->mask_time[i];
	for (uint32_t i = 0; i < s->mask_time_len; i++) {
		uint32_t n = s->mask_time[i] ? model_mask_cpus(m, i) : 0;

		/* What does not count for N does not count here. */
		if (!n || n >= out->cpus || (double)s->mask_time[i] < MASK_SHARE * (double)total)
			continue;
		narrow += s->mask_time[i];
		if (!out->narrow_cpus || n < out->narrow_cpus)
			out->narrow_cpus = n;
	}
	out->narrow_share = total ? (double)narrow / (double)total : 0;
}

static double min_double(double a, double b)
{
	return a < b ? a : b;
}

/* Integral of min(N, P + R + L). */
static double attainable_time(const struct scope *s, double cpus)
{
	double sum = 0;

	for (uint32_t i = 1; i < s->demand_len; i++)
		sum += (double)s->demand[i] * min_double(cpus, i);
	return sum;
}

/* Integral of min(L, max(0, N - P - R)). */
static double lock_loss(const struct scope *s, double cpus)
{
	double sum = 0;

	for (uint32_t pr = 0; s->idle_waiters && pr < s->cap && pr < cpus; pr++)
		for (uint32_t l = 1; s->idle_waiters[pr] && l <= s->cap; l++)
			sum += (double)s->idle_waiters[pr][l] * min_double(l, cpus - pr);
	return sum;
}

static int fill_histogram(const struct scope *s, struct result_parallelism *out)
{
	uint64_t busy = 0;
	uint32_t n = s->histogram_len;

	while (n > 1 && !s->histogram[n - 1])
		n--;
	out->histogram = calloc(n ? n : 1, sizeof(*out->histogram));
	if (!out->histogram)
		return -ENOMEM;
	out->nhistogram = n ? n : 1;
	for (uint32_t i = 1; i < n; i++) {
		out->histogram[i] = s->histogram[i];
		busy += s->histogram[i];
	}
	out->histogram[0] = out->window > busy ? out->window - busy : 0;
	out->max = n ? n - 1 : 0;
	return 0;
}

/* Times of a hostile trace may lead beyond what 64 bits hold. */
static uint64_t whole_ns(double ns)
{
	return ns < 0x1p64 ? (uint64_t)ns : UINT64_MAX;
}

/* The kernel sums over CPUs: all of them may have been stopped at once. */
static uint64_t least_throttled(uint64_t throttled, const struct gt_meta *meta)
{
	return meta->cpus_online ? throttled / meta->cpus_online : 0;
}

static int evaluate(const struct parallelism *p, const struct process *process, uint64_t throttled,
		    const struct analysis_context *ctx, struct result_parallelism *out)
{
	const struct scope *s = process ? p->scopes[process->index] : &p->whole;
	struct parallelism_sums sums;
	double active, longest;
	uint64_t starved;
	int err = usable_cpus(s, ctx, &out->cpus);

	if (!err)
		err = fill_histogram(s, out);
	if (err)
		return err;
	find_narrow(s, ctx->model, out);
	parallelism_sums(p, process, &sums);
	out->active = sums.active;
	out->serialized = sums.serialized;
	out->lock_loss = whole_ns(lock_loss(s, out->cpus));
	out->gain_bound = 1;
	active = (double)sums.active;
	if (!sums.active)
		return 0;
	/* Throttled threads are runnable: added to the union their time would count twice. */
	starved = least_throttled(throttled, ctx->meta);
	if (starved < sums.starved)
		starved = sums.starved;
	out->average = (double)sums.run / active;
	out->attainable = attainable_time(s, out->cpus) / active;
	out->efficiency = min_double(1, out->average / out->attainable);
	out->serialized_share = (double)sums.serialized / active;
	out->starved_share = min_double(1, (double)starved / active);
	longest = (double)sums.run / out->cpus;
	if ((double)sums.run_max > longest)
		longest = (double)sums.run_max;
	if (longest > 0)
		out->gain_bound = (double)sums.run / longest;
	return 0;
}

int parallelism_if_locks(const struct analysis_context *ctx, const struct process *scope,
			 const struct result_parallelism *as_events, struct result_parallelism *out,
			 struct parallelism_sums *sums)
{
	const struct parallelism *p = ctx->parallelism->if_locks;
	int err;

	if (!p || (scope && (scope->index >= p->scopes_cap || !p->scopes[scope->index])))
		return 0;
	*out = (struct result_parallelism){ .window = as_events->window };
	err = p->err ? p->err : evaluate(p, scope, scope ? 0 : ctx->meta->throttled, ctx, out);
	if (err) {
		free(out->histogram);
		return err;
	}
	parallelism_sums(p, scope, sums);
	return 1;
}

int parallelism_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	const struct parallelism *p = self;
	uint32_t index = 0;
	int err = p->err;

	out->parallelism.window = out->end - out->start;
	if (!err)
		err = evaluate(p, NULL, ctx->meta->throttled, ctx, &out->parallelism);
	out->active = out->parallelism.active;
	for (size_t i = 0; i < out->nprocesses && !err; i++) {
		struct result_process *r = &out->processes[i];
		const struct process *process = model_process_at(ctx->model, index);

		while (process->id != r->id)
			process = model_process_at(ctx->model, ++index);
		r->parallelism.window = r->end - r->start;
		if (process->index < p->scopes_cap && p->scopes[process->index])
			err = evaluate(p, process, 0, ctx, &r->parallelism);
	}
	return err;
}
