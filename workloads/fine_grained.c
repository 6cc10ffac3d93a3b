/* SPDX-License-Identifier: MIT */
/* Data in many shards, a lock each: every step takes one, yet two threads seldom meet. */
#include "gil.h"

static struct gil_shard shards[256];

static void count(struct common_worker *me)
{
	me->value = me->index; /* a different walk through the shards for each */
	for (uint64_t n = common_steps(me->crew, 1); n; n--) {
		struct gil_shard *shard;

		common_step(me);
		shard = &shards[me->value >> 56]; /* the top 8 bits are the random ones */
		gil_shard_take(shard, me);
		shard->data++;
		gil_shard_drop(shard, me);
	}
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "fine_grained",
		.summary = "Sharded locks, one of 256 taken at every step: they seldom meet.",
		.lock = "shards",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	for (int i = 0; i < 256; i++)
		gil_shard_init(&shards[i]);
	common_run_threads(crew, count);
	return common_finish(crew);
}
