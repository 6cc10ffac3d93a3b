/* SPDX-License-Identifier: MIT */
/* A helper, a directory for files, and questions that wait for their answers. */
#ifndef TESTS_UNIT_SYMBOLS_FIXTURE_H
#define TESTS_UNIT_SYMBOLS_FIXTURE_H

#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/helper/symbols.h"

#define PATIENCE_MS 20000 /* a test that waits this long has failed; none measures time */

struct answer {
	bool here;
	uint32_t as;
	uint64_t addr;
	char name[1024], image[PATH_MAX];
	uint64_t offset, dev, ino, shared_offset;
};

struct fixture {
	struct symbols *symbols;
	uint32_t as;	     /* the last one used */
	char dir[PATH_MAX];  /* for files of the test */
	char self[PATH_MAX]; /* this program */
};

static inline int take(void *ctx, const struct gt_event *ev)
{
	struct answer *a = ctx;

	assert_int_equal(ev->kind, GT_SYMBOL);
	assert_int_equal(ev->cpu, GT_CPU_COLLECTOR);
	a->here = true;
	a->as = ev->u.symbol.as;
	a->addr = ev->u.symbol.addr;
	snprintf(a->name, sizeof(a->name), "%s", ev->u.symbol.name);
	snprintf(a->image, sizeof(a->image), "%s", ev->u.symbol.image);
	a->offset = ev->u.symbol.image_offset;
	a->dev = ev->u.symbol.shared_dev;
	a->ino = ev->u.symbol.shared_ino;
	a->shared_offset = ev->u.symbol.shared_offset;
	return 0;
}

static const struct symbols_sink answers = { .symbol = take };

static inline void ask_as(struct fixture *f, uint32_t as, pid_t pid, const void *addr,
			  const struct symbols_exec *exec, struct answer *a)
{
	*a = (struct answer){ 0 };
	assert_int_equal(symbols_ask(f->symbols, as, pid, (uintptr_t)addr, exec), 0);
	for (int i = 0; i < PATIENCE_MS && !a->here; i++) {
		int n = symbols_collect(f->symbols, &answers, a);

		assert_true(n >= 0);
		if (!n)
			poll(NULL, 0, 1);
	}
	assert_true(a->here);
	assert_int_equal(a->as, as);
	assert_int_equal(a->addr, (uintptr_t)addr);
}

static inline void ask(struct fixture *f, pid_t pid, const void *addr,
		       const struct symbols_exec *exec, struct answer *a)
{
	ask_as(f, ++f->as, pid, addr, exec, a);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "%s/giltrace-symbols-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	assert_true(readlink("/proc/self/exe", f->self, sizeof(f->self) - 1) > 0);
	assert_int_equal(symbols_start(&f->symbols), 0);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[PATH_MAX + 16];

	symbols_free(f->symbols);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* 0: this kernel does not list children. */
static inline pid_t worker_of(const struct fixture *f)
{
	char path[64], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", symbols_pid(f->symbols),
		 symbols_pid(f->symbols));
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

static inline void in_dir(const struct fixture *f, const char *name, char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", f->dir, name) < PATH_MAX);
}

static inline void copy_file(const char *from, const char *to)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
