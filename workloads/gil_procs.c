/* SPDX-License-Identifier: MIT */
/* The work of gil_threads in processes: fork copies the GIL too, so each has its own. */
#include "gil.h"

static struct gil the_gil;

static void count(struct common_worker *me)
{
	gil_interpret(&the_gil, me, common_steps(me->crew, 1));
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "gil_procs",
		.summary =
			"The work of gil_threads in processes, a GIL each: they run side by side.",
		.lock = "the_gil",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	gil_init(&the_gil, GIL_PYTHON3, crew->options.interval_us);
	common_run_processes(crew, count);
	return common_finish(crew);
}
