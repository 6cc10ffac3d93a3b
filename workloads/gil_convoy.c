/* SPDX-License-Identifier: MIT */
/*
 * One thread that waits for data among others that compute: its data is there, how long until it
 * gets the GIL? That depends on the style of the GIL and on how many compute; with -t 1 none does.
 */
#include <stdio.h>
#include <unistd.h>
#include "gil.h"

enum { READ_NS = 2000000 };

static struct gil the_gil;

static uint64_t end_of_run(struct common_worker *me)
{
	return me->crew->start_ns + (uint64_t)(me->crew->options.work * 1e9);
}

static void serve(struct common_worker *me)
{
	int source = common_io_open();

	gil_take(&the_gil, me);
	while (common_now() < end_of_run(me)) {
		uint64_t due;

		gil_drop(&the_gil, me);
		due = common_io_read(me, source, READ_NS);
		gil_take(&the_gil, me);
		common_io_served(me, due);
	}
	gil_drop(&the_gil, me);
	close(source);
}

static void serve_or_count(struct common_worker *me)
{
	if (me->index == 0) {
		serve(me);
		return;
	}
	gil_take(&the_gil, me);
	while (common_now() < end_of_run(me)) {
		common_step(me);
		gil_check(&the_gil, me);
	}
	gil_drop(&the_gil, me);
}

int main(int argc, char **argv)
{
	static const struct common_about about = {
		.name = "gil_convoy",
		.summary = "One I/O-bound thread among CPU-bound ones: its waits for the GIL.",
		.lock = "the_gil",
		.has_style = true,
	};
	struct common_crew *crew = common_crew(argc, argv, &about);
	struct common_worker *io = &crew->worker[0];

	gil_init(&the_gil, crew->options.style, crew->options.interval_us);
	common_run_threads(crew, serve_or_count);
	snprintf(crew->extra, sizeof(crew->extra), ",\n \"style\": %u", crew->options.style);
	printf("style %u: %lu requests, latency p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
	       crew->options.style, (unsigned long)io->io_waits, common_io_latency(io, 0.5) / 1e6,
	       common_io_latency(io, 0.99) / 1e6, common_io_latency(io, 1) / 1e6);
	return common_finish(crew);
}
