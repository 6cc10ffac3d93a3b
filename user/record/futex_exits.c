/* SPDX-License-Identifier: MIT */
#include "futex_exits.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracefs.h"

/* futex itself must be there; the others came with 5.16 and 6.7, and what a kernel lacks nobody can
 * call. */
static const char *const events[] = {
	"sys_exit_futex",      "sys_exit_restart_syscall", "sys_exit_futex_waitv",
	"sys_exit_futex_wait", "sys_exit_futex_wake",	   "sys_exit_futex_requeue",
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

struct futex_exits {
	struct bpf_link *links[EVENTS];
};

static int attach_one(const struct bpf_program *program, int tracefs, const char *event,
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

int futex_exits_attach(const struct bpf_program *program, struct futex_exits **out)
{
	struct futex_exits *f = calloc(1, sizeof(*f));
	int tracefs = tracefs_open(), err = 0;

	*out = NULL;
	if (!f || tracefs < 0)
		err = f ? tracefs : -ENOMEM;
	for (size_t i = 0; i < EVENTS && !err; i++) {
		err = attach_one(program, tracefs, events[i], &f->links[i]);
		if (err == -ENOENT && i > 0)
			err = 0;
	}
	if (tracefs >= 0)
		close(tracefs);
	if (err)
		futex_exits_free(f);
	else
		*out = f;
	return err;
}

void futex_exits_free(struct futex_exits *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < EVENTS; i++)
		bpf_link__destroy(f->links[i]);
	free(f);
}
