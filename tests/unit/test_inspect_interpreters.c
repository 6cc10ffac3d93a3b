/* SPDX-License-Identifier: MIT */
/* The interpreters of this machine: each is asked for its version, and must be known by it. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "inspect_fixture.h"

struct program {
	pid_t pid;
	int in; /* closing it ends the program */
	char version[64];
};

/* Run shell command `line`, which prints a version and reads its input to the end. */
static void launch(struct program *p, const char *dir, const char *line)
{
	int in[2], out[2];
	ssize_t len;

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(open("/dev/null", O_WRONLY), 2);
		if (chdir(dir))
			_exit(127);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	len = read(out[0], p->version, sizeof(p->version) - 1);
	p->version[len > 0 ? len : 0] = '\0';
	p->version[strcspn(p->version, "\n")] = '\0';
	close(out[0]);
}

static void finish(struct program *p)
{
	close(p->in);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

static void assert_places(const struct inspect_image *img)
{
	if (img->flags & GT_INTERPRETER_PROBED) {
		assert_true(count_role(img, GT_LOCK_REQUEST) > 0);
		assert_true(count_role(img, GT_LOCK_RELEASED) > 0);
		assert_false(img->flags & GT_INTERPRETER_IN_PART);
		assert_string_equal(img->note, "");
	} else if (!(img->flags & GT_INTERPRETER_NO_GIL)) {
		assert_string_not_equal(img->note, "");
	}
}

static void known(struct fixture *f, enum gt_interpreter kind, const char *title, const char *line)
{
	struct inspect_image *img = NULL;
	unsigned int major, minor, patch;
	struct program p = { 0 };
	struct found found;
	char name[128];

	launch(&p, f->dir, line);
	if (sscanf(p.version, "%u.%u.%u", &major, &minor, &patch) != 3) {
		finish(&p);
		skip(); /* not on this machine */
	}
	inspect_all(f, p.pid, NULL, &found);
	finish(&p);
	for (size_t i = 0; i < found.n; i++) {
		if (found.images[i].interpreter == kind)
			img = &found.images[i];
	}
	assert_non_null(img);
	assert_int_equal(img->version, major << 16 | minor << 8 | patch);
	snprintf(name, sizeof(name), "%s %u.%u.%u", title, major, minor, patch);
	assert_string_equal(img->name, name);
	assert_true(img->fd >= 0);
	assert_places(img);
	release_found(&found);
}

#define PYTHON(name)                                                                               \
	"exec " name " -c 'import sys; sys.stdout.write(\"%d.%d.%d\\n\" % sys.version_info[:3]); " \
	"sys.stdout.flush(); sys.stdin.read()'"

static void python3(void **state)
{
	known(*state, GT_INTERPRETER_CPYTHON, "CPython", PYTHON("python3"));
}

static void python3_of_the_system(void **state)
{
	known(*state, GT_INTERPRETER_CPYTHON, "CPython", PYTHON("/usr/bin/python3"));
}

static void python2(void **state)
{
	known(*state, GT_INTERPRETER_CPYTHON, "CPython", PYTHON("python2.7"));
}

static void pypy(void **state)
{
	known(*state, GT_INTERPRETER_PYPY, "PyPy",
	      "exec pypy3 -c 'import sys; print(\"%d.%d.%d\" % sys.pypy_version_info[:3], "
	      "flush=True); sys.stdin.read()'");
}

static void ruby(void **state)
{
	known(*state, GT_INTERPRETER_RUBY, "Ruby",
	      "exec ruby -e 'puts RUBY_VERSION; STDOUT.flush; STDIN.read'");
}

static void ocaml(void **state)
{
	known(*state, GT_INTERPRETER_OCAML, "OCaml",
	      "echo 'print_endline Sys.ocaml_version;; ignore (read_line ())' > a.ml; "
	      "exec ocaml a.ml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(python3), TEST(python3_of_the_system), TEST(python2), TEST(pypy), TEST(ruby),
		TEST(ocaml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
