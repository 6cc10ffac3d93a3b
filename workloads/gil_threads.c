/* SPDX-License-Identifier: MIT */
/* Threads that compute under one GIL: as many as you like, and only one gets on at a time. */
#include "gil.h"

static struct gil the_gil;

static void count(struct common_worker *me)
{
	gil_interpret(&the_gil, me, common_steps(me->crew, 1));
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "gil_threads",
		.summary = "CPU-bound threads under one GIL: they take turns.",
		.lock = "the_gil",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	gil_init(&the_gil, GIL_PYTHON3, crew->options.interval_us);
	common_run_threads(crew, count);
	return common_finish(crew);
}
