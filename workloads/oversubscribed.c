/* SPDX-License-Identifier: MIT */
/* More threads than CPUs and no lock: what they wait for is a CPU. */
#include "gil.h"

static void count(struct common_worker *me)
{
	for (uint64_t n = common_steps(me->crew, 1); n; n--)
		common_step(me);
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "oversubscribed",
		.summary = "More CPU-bound threads than CPUs, without a lock: they wait for a CPU.",
		.threads_per_cpu = 4,
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	common_run_threads(crew, count);
	return common_finish(crew);
}
