/* SPDX-License-Identifier: MIT */
#include "losses.h"

#include <string.h>

static int losses_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	struct model_counts counts;
	uint64_t life = 0;

	model_counts(ctx->model, &counts);
	out->losses.unseen_wakings = counts.unseen_wakings;
	memcpy(out->losses.reasons, ctx->meta->losses, sizeof(out->losses.reasons));
	out->losses.repaired = ctx->meta->repaired;
	out->losses.disordered = ctx->reader.disordered;
	out->losses.skipped = ctx->reader.skipped;
	out->losses.incomplete = ctx->reader.incomplete;
	out->losses.damaged = ctx->reader.damaged;
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
	.results = losses_results,
};
