/* SPDX-License-Identifier: MIT */
#include "features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lib/log.h>

#include "user/record/futex_exits.h"
#include "user/helper/confine.h"
#include "user/record/tracefs.h"
#include "user/record/tracing.h"

#define OLDEST_MAJOR 5
#define OLDEST_MINOR 15

#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* Older headers than the kernel may lack these two. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static bool has_capability(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

static bool may_trace(void)
{
	return has_capability(CAP_SYS_ADMIN) ||
	       (has_capability(CAP_BPF) && has_capability(CAP_PERFMON));
}

static enum feature_state yes_or_no(bool yes)
{
	return yes ? FEATURE_YES : FEATURE_NO;
}

/* A refusal for want of privileges says nothing about the kernel. */
static enum feature_state of_error(int err, char *detail)
{
	if (err >= 0)
		return FEATURE_YES;
	snprintf(detail, FEATURE_DETAIL_MAX, "%s", strerror(-err));
	return (err == -EPERM || err == -EACCES) && !may_trace() ? FEATURE_UNKNOWN : FEATURE_NO;
}

/* ---- probes ---- */

static enum feature_state probe_kernel(char *detail)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name) != 0)
		return FEATURE_UNKNOWN;
	snprintf(detail, FEATURE_DETAIL_MAX, "Linux %s %s", name.release, name.machine);
	if (sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return FEATURE_UNKNOWN;
	return yes_or_no(major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR));
}

static enum feature_state probe_privileges(char *detail)
{
	snprintf(detail, FEATURE_DETAIL_MAX,
		 "user %u, CAP_BPF %s, CAP_PERFMON %s, CAP_SYS_ADMIN %s", (unsigned int)geteuid(),
		 has_capability(CAP_BPF) ? "yes" : "no", has_capability(CAP_PERFMON) ? "yes" : "no",
		 has_capability(CAP_SYS_ADMIN) ? "yes" : "no");
	return yes_or_no(may_trace());
}

static enum feature_state probe_btf(char *detail)
{
	int missing = access(BTF_PATH, R_OK) ? errno : 0;

	snprintf(detail, FEATURE_DETAIL_MAX, BTF_PATH "%s%s", missing ? ": " : "",
		 missing ? strerror(missing) : "");
	return yes_or_no(!missing);
}

static enum feature_state probe_bpf_call(char *detail)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "giltrace_probe", 4, 4, 1, NULL), err = errno;

	if (fd >= 0)
		close(fd);
	return of_error(fd >= 0 ? 0 : -err, detail);
}

static enum feature_state probe_lockdown(char *detail)
{
	char text[128] = "", *mode;
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	size_t len;

	if (!file) {
		snprintf(detail, FEATURE_DETAIL_MAX, "not in this kernel, or not visible");
		return FEATURE_YES;
	}
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	mode = strchr(text, '[');
	if (!mode)
		return FEATURE_UNKNOWN;
	mode[strcspn(mode, "]")] = '\0';
	snprintf(detail, FEATURE_DETAIL_MAX, "%s", mode + 1);
	return yes_or_no(strcmp(mode + 1, "confidentiality") != 0);
}

/* A program that does nothing at the place that BTF calls `name`, after a prefix. 0 or -errno. */
static int try_tracing(enum bpf_attach_type attach, const char *name)
{
	return tracing_try(attach, libbpf_find_vmlinux_btf_id(name, attach));
}

static enum feature_state probe_sched(char *detail)
{
	static const char *const points[] = { "sched_switch",	    "sched_waking",
					      "task_newtask",	    "sched_process_exec",
					      "sched_process_exit", "task_rename" };

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		int err = try_tracing(BPF_TRACE_RAW_TP, points[i]);

		if (err) {
			snprintf(detail, FEATURE_DETAIL_MAX, "%s: %s", points[i], strerror(-err));
			return err == -EPERM && !may_trace() ? FEATURE_UNKNOWN : FEATURE_NO;
		}
	}
	return FEATURE_YES;
}

/* Its files are root's alone: here capabilities are no substitute. */
static enum feature_state probe_futex_exit(char *detail)
{
	int tracefs = tracefs_open(), id = tracefs;

	if (tracefs >= 0) {
		id = tracefs_event_id(tracefs, "syscalls", "sys_exit_futex");
		close(tracefs);
	}
	return of_error(id, detail);
}

static enum feature_state probe_futex_return(char *detail)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int err = futex_exits_probe(kernel);

	btf__free(kernel);
	if (err != -EOPNOTSUPP)
		return of_error(err, detail);
	snprintf(detail, FEATURE_DETAIL_MAX, "kernel.ftrace_enabled is 0");
	return FEATURE_NO;
}

static enum feature_state probe_uprobes(char *detail)
{
	int has;

	if (!may_trace())
		return of_error(-EPERM, detail);
	if (access("/sys/bus/event_source/devices/uprobe/type", R_OK)) {
		snprintf(detail, FEATURE_DETAIL_MAX, "the kernel has no uprobes");
		return FEATURE_NO;
	}
	has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL);
	return has < 0 ? of_error(has, detail) : yes_or_no(has);
}

static enum feature_state probe_iterator(char *detail)
{
	return of_error(try_tracing(BPF_TRACE_ITER, "task"), detail);
}

static enum feature_state probe_map(enum bpf_map_type type, char *detail)
{
	int has;

	if (!may_trace())
		return of_error(-EPERM, detail);
	has = libbpf_probe_bpf_map_type(type, NULL);
	return has < 0 ? of_error(has, detail) : yes_or_no(has);
}

static enum feature_state probe_ring(char *detail)
{
	return probe_map(BPF_MAP_TYPE_RINGBUF, detail);
}

static enum feature_state probe_storage(char *detail)
{
	return probe_map(BPF_MAP_TYPE_TASK_STORAGE, detail);
}

static enum feature_state probe_stats(char *detail)
{
	FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	int value = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	if (value == EOF)
		return FEATURE_UNKNOWN;
	snprintf(detail, FEATURE_DETAIL_MAX, "kernel.bpf_stats_enabled is %c", value);
	return yes_or_no(value != '0');
}

/* Tried by a child: what it gives up it does not get back. */
static enum feature_state probe_confine(char *detail)
{
	pid_t child = fork();
	int status = -1;

	if (!child)
		_exit(-confine() & 0xff);
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return FEATURE_UNKNOWN;
	if (WEXITSTATUS(status))
		snprintf(detail, FEATURE_DETAIL_MAX, "%s", strerror(WEXITSTATUS(status)));
	return yes_or_no(!WEXITSTATUS(status));
}

/*
 * Limits that stop older tools have no row: RLIMIT_MEMLOCK does not count BPF memory since 5.11,
 * and kernel.perf_event_paranoid is about perf events, of which none are used.
 */
static const struct feature features[] = {
	{ "kernel 5.15 or newer", probe_kernel,
	  .lost = "older kernels are not tested and may lack what follows",
	  .remedy = "use a newer kernel" },
	{ "privileges", probe_privileges, "privileges do not suffice",
	  .lost = "nothing can be traced; traces can be reported on",
	  .remedy = "run giltrace with sudo" },
	{ "BTF", probe_btf, "the kernel has no BTF",
	  .lost = "programs cannot be fitted to this kernel",
	  .remedy = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y" },
	{ "bpf() permitted", probe_bpf_call, "the bpf() call is refused",
	  .lost = "nothing can be loaded",
	  .remedy = "in a container, allow bpf() (--privileged, or a seccomp profile with it)" },
	{ "lockdown allows reading", probe_lockdown, "the kernel is locked down",
	  .lost = "programs may not read kernel memory",
	  .remedy = "boot without lockdown=confidentiality" },
	{ "scheduler tracepoints", probe_sched, "scheduler tracepoints cannot be used",
	  .lost = "thread states cannot be seen",
	  .remedy = "use a kernel built with CONFIG_BPF_EVENTS=y and CONFIG_DEBUG_INFO_BTF=y" },
	{ "ring buffers", probe_ring, "the kernel has no BPF ring buffers",
	  .lost = "records cannot be handed over", .remedy = "use a kernel from 5.8 on" },
	{ "task storage", probe_storage, "the kernel has no BPF task storage",
	  .lost = "threads cannot be told apart safely", .remedy = "use a kernel from 5.11 on" },
	{ "task iterator", probe_iterator, "the kernel has no BPF task iterator",
	  .lost = "threads that are already there cannot be found",
	  .remedy = "use a kernel from 5.8 on" },
	{ "fexit", probe_futex_return,
	  .lost = "counting futex calls slows every system call; not done with -p and -a unless asked for",
	  .remedy = "use a kernel built with CONFIG_FUNCTION_TRACER=y, and kernel.ftrace_enabled=1" },
	{ "system call tracepoints", probe_futex_exit,
	  .lost = "without fexit, futex calls are not counted",
	  .remedy = "as root, on a kernel built with CONFIG_FTRACE_SYSCALLS=y, mount tracefs" },
	{ "uprobes with cookies", probe_uprobes,
	  .lost = "locks are not probed: how long they are held is inferred",
	  .remedy = "use a kernel from 5.15 on, built with CONFIG_UPROBE_EVENTS=y" },
	{ "system call filters", probe_confine,
	  .lost = "the processes that read other programs' files keep root's rights",
	  .remedy = "use a kernel built with CONFIG_SECCOMP_FILTER=y" },
	{ "BPF run time statistics", probe_stats,
	  .lost = "the report does not tell the tracer's own cost in BPF",
	  .remedy = "sysctl kernel.bpf_stats_enabled=1 (costs some 20 ns a program run)" },
};

const struct feature *features_at(size_t index)
{
	return index < sizeof(features) / sizeof(features[0]) ? &features[index] : NULL;
}

enum feature_state features_probe(const struct feature *f, char detail[FEATURE_DETAIL_MAX])
{
	libbpf_print_fn_t before = libbpf_set_print(NULL);
	enum feature_state state;

	detail[0] = '\0';
	state = f->probe(detail);
	libbpf_set_print(before);
	return state;
}

int features_check_privileges(void)
{
	if (may_trace())
		return 0;
	log_error(
		"tracing needs root: run it with sudo (or with CAP_BPF and CAP_PERFMON); see giltrace doctor");
	return -EPERM;
}

void features_explain_load_failure(int err)
{
	const struct feature *f;
	char detail[FEATURE_DETAIL_MAX];

	for (size_t i = 0; (f = features_at(i)); i++) {
		if (!f->without || features_probe(f, detail) != FEATURE_NO)
			continue;
		log_error("cannot load BPF: %s%s%s%s; %s; see giltrace doctor", f->without,
			  detail[0] ? " (" : "", detail, detail[0] ? ")" : "", f->remedy);
		return;
	}
	log_error("cannot load BPF: %s; see giltrace doctor, and -v for what libbpf says",
		  strerror(-err));
}
