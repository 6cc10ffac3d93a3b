/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "threads.h"

/* Sum the threads' rows by process index; processes without any ended before the window. */
static void add_threads(struct result_process *by_index, const struct analysis_context *ctx,
			const struct results *out)
{
	for (size_t i = 0; i < out->nthreads; i++) {
		const struct result_thread *t = &out->threads[i];
		struct result_process *r =
			&by_index[model_thread(ctx->model, t->id)->process->index];

		if (!r->threads || t->start < r->start)
			r->start = t->start;
		if (t->end > r->end)
			r->end = t->end;
		r->run += t->run;
		r->threads++;
	}
}

static int name(struct result_process *r, const struct process *p)
{
	r->id = p->id;
	r->parent = p->parent;
	r->pid = p->tgid;
	r->comm = strdup(p->comm);
	r->exe = p->exe ? strdup(p->exe) : NULL;
	return r->comm && (r->exe || !p->exe) ? 0 : -ENOMEM;
}

static int processes_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	uint32_t n = model_nprocesses(ctx->model);
	int err = 0;

	out->processes = calloc(n + 1, sizeof(*out->processes));
	if (!out->processes)
		return -ENOMEM;
	add_threads(out->processes, ctx, out);
	for (uint32_t i = 0; i < n && !err; i++) {
		struct result_process *r = &out->processes[out->nprocesses];

		if (!out->processes[i].threads)
			continue;
		if (r != &out->processes[i])
			*r = out->processes[i];
		out->nprocesses++;
		err = name(r, model_process_at(ctx->model, i));
	}
	return err;
}

const struct analysis processes_analysis = {
	.name = "processes",
	.results = processes_results,
};
