/* SPDX-License-Identifier: MIT */
/*
 * kernel_side TEST: what giltrace's programs in the kernel make of things that no workload can be
 * asked for. Root's, as they are. Says what is wrong and exits 1, or 77 where it cannot be tried.
 *
 * ends:    no last switch of a task is shown: none of them may pass for alive. Nor where nothing
 *          is shown, once it is counted.
 * between: a switch is not shown right after records were lost: all that time is told as lost.
 * closing: the books are closed while futex calls are counted: none may count twice.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <giltrace/wire.h>

#include "giltrace.skel.h"
#include "lib/clock.h"
#include "user/record/futex_exits.h"
#include "user/record/rings.h"

#define THREADS 600   /* enough for some to have the same place in the table of tasks */
#define CLOSINGS 3000 /* each has a chance of a few in a hundred to catch a call */
#define RING_BYTES 4096

static struct giltrace *skel;
static struct rings *rings;
static pid_t child;

/* Shared with the child. */
static struct {
	volatile int step; /* that the child may take */
	volatile uint64_t calls;
} * shared;

static struct gt_wire_lost lost; /* that reaches furthest, on any CPU */
static uint64_t told;		 /* losses, so far */

static void __attribute__((format(printf, 2, 3), noreturn)) end(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static void need(bool done, const char *what)
{
	if (!done)
		end(77, "cannot %s: %s", what, strerror(errno));
}

static int on_record(void *ctx, uint32_t cpu, const void *data, size_t size)
{
	const struct gt_wire_hdr *hdr = data;

	if (hdr->kind != GT_WIRE_LOST || size < sizeof(lost))
		return 0;
	told += ((const struct gt_wire_lost *)data)->count;
	if (((const struct gt_wire_lost *)data)->last > lost.last)
		memcpy(&lost, data, sizeof(lost));
	return 0;
}

static void drain(void)
{
	uint64_t whole = 0;

	need(rings_drain(rings, on_record, NULL, &whole) >= 0, "empty the rings");
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* Before this the child must be there: what it inherits stays attached. */
static void load(bool futex)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	uint32_t ncpus = (uint32_t)libbpf_num_possible_cpus();
	int like;

	libbpf_set_print(silent);
	skel = giltrace__open();
	need(skel && kernel, "read the programs");
	skel->rodata->config.nr_cpus = ncpus;
	skel->rodata->config.mask_words = (ncpus + 63) / 64;
	bpf_program__set_autoload(skel->progs.on_lock, false);
	bpf_program__set_autoload(skel->progs.on_sample, false);
	if (futex)
		need(futex_exits_prepare(skel->obj, kernel, true), "count futex calls");
	else
		bpf_program__set_autoload(skel->progs.on_futex_exit, false);
	btf__free(kernel);
	need(!rings_describe(skel->maps.rings, ncpus, RING_BYTES, &like), "describe the rings");
	need(!giltrace__load(skel), "load the programs");
	close(like);
	need(!rings_new(skel->maps.rings, skel->maps.spare, ncpus, RING_BYTES, &rings),
	     "make the rings");
	need(!giltrace__attach(skel), "attach the programs");
}

static void iterate(const struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	char none[64];
	ssize_t n;

	need(fd >= 0, "go over the tasks");
	while ((n = read(fd, none, sizeof(none)))) {
		need(n > 0 || errno == EAGAIN, "go over the tasks");
		drain();
	}
	close(fd);
}

static void trace_child(void)
{
	uint32_t wish = GT_WISH_TRACE;

	need(!bpf_map_update_elem(bpf_map__fd(skel->maps.targets), &child, &wish, BPF_ANY),
	     "ask for the child");
	iterate(skel->links.find_tasks);
	if (skel->bss->alive != 1)
		end(1, "%" PRIu64 " tasks are traced", (uint64_t)skel->bss->alive);
	skel->bss->counting = 1;
	skel->bss->enabled = 1;
}

static void hide_switches(void)
{
	bpf_link__destroy(skel->links.on_switch);
	skel->links.on_switch = NULL;
}

static void pin(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	need(!sched_setaffinity(0, sizeof(first), &first), "run on CPU 0");
}

static void await(int step)
{
	while (shared->step < step)
		usleep(1000);
}

static void begin(void (*program)(void))
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	need(shared != MAP_FAILED, "share memory");
	child = fork();
	need(child >= 0, "fork");
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	await(1);
	program();
	_exit(0);
}

/* ---- ends ---- */

static void *nap(void *none)
{
	usleep(300000);
	return NULL;
}

static void many_ends(void)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, nap, NULL))
			_exit(1);
	usleep(600000);
}

static uint64_t still_alive(void)
{
	skel->bss->seen = 0;
	iterate(skel->links.count_tasks);
	return skel->bss->seen;
}

static void test_ends(void)
{
	int status;

	begin(many_ends);
	load(false);
	trace_child();
	hide_switches();
	shared->step = 1;
	usleep(250000);
	if (skel->bss->alive < 2 || still_alive() < 2)
		end(skel->bss->alive < 2 ? 77 : 1, "no threads were born in time, or counted");
	waitpid(child, &status, 0);
	/* The kernel lets go of them when it has time. */
	for (int i = 0; i < 50 && (skel->bss->alive || still_alive()); i++) {
		drain();
		usleep(100000);
	}
	if (skel->bss->alive > THREADS / 20 || still_alive())
		end(1,
		    "%" PRIu64 " of %d tasks that have ended pass for alive, %" PRIu64
		    " when they are counted",
		    (uint64_t)skel->bss->alive, THREADS + 1, still_alive());
}

/* ---- between ---- */

static void naps_and_sleep(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	pin();
	need(!sched_setscheduler(0, SCHED_FIFO, &first), "go before others");
	for (int i = 0; i < 400; i++)
		usleep(100);
	shared->step = 2;
	while (shared->step < 3)
		; /* keeps its CPU, as far as was shown */
	usleep(300000);
}

static void test_between(void)
{
	uint64_t again, before;

	begin(naps_and_sleep);
	load(false);
	trace_child();
	shared->step = 1;
	await(2);
	hide_switches();
	shared->step = 3;
	usleep(50000);
	if (!skel->bss->losses[GT_LOSS_RING_FULL])
		end(77, "nothing was lost");
	drain();
	before = skel->bss->losses[GT_LOSS_SWITCH];
	again = clock_monotonic();
	skel->links.on_switch = bpf_program__attach(skel->progs.on_switch);
	need(skel->links.on_switch, "attach a program again");
	pin();
	for (int i = 0; i < 20; i++)
		usleep(2000);
	drain();
	if (skel->bss->losses[GT_LOSS_SWITCH] == before)
		end(77, "the switch that was not shown has not come to light");
	if (told < skel->bss->losses[GT_LOSS_RING_FULL] + skel->bss->losses[GT_LOSS_SWITCH])
		end(77, "not every loss is told of yet");
	if (lost.last < again)
		end(1,
		    "what came up to %" PRIu64 " ns is not told as lost: only from %" PRIu64
		    " to %" PRIu64,
		    again, (uint64_t)lost.first, (uint64_t)lost.last);
}

/* ---- closing ---- */

static void calls(void)
{
	uint64_t n;
	int word = 0;

	for (n = 0; shared->step < 2; n++)
		syscall(SYS_futex, &word, n % 3 ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
			0);
	shared->calls = n;
}

static uint64_t counted(void)
{
	int fd = bpf_map__fd(skel->maps.futex_calls);
	struct gt_wire_futex_key key, next;
	uint64_t count, sum = 0;

	for (void *from = NULL; !bpf_map_get_next_key(fd, from, &next); from = &key) {
		key = next;
		if (!bpf_map_lookup_elem(fd, &key, &count))
			sum += count;
	}
	return sum;
}

static void test_closing(void)
{
	struct futex_exits *exits;
	uint64_t sum;
	int status;

	begin(calls);
	load(true);
	need(!futex_exits_attach(skel->obj, &exits), "count futex calls");
	trace_child();
	shared->step = 1;
	for (int i = 0; i < CLOSINGS; i++) {
		skel->bss->counting = 0;
		iterate(skel->links.close_tasks);
		drain();
		skel->bss->counting = 1;
		usleep(100);
	}
	shared->step = 2;
	waitpid(child, &status, 0);
	sum = counted();
	/* The child ends by calls that it does not count itself. */
	if (!sum || sum > shared->calls + 2)
		end(1, "%" PRIu64 " calls were counted, of %" PRIu64, sum, shared->calls);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = { { "ends", test_ends },
		      { "between", test_between },
		      { "closing", test_closing } };

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]) && argc == 2; i++) {
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	}
	end(2, "usage: kernel_side ends|between|closing");
}
