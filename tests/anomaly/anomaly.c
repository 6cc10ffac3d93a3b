/* SPDX-License-Identifier: MIT */
/*
 * anomaly TRACE OTHER [full]: giltrace report and compare, in this process's children, with every
 * allocation and every system call failing in turn. Each run must end with its output whole, or
 * saying that some of it is left out, or with status 125, a message that names the file and the reason, and no file under its final name;
 * with nothing leaked, nothing left lying, and of its own will. Without "full" some of the many are
 * passed over. The last line counts scenarios.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <user/cli.h>
#include <user/record/target.h>
#include <user/status.h>

#include "fail.h"

#define ARGS_MAX 12
#define OUT "out" /* in a directory of its own, which is the current one */
#define OUTPUT_MAX (4 << 20)
#define EVERY_FAST 25 /* runs of a scenario that are all made, and those picked from the rest */
#define PICKED_FAST 50
#define EVERY_FULL 2000
#define PICKED_FULL 2000

/* What one child tells. */
struct run {
	int status; /* wait status */
	uint64_t counted;
	int64_t leaked;
	long called, called_fd;
	bool possible; /* system calls can be made to fail */
	char *out, *message;
	size_t out_len, message_len;
	char *file; /* OUT, NULL: it is not there */
	size_t file_len;
};

struct shared {
	uint64_t counted;
	int64_t leaked;
	long called, called_fd;
	bool possible;
};

enum what { ALLOCATION, ALLOCATIONS_ON, CALL };

struct fault {
	enum what what;
	uint64_t nth;
	int error;
};

struct scenario {
	const char *name;
	const char *args[ARGS_MAX]; /* A and B: the traces */
};

static const struct scenario scenarios[] = {
	{ "report text", { "report", "A" } },
	{ "report json", { "report", "--json", "A" } },
	{ "report text file", { "report", "--export", "text:" OUT, "A" } },
	{ "report json file", { "report", "-q", "--export", "json:" OUT, "A" } },
	{ "report csv", { "report", "--export", "csv:" OUT, "A" } },
	{ "report folded", { "report", "--stacks", "offcpu", "--export", "folded:" OUT, "A" } },
	{ "report speedscope", { "report", "--stacks", "lock", "--export", "speedscope:" OUT, "A" } },
	{ "report pprof", { "report", "--export", "pprof:" OUT, "A" } },
	{ "report flame", { "report", "--stacks", "critical", "--export", "flame:" OUT, "A" } },
	{ "compare text", { "compare", "A", "B" } },
	{ "compare json", { "compare", "--export", "json:" OUT, "A", "B" } },
	{ "compare folded", { "compare", "--export", "folded:" OUT, "A", "A" } },
	{ "compare flame", { "compare", "--export", "flame:" OUT, "A", "A" } },
	{ "help", { "help", "report" } },
};

static struct {
	char *traces[2];
	char dir[64];
	struct shared *shared;
	bool full;
} world;

/* ---- one run ---- */

static void arm(const struct fault *f)
{
	fail_allocation(f->what == CALL ? 0 : f->nth, f->what == ALLOCATIONS_ON);
	world.shared->possible = f->what != CALL || fail_call(f->nth, f->error);
}

static int giltrace(const struct scenario *s)
{
	struct target_signals signals;
	char *argv[ARGS_MAX + 2] = { "giltrace" };

	for (int i = 0; s->args[i]; i++)
		argv[i + 1] = !strcmp(s->args[i], "A")	 ? world.traces[0]
			      : !strcmp(s->args[i], "B") ? world.traces[1]
							 : (char *)s->args[i];
	target_signals_save(&signals);
	return cli(argv, &signals);
}

/* What libraries make once and keep is no leak: they make it here. */
static void warm_up(const struct scenario *s)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || giltrace(s))
		_exit(98);
	close(null);
	unlink(OUT);
}

static _Noreturn void child(const struct scenario *s, const struct fault *f, int out, int message)
{
	int64_t before;
	int status;

	if (dup2(message, STDERR_FILENO) < 0 || chdir(world.dir))
		_exit(99);
	warm_up(s);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(99);
	before = fail_live();
	arm(f);
	status = giltrace(s);
	fail_calls_stop();
	world.shared->counted = f->what == CALL ? fail_calls() : fail_allocations();
	fail_allocation(0, false);
	world.shared->leaked = fail_live() - before;
	world.shared->called = fail_called();
	world.shared->called_fd = fail_called_fd();
	_exit(status);
}

static char *content(int fd, size_t *len)
{
	struct stat st;
	char *text;

	*len = fstat(fd, &st) ? 0 : (size_t)st.st_size;
	text = calloc(1, *len + 1);
	if (!text || pread(fd, text, *len, 0) != (ssize_t)*len)
		abort();
	return text;
}

static void release(struct run *r)
{
	free(r->out);
	free(r->message);
	free(r->file);
}

/* What was written under the final name; it goes. */
static void take_file(struct run *r)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/" OUT, world.dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	r->file = content(fd, &r->file_len);
	close(fd);
	unlink(path);
}

static void make_run(const struct scenario *s, const struct fault *f, struct run *r)
{
	int out = memfd_create("out", MFD_CLOEXEC), message = memfd_create("message", MFD_CLOEXEC);
	pid_t pid;

	*world.shared = (struct shared){ .called = -1, .possible = true };
	*r = (struct run){ .status = 0 };
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(s, f, out, message);
	if (pid < 0 || waitpid(pid, &r->status, 0) != pid)
		abort();
	r->counted = world.shared->counted;
	r->leaked = world.shared->leaked;
	r->called = world.shared->called;
	r->called_fd = world.shared->called_fd;
	r->possible = world.shared->possible;
	r->out = content(out, &r->out_len);
	r->message = content(message, &r->message_len);
	close(out);
	close(message);
	take_file(r);
}

/* ---- what must hold of it ---- */

/* Nothing lies in the directory but what has its final name. */
static bool litter(void)
{
	DIR *dir = opendir(world.dir);
	bool found = false;
	char path[512];

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
			continue;
		found = true;
		snprintf(path, sizeof(path), "%s/%s", world.dir, e->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool names_file(const struct scenario *s, const char *message)
{
	return strstr(message, world.traces[0]) || strstr(message, world.traces[1]) ||
	       strstr(message, OUT) || strstr(message, "standard output") ||
	       strstr(message, "cannot compare") || strstr(message, "out of memory");
}

static bool tells_reason(const struct fault *f, const char *message)
{
	if (f->what != CALL)
		return strstr(message, "memory");
	/* What was read of a trace may be too little for it to be one. */
	return strstr(message, strerror(f->error)) || strstr(message, "cannot ");
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return !a == !b && a_len == b_len && (!a || !memcmp(a, b, a_len));
}

/* NULL, or what is wrong. Of several outputs one may be whole though another failed. */
static const char *wrong(const struct scenario *s, const struct fault *f, const struct run *good,
			 const struct run *r)
{
	int status = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1;
	/* The unlinking itself failed, or the message could not be written. */
	bool silent = f->what == CALL && r->called_fd == STDERR_FILENO;

	if (status < 0)
		return "it was ended by a signal";
	if (r->leaked)
		return "it leaked memory";
	if (litter() && f->what != CALL)
		return "it left a file lying";
	if (status == STATUS_OK)
		return (same(r->out, r->out_len, good->out, good->out_len) &&
					same(r->file, r->file_len, good->file, good->file_len)) ||
				       strstr(r->message, "are left out")
			       ? NULL
			       : "it ended well with another output";
	if (status != STATUS_FAILED)
		return "another status than 0 and 125";
	if (r->file && !same(r->file, r->file_len, good->file, good->file_len))
		return "it failed and left half a file under its final name";
	if (!silent && (strncmp(r->message, "giltrace: ", 10) || !names_file(s, r->message)))
		return "no message that names the thing";
	if (!silent && !tells_reason(f, r->message))
		return "no message that tells the reason";
	return NULL;
}

static bool check(const struct scenario *s, const struct fault *f, const struct run *good)
{
	static const char *const whats[] = { "allocation", "all from allocation", "system call" };
	const char *problem;
	struct run r;

	make_run(s, f, &r);
	problem = wrong(s, f, good, &r);
	if (problem)
		printf("    %s: %s %llu of %llu failing (%s, call %ld on %ld): %s: status %#x, leaked %lld, \"%.200s\"\n",
		       s->name, whats[f->what], (unsigned long long)f->nth,
		       (unsigned long long)good->counted,
		       f->error == FAIL_SHORT ? "short" : strerror(f->error), r.called, r.called_fd,
		       problem, (unsigned int)r.status, (long long)r.leaked, r.message);
	release(&r);
	return !problem;
}

/* All up to a number, then some of the rest, of changing distance. */
static uint64_t next(uint64_t k, uint64_t all)
{
	uint64_t every = world.full ? EVERY_FULL : EVERY_FAST;
	uint64_t picked = world.full ? PICKED_FULL : PICKED_FAST;
	uint64_t stride = all > every + picked ? (all - every) / picked : 1;

	return k < every ? k + 1 : k + stride + (stride > 1 ? k % 2 : 0);
}

#define WRONG_MAX 5 /* told of one scenario */

/* How many were wrong. */
static int each(const struct scenario *s, enum what what, int error)
{
	struct fault none = { .what = what, .error = ENOMEM };
	struct run good;
	int bad = 0;

	make_run(s, &none, &good);
	if (!good.possible) {
		release(&good);
		return -1;
	}
	if (!WIFEXITED(good.status) || WEXITSTATUS(good.status) || !(good.out_len + good.file_len)) {
		printf("    %s: fails by itself: status %#x, %s\n", s->name,
		       (unsigned int)good.status, good.message);
		bad = 1;
	}
	for (uint64_t k = 1; k <= good.counted && bad < WRONG_MAX; k = next(k, good.counted)) {
		struct fault f = { .what = what, .nth = k, .error = error };

		bad += !check(s, &f, &good);
	}
	release(&good);
	return bad;
}

static int count[3]; /* passed, failed, skipped */

static void scenario(const struct scenario *s, enum what what, int error, const char *name)
{
	int bad = each(s, what, error);

	if (bad < 0)
		printf("SKIP anomaly: %s, %s: no system call filter here\n", s->name, name);
	else if (bad)
		printf("FAIL anomaly: %s, %s\n", s->name, name);
	count[bad < 0 ? 2 : bad ? 1 : 0]++;
}

int main(int argc, char **argv)
{
	static const struct {
		int error;
		const char *name;
	} errors[] = { { ENOSPC, "system calls: ENOSPC" }, { EIO, "system calls: EIO" },
		       { EINTR, "system calls: EINTR" },   { EMFILE, "system calls: EMFILE" },
		       { FAIL_SHORT, "short writes" } };

	if (argc < 3) {
		fprintf(stderr, "usage: anomaly TRACE OTHER [full]\n");
		return 2;
	}
	world.traces[0] = argv[1];
	world.traces[1] = argv[2];
	world.full = argc > 3;
	strcpy(world.dir, "/tmp/giltrace-anomaly-XXXXXX");
	world.shared = mmap(NULL, sizeof(*world.shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(world.dir) || world.shared == MAP_FAILED)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, "");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		scenario(&scenarios[i], ALLOCATION, ENOMEM, "one allocation");
		scenario(&scenarios[i], ALLOCATIONS_ON, ENOMEM, "all allocations from one on");
		for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++)
			scenario(&scenarios[i], CALL, errors[e].error, errors[e].name);
	}
	rmdir(world.dir);
	printf("%d passed, %d failed, %d skipped\n", count[0], count[1], count[2]);
	return count[1] != 0;
}
