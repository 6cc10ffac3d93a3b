/* SPDX-License-Identifier: MIT */
/* Several interpreters in one process, each with a GIL of its own: nobody waits for one. */
#include "gil.h"

static struct gil interpreter_gil[COMMON_MAX_THREADS];

static void count(struct common_worker *me)
{
	gil_interpret(&interpreter_gil[me->index], me, common_steps(me->crew, 1));
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "gil_perinterp",
		.summary = "One GIL per interpreter in one process: they run side by side.",
		.lock = "interpreter_gil",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	for (unsigned int i = 0; i < crew->options.threads; i++)
		gil_init(&interpreter_gil[i], GIL_PYTHON3, crew->options.interval_us);
	common_run_threads(crew, count);
	return common_finish(crew);
}
