/* SPDX-License-Identifier: MIT */
#include "futex_exits.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <lib/log.h>

#include "tracefs.h"
#include "tracing.h"

#if defined(__aarch64__)
#define ENTRY "__arm64_sys_"
#define ENTRY_WITHOUT_ARGUMENTS ENTRY
#else
#define ENTRY "__x64_sys_"
/* There it is another name of this, and only one of the names is in BTF. */
#define ENTRY_WITHOUT_ARGUMENTS "__do_sys_"
#endif

/*
 * The first two must be there; the others came with 5.16 and 6.7, and what a kernel lacks nobody
 * can call. The event's program is on_futex_exit for all.
 */
static const struct {
	const char *event, *function, *program;
} calls[] = {
	{ "sys_exit_futex", ENTRY "futex", "on_futex_return" },
	{ "sys_exit_restart_syscall", ENTRY_WITHOUT_ARGUMENTS "restart_syscall",
	  "on_restart_syscall_return" },
	{ "sys_exit_futex_waitv", ENTRY "futex_waitv", "on_futex_waitv_return" },
	{ "sys_exit_futex_wait", ENTRY "futex_wait", "on_futex_wait_return" },
	{ "sys_exit_futex_wake", ENTRY "futex_wake", "on_futex_wake_return" },
	{ "sys_exit_futex_requeue", ENTRY "futex_requeue", "on_futex_requeue_return" },
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))
#define NEEDED 2

struct futex_exits {
	bool tracepoints;
	struct bpf_link *links[CALLS];
};

static bool tracer_is_off(void)
{
	FILE *file = fopen("/proc/sys/kernel/ftrace_enabled", "re");
	int value = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return value == '0';
}

static int function_id(const struct btf *kernel, size_t i)
{
	return btf__find_by_name_kind(kernel, calls[i].function, BTF_KIND_FUNC);
}

int futex_exits_probe(const struct btf *kernel)
{
	if (!kernel)
		return -ENOENT;
	if (tracer_is_off())
		return -EOPNOTSUPP;
	for (size_t i = 0; i < NEEDED; i++)
		if (function_id(kernel, i) <= 0)
			return -ENOENT;
	return tracing_try(BPF_TRACE_FEXIT, function_id(kernel, 0));
}

static struct bpf_program *program_of(const struct bpf_object *object, size_t i)
{
	return bpf_object__find_program_by_name(object, calls[i].program);
}

static struct bpf_program *program_of_events(const struct bpf_object *object)
{
	return bpf_object__find_program_by_name(object, "on_futex_exit");
}

bool futex_exits_prepare(struct bpf_object *object, const struct btf *kernel, bool tracepoints)
{
	bool returns = futex_exits_probe(kernel) == 0;

	for (size_t i = 0; i < CALLS && returns; i++) {
		struct bpf_program *program = program_of(object, i);

		if (function_id(kernel, i) <= 0)
			continue;
		if (bpf_program__set_attach_target(program, 0, calls[i].function))
			return tracepoints;
		bpf_program__set_autoload(program, true);
		bpf_program__set_autoattach(program, false);
	}
	/* Loaded even if it will not be wanted: attaching has the last word. */
	bpf_program__set_autoload(program_of_events(object), tracepoints);
	return returns || tracepoints;
}

static int attach_return(const struct bpf_program *program, struct bpf_link **link)
{
	*link = bpf_program__attach_trace(program);
	return *link ? 0 : -errno;
}

static int attach_event(const struct bpf_program *program, int tracefs, const char *event,
			struct bpf_link **link)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	int id = tracefs_event_id(tracefs, "syscalls", event), fd, err;

	if (id < 0)
		return id;
	attr.config = (uint64_t)id;
	/* Any one CPU: the program is run for the tracepoint, on whichever CPU it is passed. */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*link = bpf_program__attach_perf_event(program, fd);
	if (*link)
		return 0;
	err = -errno;
	close(fd);
	return err;
}

static void detach(struct futex_exits *f)
{
	for (size_t i = 0; i < CALLS; i++) {
		bpf_link__destroy(f->links[i]);
		f->links[i] = NULL;
	}
}

static int attach_returns(struct futex_exits *f, const struct bpf_object *object)
{
	int err = bpf_program__autoload(program_of(object, 0)) ? 0 : -ENOENT;

	for (size_t i = 0; i < CALLS && !err; i++)
		if (bpf_program__autoload(program_of(object, i)))
			err = attach_return(program_of(object, i), &f->links[i]);
	if (err)
		detach(f);
	return err;
}

static int attach_events(struct futex_exits *f, const struct bpf_object *object)
{
	const struct bpf_program *program = program_of_events(object);
	int tracefs, err = 0;

	if (!bpf_program__autoload(program))
		return -EOPNOTSUPP;
	tracefs = tracefs_open();
	if (tracefs < 0)
		return tracefs;
	for (size_t i = 0; i < CALLS && !err; i++) {
		err = attach_event(program, tracefs, calls[i].event, &f->links[i]);
		if (err == -ENOENT && i > 0)
			err = 0;
	}
	close(tracefs);
	if (err)
		detach(f);
	return err;
}

int futex_exits_attach(const struct bpf_object *object, struct futex_exits **out)
{
	struct futex_exits *f = calloc(1, sizeof(*f));
	int err;

	*out = NULL;
	if (!f)
		return -ENOMEM;
	err = attach_returns(f, object);
	if (err) {
		log_debug("futex calls are not counted by fexit: %s", strerror(-err));
		f->tracepoints = true;
		err = attach_events(f, object);
	}
	if (err)
		futex_exits_free(f);
	else
		*out = f;
	return err;
}

bool futex_exits_on_tracepoints(const struct futex_exits *f)
{
	return f && f->tracepoints;
}

static uint64_t skipped(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_program__fd(program) < 0 ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return 0;
	return info.recursion_misses;
}

/*
 * A program on a function's return can be preempted, and does not run a second time on its CPU
 * meanwhile, whoever calls the function there.
 */
uint64_t futex_exits_skipped(const struct bpf_object *object)
{
	uint64_t n = skipped(program_of_events(object));

	for (size_t i = 0; i < CALLS; i++)
		n += skipped(program_of(object, i));
	return n;
}

void futex_exits_free(struct futex_exits *f)
{
	if (!f)
		return;
	detach(f);
	free(f);
}
