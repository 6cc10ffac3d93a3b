/* SPDX-License-Identifier: MIT */
/*
 * A storm of switches, then rest: storm FILE [STORM_MS [NAPS]]. Two threads hand each other a byte
 * through pipes for so long, which is said on standard output as it begins, then take NAPS naps of
 * 20 ms each. FILE gets what they know of themselves, as JSON.
 */
#include <sys/resource.h>

#include "small.h"

#define NAP_MS 20

struct side {
	int in, out;
	uint64_t begun, rest, ended, cpu; /* ns; `rest`: when the storm was over */
	long switches, tid, trips;
};

static uint64_t storm_end;
static long naps;

static void *run(void *arg)
{
	struct side *s = arg;
	struct rusage used;
	char byte = 0;

	s->begun = clock_now(CLOCK_MONOTONIC);
	s->tid = gettid();
	/* The end comes as the end of what is to be read. */
	while (read(s->in, &byte, 1) == 1) {
		if (clock_now(CLOCK_MONOTONIC) >= storm_end || write(s->out, &byte, 1) != 1)
			break;
		s->trips++;
	}
	close(s->out);
	s->rest = clock_now(CLOCK_MONOTONIC);
	for (long i = 0; i < naps; i++)
		sleep_ns(NAP_MS * MS);
	getrusage(RUSAGE_THREAD, &used);
	s->switches = used.ru_nvcsw + used.ru_nivcsw;
	s->cpu = clock_now(CLOCK_THREAD_CPUTIME_ID);
	s->ended = clock_now(CLOCK_MONOTONIC);
	return NULL;
}

int main(int argc, char **argv)
{
	long ms = number(argc, argv, 2, 300);
	struct side sides[2];
	pthread_t threads[2];
	int there[2], back[2];
	FILE *out;

	naps = number(argc, argv, 3, 10);
	if (argc < 2 || pipe(there) || pipe(back))
		return 2;
	sides[0] = (struct side){ .in = there[0], .out = back[1] };
	sides[1] = (struct side){ .in = back[0], .out = there[1] };
	storm_end = UINT64_MAX;
	for (int i = 0; i < 2; i++)
		start(&threads[i], run, &sides[i]);
	/* What comes before the storm is told of before it. */
	sleep_ns(150 * MS);
	printf("storm\n");
	fflush(stdout);
	storm_end = clock_now(CLOCK_MONOTONIC) + ms * MS;
	if (write(there[1], "x", 1) != 1)
		return 1;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	out = fopen(argv[1], "w");
	if (!out)
		return 1;
	fprintf(out, "{\"threads\": [");
	for (int i = 0; i < 2; i++)
		fprintf(out,
			"%s\n{\"tid\": %ld, \"begun\": %llu, \"rest\": %llu, \"ended\": %llu, \"cpu_ns\": %llu, "
			"\"switches\": %ld, \"trips\": %ld}",
			i ? "," : "", sides[i].tid, (unsigned long long)sides[i].begun,
			(unsigned long long)sides[i].rest, (unsigned long long)sides[i].ended,
			(unsigned long long)sides[i].cpu, sides[i].switches, sides[i].trips);
	fprintf(out, "\n]}\n");
	return fclose(out) ? 1 : 0;
}
