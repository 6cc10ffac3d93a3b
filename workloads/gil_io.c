/* SPDX-License-Identifier: MIT */
/* Threads that let go of the GIL while they wait for data: the waits overlap, GIL or not. */
#include <unistd.h>
#include "gil.h"

enum { READ_NS = 10000000, READS = 100 /* in a unit of work */, STEPS = 10 /* to handle one */ };

static struct gil the_gil;

static void serve(struct common_worker *me)
{
	uint64_t reads = me->crew->options.work * READS + 0.5;
	int source = common_io_open();

	gil_take(&the_gil, me);
	do {
		uint64_t due;

		gil_drop(&the_gil, me);
		due = common_io_read(me, source, READ_NS);
		gil_take(&the_gil, me);
		common_io_served(me, due);
		for (int i = 0; i < STEPS; i++)
			common_step(me);
	} while (me->io_waits < reads);
	gil_drop(&the_gil, me);
	close(source);
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "gil_io",
		.summary =
			"I/O-bound threads that release the GIL around their reads: these overlap.",
		.lock = "the_gil",
	};
	struct common_crew *crew = common_crew(argc, argv, &about);

	gil_init(&the_gil, GIL_PYTHON3, crew->options.interval_us);
	common_run_threads(crew, serve);
	return common_finish(crew);
}
