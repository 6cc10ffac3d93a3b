/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common.h"

#define NSEC 1000000000ull

/* Longer than a probe takes: the CPU was lost. */
#define STALL_NS 100000

/* ---- options ---- */

__attribute__((noreturn, format(printf, 1, 2))) static void usage_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" (see --help)\n", stderr);
	exit(2);
}

static unsigned int parse_whole(const char *option, const char *text, unsigned int min,
				unsigned int max)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	/* Nine digits fit any long, so what strtoul returned is what was written. */
	if (!digits || digits > 9 || text[digits] || value < min || value > max)
		usage_error("%s: '%s' is not a whole number from %u to %u", option, text, min, max);
	return value;
}

static double parse_work(const char *text)
{
	size_t length = strspn(text, "0123456789.");
	char *end;
	double value = strtod(text, &end);

	if (!length || text[length] || *end || value < 0.001 || value > 10000)
		usage_error("-w: '%s' is not a number from 0.001 to 10000", text);
	return value;
}

static unsigned int cpus_allowed(void)
{
	/* The kernel refuses a mask smaller than its own, so grow it until it fits. */
	for (int bits = CPU_SETSIZE; bits <= 1 << 20; bits *= 2) {
		cpu_set_t *set = CPU_ALLOC(bits);
		size_t size = CPU_ALLOC_SIZE(bits);
		int n = set && !sched_getaffinity(0, size, set) ? CPU_COUNT_S(size, set) : 0;

		CPU_FREE(set);
		if (n)
			return n;
	}
	return 1;
}

static void help(const struct common_about *about)
{
	printf("Usage: %s [OPTION]…\n%s\n\n"
	       "  -t THREADS     how many (default: %s)\n"
	       "  -w WORK        times the usual work, about a second a thread (default: 1)\n"
	       "  -i INTERVAL_US when a waiting thread asks for the GIL (default: 5000)\n"
	       "%s"
	       "  --truth FILE   write what the program measured of itself, as JSON\n"
	       "  --help         this\n",
	       about->name, about->summary,
	       about->threads_per_cpu > 1 ? "four for each CPU it may use" : "the CPUs it may use",
	       about->has_style ? "  --style 2|3    the GIL of Python 2 or 3 (default: 3)\n" : "");
}

static struct common_options parse(int argc, char **argv, const struct common_about *about)
{
	const char *style = about->has_style ? "style" : NULL;
	const struct option longs[] = { { "truth", required_argument, NULL, 'o' },
					{ "help", no_argument, NULL, 'h' },
					{ style, required_argument, NULL, 's' },
					{ 0 } };
	struct common_options o = { .interval_us = 5000, .style = 3, .work = 1 };
	int c;

	o.threads = cpus_allowed() * (about->threads_per_cpu ? about->threads_per_cpu : 1);
	opterr = 0; /* its messages are in other words than ours */
	while ((c = getopt_long(argc, argv, "+:t:w:i:", longs, NULL)) != -1) {
		if (c == 't')
			o.threads = parse_whole("-t", optarg, 1, COMMON_MAX_THREADS);
		else if (c == 'w')
			o.work = parse_work(optarg);
		else if (c == 'i')
			o.interval_us = parse_whole("-i", optarg, 1, 10000000);
		else if (c == 's')
			o.style = parse_whole("--style", optarg, 2, 3);
		else if (c == 'o')
			o.truth = optarg;
		else if (c == 'h')
			help(about), exit(0);
		else if (c == ':')
			usage_error("'%s' needs a value", argv[optind - 1]);
		else
			usage_error("no such option: '%s'", argv[optind - 1]);
	}
	if (optind < argc)
		usage_error("not an option: '%s'", argv[optind]);
	return o;
}

struct common_crew *common_crew(int argc, char **argv, const struct common_about *about)
{
	struct common_options o = parse(argc, argv, about);
	size_t size = sizeof(struct common_crew) + o.threads * sizeof(struct common_worker);
	struct common_crew *crew;

	/* Shared, so that processes can leave their books where the parent finds them. */
	crew = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	common_must(crew == MAP_FAILED ? errno : 0, "memory");
	crew->about = *about;
	crew->options = o;
	for (unsigned int i = 0; i < o.threads; i++) {
		crew->worker[i].crew = crew;
		crew->worker[i].index = i;
	}
	/* Opened now: a path that does not work should not cost a whole run. */
	crew->truth_fd = -1;
	if (o.truth) {
		crew->truth_fd = open(o.truth, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		common_must(crew->truth_fd < 0 ? errno : 0, o.truth);
	}
	return crew;
}

/* ---- time and work ---- */

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

uint64_t common_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t common_steps(const struct common_crew *crew, double share)
{
	double steps = crew->options.work * share * COMMON_STEPS;

	return steps < 1 ? 1 : (uint64_t)steps;
}

void common_step(struct common_worker *me)
{
	uint64_t x = me->value;

	/* Each round needs the last one's result, so neither compiler nor CPU can shorten it. */
	for (int i = 0; i < 3000; i++)
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	me->value = x;
}

void common_must(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(error));
	exit(1);
}

/* ---- the books ---- */

void common_acquired(struct common_worker *me, uint64_t requested_ns)
{
	me->held_since = me->read_ns = common_now();
	me->acquisitions++;
	if (requested_ns) {
		me->waits++;
		me->wait_ns += me->held_since - requested_ns;
	}
}

void common_released(struct common_worker *me)
{
	me->read_ns = common_now();
	me->hold_ns += me->read_ns - me->held_since;
}

void common_probed(struct common_worker *me)
{
	uint64_t gap;

	if (me->crew->truth_fd < 0)
		return;
	gap = common_now() - me->read_ns;
	if (gap > STALL_NS)
		me->stalled_ns += gap;
}

int common_io_open(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	common_must(fd < 0 ? errno : 0, "timerfd_create");
	return fd;
}

uint64_t common_io_read(struct common_worker *me, int fd, uint64_t after_ns)
{
	uint64_t due = common_now() + after_ns, expired;
	struct itimerspec when = { .it_value = { due / NSEC, due % NSEC } };

	common_must(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) ? errno : 0,
		    "timerfd_settime");
	while (read(fd, &expired, sizeof(expired)) < 0)
		common_must(errno == EINTR ? 0 : errno, "read");
	me->came_ns = common_now();
	return due;
}

void common_io_served(struct common_worker *me, uint64_t due_ns)
{
	if (me->io_waits == me->io_room) {
		me->io_room = me->io_room ? me->io_room * 2 : 256;
		me->latency = realloc(me->latency, me->io_room * sizeof(*me->latency));
		me->lock_latency =
			realloc(me->lock_latency, me->io_room * sizeof(*me->lock_latency));
		common_must(me->latency && me->lock_latency ? 0 : ENOMEM, "memory");
	}
	me->lock_latency[me->io_waits] = me->held_since - me->came_ns;
	me->latency[me->io_waits++] = common_now() - due_ns;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t quantile(uint64_t *values, uint64_t count, double q)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof(*values), by_size);
	return values[(uint64_t)(q * (count - 1) + 0.5)];
}

uint64_t common_io_latency(struct common_worker *me, double q)
{
	return quantile(me->latency, me->io_waits, q);
}

/* ---- running ---- */

static void *work(void *arg)
{
	struct common_worker *me = arg;

	me->pid = getpid();
	me->tid = gettid();
	me->start_ns = common_now();
	me->crew->body(me);
	me->end_ns = common_now();
	me->cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

void common_run_threads(struct common_crew *crew, void (*body)(struct common_worker *me))
{
	pthread_t thread[COMMON_MAX_THREADS];
	char name[16];

	crew->body = body;
	crew->start_ns = common_now();
	for (unsigned int i = 0; i < crew->options.threads; i++) {
		common_must(pthread_create(&thread[i], NULL, work, &crew->worker[i]), "thread");
		snprintf(name, sizeof(name), "worker-%u", i);
		/* A nicety: it fails where the thread has ended already. */
		pthread_setname_np(thread[i], name);
	}
	for (unsigned int i = 0; i < crew->options.threads; i++)
		common_must(pthread_join(thread[i], NULL), "pthread_join");
	crew->end_ns = common_now();
}

void common_run_processes(struct common_crew *crew, void (*body)(struct common_worker *me))
{
	int status;
	pid_t pid;

	crew->body = body;
	crew->start_ns = common_now();
	for (unsigned int i = 0; i < crew->options.threads; i++) {
		pid = fork();
		common_must(pid < 0 ? errno : 0, "fork");
		if (!pid) {
			work(&crew->worker[i]);
			_exit(0);
		}
	}
	while ((pid = wait(&status)) > 0 || errno == EINTR) {
		if (pid > 0 && status) {
			fprintf(stderr, "%s: process %d failed\n", crew->about.name, pid);
			exit(1);
		}
	}
	crew->end_ns = common_now();
}

/* ---- the report ---- */

static void write_quantiles(FILE *f, const char *key, uint64_t *values, uint64_t count)
{
	fprintf(f, ", \"%s\": {\"p50\": %" PRIu64 ", \"p99\": %" PRIu64 ", \"max\": %" PRIu64 "}",
		key, quantile(values, count, 0.5), quantile(values, count, 0.99),
		quantile(values, count, 1));
}

static void write_worker(FILE *f, struct common_worker *w)
{
	fprintf(f,
		"{\"pid\": %d, \"tid\": %d, \"start_ns\": %" PRIu64 ", \"end_ns\": %" PRIu64
		", \"cpu_ns\": %" PRIu64,
		w->pid, w->tid, w->start_ns, w->end_ns, w->cpu_ns);
	if (w->crew->about.lock)
		fprintf(f,
			", \"acquisitions\": %" PRIu64 ", \"waits\": %" PRIu64
			", \"wait_ns\": %" PRIu64 ", \"forced_switches\": %" PRIu64
			", \"forced_ns\": %" PRIu64 ", \"hold_ns\": %" PRIu64
			", \"stalled_ns\": %" PRIu64,
			w->acquisitions, w->waits, w->wait_ns, w->forced_switches, w->forced_ns,
			w->hold_ns, w->stalled_ns);
	if (w->io_waits) {
		fprintf(f, ", \"io_waits\": %" PRIu64, w->io_waits);
		write_quantiles(f, "io_latency_ns", w->latency, w->io_waits);
		write_quantiles(f, "lock_latency_ns", w->lock_latency, w->io_waits);
	}
	fputc('}', f);
}

static void write_truth(FILE *f, struct common_crew *crew, const struct common_worker *sum)
{
	const struct common_options *o = &crew->options;

	fprintf(f,
		"{\"schema\": \"giltrace.truth/1\", \"workload\": \"%s\", \"threads\": %u, "
		"\"work\": %g, \"interval_us\": %u,\n \"start_ns\": %" PRIu64
		", \"end_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64,
		crew->about.name, o->threads, o->work, o->interval_us, crew->start_ns, crew->end_ns,
		crew->end_ns - crew->start_ns);
	if (crew->about.lock)
		fprintf(f,
			",\n \"locks\": [{\"name\": \"%s\", \"acquisitions\": %" PRIu64
			", \"waits\": %" PRIu64 ", \"wait_ns\": %" PRIu64 ", \"hold_ns\": %" PRIu64
			", \"stalled_ns\": %" PRIu64 "}]",
			crew->about.lock, sum->acquisitions, sum->waits, sum->wait_ns, sum->hold_ns,
			sum->stalled_ns);
	fprintf(f, "%s,\n \"per_thread\": [", crew->extra);
	for (unsigned int i = 0; i < o->threads; i++) {
		fputs(i ? ",\n  " : "\n  ", f);
		write_worker(f, &crew->worker[i]);
	}
	fputs("\n ]}\n", f);
}

int common_finish(struct common_crew *crew)
{
	struct common_worker sum = { 0 };
	FILE *f;

	for (unsigned int i = 0; i < crew->options.threads; i++) {
		sum.cpu_ns += crew->worker[i].cpu_ns;
		sum.acquisitions += crew->worker[i].acquisitions;
		sum.waits += crew->worker[i].waits;
		sum.wait_ns += crew->worker[i].wait_ns;
		sum.hold_ns += crew->worker[i].hold_ns;
		sum.stalled_ns += crew->worker[i].stalled_ns;
	}
	printf("%s -t %u: wall %.3f s, CPU %.3f s", crew->about.name, crew->options.threads,
	       (crew->end_ns - crew->start_ns) / 1e9, sum.cpu_ns / 1e9);
	if (crew->about.lock)
		printf(", waiting for %s %.3f s", crew->about.lock, sum.wait_ns / 1e9);
	putchar('\n');
	common_must(fflush(stdout) ? errno : 0, "standard output");
	if (crew->truth_fd < 0)
		return 0;
	f = fdopen(crew->truth_fd, "w");
	common_must(f ? 0 : errno, crew->options.truth);
	write_truth(f, crew, &sum);
	common_must(fclose(f) ? errno : 0, crew->options.truth);
	return 0;
}
