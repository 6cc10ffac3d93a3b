/* SPDX-License-Identifier: MIT */
/* Inspecting files and running programs through the helper, and helpers that are lost over it. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "inspect_fixture.h"

/* Every probe is at a nop of the file, and its switch is two bytes of zero. */
static void assert_probes(const struct inspect_image *img)
{
	for (uint32_t i = 0; i < img->nplaces; i++) {
		const struct inspect_place *p = &img->places[i];
		unsigned char nop = 0;
		uint16_t count = 1;

		assert_int_equal(p->flags, GT_LOCK_SITE_USDT);
		assert_int_not_equal(p->site.arg, GT_ARG_NONE);
		assert_int_equal(pread(img->fd, &nop, 1, (off_t)p->offset), 1);
#ifdef __x86_64__
		assert_int_equal(nop, 0x90);
#endif
		assert_int_equal(pread(img->fd, &count, 2, (off_t)p->semaphore), 2);
		assert_int_equal(count, 0);
	}
}

static void probes_of_a_file(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;
	char path[PATH_MAX];
	struct stat st;

	built(f, "workloads/gil_threads", path);
	inspect_path(f, path, &img);
	if (!img.nplaces)
		skip(); /* built without sys/sdt.h */
	for (int role = GT_LOCK_REQUEST; role < GT_LOCK_ROLES; role++)
		assert_true(count_role(&img, (enum gt_lock_role)role) > 0);
	assert_probes(&img);
	assert_string_equal(img.path, path);
	assert_string_equal(img.note, "");
	assert_int_equal(img.interpreter, GT_INTERPRETER_NONE);
	assert_int_equal(fstat(img.fd, &st), 0);
	assert_int_equal(img.ino, st.st_ino);
	inspect_image_release(&img);
}

static void nothing_found(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;

	inspect_path(f, "/proc/self/exe", &img);
	assert_int_equal(img.nplaces, 0);
	assert_int_equal(img.fd, -1);
	assert_string_equal(img.note, "");
	inspect_image_release(&img);
	inspect_path(f, "/dev/null", &img);
	assert_int_equal(img.nplaces, 0);
	inspect_image_release(&img);
	assert_int_equal(symbols_inspect_file(f->symbols, -1, "/bin/sh", ALL, 1, &img), -EINVAL);
}

static pid_t launch(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL); /* stops when it has become `path` */
		execl(path, path, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void probes_of_a_process(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;
	struct found found;
	char path[PATH_MAX];
	pid_t pid;

	built(f, "workloads/gil_threads", path);
	inspect_path(f, path, &img);
	if (!img.nplaces)
		skip(); /* built without sys/sdt.h */
	pid = launch(path);
	inspect_all(f, pid, NULL, &found);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.images[0].nplaces, img.nplaces);
	assert_memory_equal(found.images[0].places, img.places, img.nplaces * sizeof(*img.places));
	assert_int_equal(found.images[0].ino, img.ino);
	assert_probes(&found.images[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	release_found(&found);
	inspect_image_release(&img);
}

/* What runs is probed, not what lies where it came from. */
static void replaced_file(void **state)
{
	struct fixture *f = *state;
	char from[PATH_MAX], path[PATH_MAX];
	struct inspect_image img;
	struct found found;
	struct stat st;
	pid_t pid;

	built(f, "workloads/gil_threads", from);
	in_dir(f, "program", path);
	copy_file(from, path);
	inspect_path(f, path, &img);
	if (!img.nplaces)
		skip(); /* built without sys/sdt.h */
	pid = launch(path);
	assert_int_equal(unlink(path), 0);
	copy_file("/bin/sh", path);
	inspect_all(f, pid, NULL, &found);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.images[0].nplaces, img.nplaces);
	assert_int_equal(fstat(found.images[0].fd, &st), 0);
	assert_int_equal(st.st_ino, img.ino);
	assert_int_equal(st.st_nlink, 0);
	release_found(&found);
	inspect_image_release(&img);
}

/* Stopped helpers answer nothing: what is asked of a file is given up in time. */
static void deadline(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;
	int fd = open(f->self, O_RDONLY);

	kill(symbols_pid(f->symbols), SIGSTOP);
	if (worker_of(f))
		kill(worker_of(f), SIGSTOP);
	assert_int_equal(symbols_inspect_file(f->symbols, fd, f->self, ALL, 10, &img), -ETIMEDOUT);
	inspect_image_release(&img);
	assert_int_equal(symbols_inspect_file(f->symbols, fd, f->self, ALL, 10, &img), -EBUSY);
	close(fd);
}

static char state_of(pid_t pid)
{
	char path[64], text[512] = "", *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	at = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
	fclose(file);
	return at ? at[2] : 0;
}

struct tally {
	int places, notes;
};

static int tally_image(void *ctx, const struct inspect_image *img)
{
	struct tally *t = ctx;

	t->places += img->nplaces > 0;
	t->notes += *img->note != 0;
	if (*img->note) {
		assert_int_equal(img->nplaces, 0);
		assert_int_equal(img->interpreter, GT_INTERPRETER_NONE);
	}
	if (img->fd >= 0)
		close(img->fd);
	return 0;
}

/*
 * With its answers not taken in, a worker sleeps over one of them: killed there, as by a crash or
 * its own alarm, the question gets an answer that says so, and the next worker goes on with the
 * rest.
 */
static void lost_worker(void **state)
{
	static const struct symbols_sink sink = { take_name, tally_image };
	struct fixture *f = *state;
	struct tally t = { 0 };
	struct inspect_image img;
	char path[PATH_MAX];
	int asked = 0;
	pid_t pid, worker;

	built(f, "workloads/gil_threads", path);
	inspect_path(f, path, &img);
	if (!img.nplaces || !worker_of(f))
		skip(); /* built without sys/sdt.h; this kernel does not list children */
	inspect_image_release(&img);
	pid = launch(path);
	while (!symbols_inspect(f->symbols, 1, pid, ALL, NULL))
		asked++;
	worker = worker_of(f);
	for (int i = 0; i < PATIENCE_MS && state_of(worker) != 'S'; i++)
		poll(NULL, 0, 1);
	assert_int_equal(state_of(worker), 'S');
	kill(worker, SIGALRM);
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, &sink, &t), 0);
	assert_int_equal(t.notes, 1);
	assert_true(t.places >= asked - 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probes_of_a_file), TEST(nothing_found), TEST(probes_of_a_process),
		TEST(replaced_file),	TEST(deadline),	     TEST(lost_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
