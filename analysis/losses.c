/* SPDX-License-Identifier: MIT */
#include "losses.h"

#include <stdlib.h>
#include <string.h>

/*
 * A loss is told by the next record that found room, when the model already took the time since the
 * first lost one for what it was before. That time of the threads concerned is unknown, too.
 */
struct losses {
	uint64_t first;	 /* of the loss being told */
	uint64_t before; /* thread-time between a loss and the record that told of it */
};

static void record(void *ctx, const struct model *m, const struct gt_event *ev)
{
	struct losses *l = ctx;

	if (ev->kind == GT_LOST)
		l->first = ev->u.lost.first;
}

static void transition(void *ctx, const struct model *m, struct thread *t, enum state next,
		       uint64_t now)
{
	struct losses *l = ctx;
	uint64_t from = l->first > t->since ? l->first : t->since;

	if (next == STATE_UNKNOWN && t->state != STATE_NONE && l->first && from < now)
		l->before += now - from;
}

static const struct model_sink sink = { .transition = transition, .record = record };

static void *losses_new(struct analysis_context *ctx)
{
	return calloc(1, sizeof(struct losses));
}

static int losses_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	const struct losses *l = self;
	uint64_t life = 0;

	memcpy(out->losses.reasons, ctx->meta->losses, sizeof(out->losses.reasons));
	out->losses.repaired = ctx->meta->repaired;
	out->losses.disordered = ctx->reader.disordered;
	out->losses.skipped = ctx->reader.skipped;
	out->losses.incomplete = ctx->reader.incomplete;
	out->losses.damaged = ctx->reader.damaged;
	out->losses.unknown = l->before;
	for (size_t i = 0; i < out->nthreads; i++) {
		out->losses.unknown += out->threads[i].unknown;
		life += out->threads[i].end - out->threads[i].start;
	}
	out->losses.unknown_share = life ? (double)out->losses.unknown / (double)life : 0;
	out->losses.limit = LOSSES_LIMIT;
	out->losses.exceeded = out->losses.unknown_share > LOSSES_LIMIT;
	return 0;
}

const struct analysis losses_analysis = {
	.name = "losses",
	.sink = &sink,
	.new = losses_new,
	.results = losses_results,
	.free = free,
};
