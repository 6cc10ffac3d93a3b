/* SPDX-License-Identifier: MIT */
/* The work of gil_threads without a lock: what the threads could do if nothing stopped them. */
#include "gil.h"

static struct gil no_lock;

static void count(struct common_worker *me)
{
	gil_interpret(&no_lock, me, common_steps(me->crew, 1));
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "free_threads",
		.summary = "The work of gil_threads without a lock: they run side by side.",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	gil_init(&no_lock, GIL_NONE, 0);
	common_run_threads(crew, count);
	return common_finish(crew);
}
