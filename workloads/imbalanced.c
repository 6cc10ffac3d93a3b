/* SPDX-License-Identifier: MIT */
/* One thread with long work and many with short: when the short ones are done, one CPU is left
 * busy. */
#include "common.h"

/* All short ones together do a quarter of the long one's work, however many they are. */
static const double short_part = 0.25;

static void count(struct common_worker *me)
{
	unsigned int shorts = me->crew->options.threads - 1;
	uint64_t steps = common_steps(me->crew, me->index ? short_part / shorts : 1);

	while (steps--)
		common_step(me);
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "imbalanced",
		.summary = "One long thread, the others short, no lock: the long one ends alone.",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	common_run_threads(crew, count);
	return common_finish(crew);
}
