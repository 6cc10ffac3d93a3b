/* SPDX-License-Identifier: MIT */
#include "space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/image/image_file.h"
#include "lib/clock.h"

#define MAX_SPACES 256
#define MAX_BYTES (64u << 20)
#define MAX_TASKS 64 /* tried when the first thread has ended */

/* How old maps may be that say so: what is anonymous now may be another mapping's place soon. */
#define TRUST_FILE_NS 1000000000ull
#define TRUST_ANON_NS 20000000ull
/* At most this part of the time goes into reading one process's maps again: 1 / (1 + 4). */
#define REST_PER_COST 4

/* What /proc/PID/ns/pid of a process in the initial namespace links to, since Linux 3.8. */
#define INITIAL_PIDNS "pid:[4026531836]"

struct space_cache {
	bool own_numbers; /* process numbers in our /proc are those that the kernel side saw */
	struct space spaces[MAX_SPACES];
	uint64_t calls;
	size_t bytes;
};

struct space_cache *space_cache_new(void)
{
	struct space_cache *c = calloc(1, sizeof(*c));
	char ns[32] = "";

	if (c && readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1) > 0)
		c->own_numbers = !strcmp(ns, INITIAL_PIDNS);
	return c;
}

static void drop(struct space_cache *c, struct space *s)
{
	c->bytes -= maps_size(&s->maps);
	maps_release(&s->maps);
	*s = (struct space){ 0 };
}

static struct space *lookup_or_take(struct space_cache *c, uint32_t as)
{
	struct space *oldest = &c->spaces[0];

	for (size_t i = 0; i < MAX_SPACES; i++) {
		struct space *s = &c->spaces[i];

		if (s->used && s->as == as)
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	drop(c, oldest);
	oldest->as = as;
	return oldest;
}

static void shrink(struct space_cache *c, const struct space *keep)
{
	while (c->bytes > MAX_BYTES) {
		struct space *oldest = NULL;

		for (size_t i = 0; i < MAX_SPACES; i++) {
			struct space *s = &c->spaces[i];

			if (s->used && s != keep && (!oldest || s->used < oldest->used))
				oldest = s;
		}
		if (!oldest)
			return;
		drop(c, oldest);
	}
}

/*
 * The number may be another process's by now, or always have been (in a container that numbers its
 * own), or the process another program's.
 */
static bool belongs(const struct space_cache *c, const struct maps *m, pid_t pid,
		    const struct symbols_exec *exec)
{
	const struct maps_entry *e;

	if (!exec)
		return c->own_numbers;
	e = maps_find(m, exec->start_code);
	if (!e)
		return false;
	return (e->dev == exec->dev && e->ino == exec->ino) ||
	       image_file_is_exe(pid, exec->dev, exec->ino);
}

/* -ENOENT: no such task, or it has no memory any more. */
static int read_task(const struct space_cache *c, struct maps *m, const char *path, pid_t pid,
		     const struct symbols_exec *exec)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = maps_read(m, fd);
	close(fd);
	if (!err && !m->count)
		err = -ENOENT;
	if (!err && !belongs(c, m, pid, exec))
		err = -ESRCH;
	return err;
}

/* The first thread may have ended: its maps are empty while the others' are not. */
static pid_t read_threads(const struct space_cache *c, struct maps *m, pid_t tgid,
			  const struct symbols_exec *exec)
{
	char path[sizeof(((struct dirent *)NULL)->d_name) + 64];
	struct dirent *d;
	pid_t found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	dir = opendir(path);
	if (!dir)
		return 0;
	for (int i = 0; i < MAX_TASKS && !found && (d = readdir(dir)); i++) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%d/task/%s/maps", tgid, d->d_name);
		if (tid > 0 && tid != tgid && !read_task(c, m, path, tid, exec))
			found = tid;
	}
	closedir(dir);
	return found;
}

static void refresh(struct space_cache *c, struct space *s, pid_t tgid,
		    const struct symbols_exec *exec)
{
	struct maps fresh = { 0 };
	uint64_t start = clock_monotonic();
	char path[64];
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", tgid);
	switch (read_task(c, &fresh, path, tgid, exec)) {
	case 0:
		pid = tgid;
		break;
	case -ENOENT:
		pid = read_threads(c, &fresh, tgid, exec);
		break;
	}
	if (pid) {
		c->bytes -= maps_size(&s->maps);
		maps_release(&s->maps);
		s->maps = fresh;
		s->pid = pid;
		c->bytes += maps_size(&s->maps);
	} else {
		maps_release(&fresh);
	}
	s->read_at = clock_monotonic();
	s->cost = s->read_at - start;
}

static bool recent(const struct space *s, uint64_t addr)
{
	const struct maps_entry *e = maps_find(&s->maps, addr);
	uint64_t trust = s->cost * REST_PER_COST;

	if (!s->read_at)
		return false;
	if (e)
		trust += e->ino ? TRUST_FILE_NS : TRUST_ANON_NS;
	return clock_monotonic() - s->read_at < trust;
}

const struct space *space_cache_get(struct space_cache *c, uint32_t as, pid_t tgid, uint64_t addr,
				    const struct symbols_exec *exec)
{
	struct space *s = lookup_or_take(c, as);

	s->used = ++c->calls;
	if (!recent(s, addr))
		refresh(c, s, tgid, exec);
	shrink(c, s);
	return s;
}

void space_cache_free(struct space_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < MAX_SPACES; i++)
		drop(c, &c->spaces[i]);
	free(c);
}

int space_open_program(const struct symbols_exec *exec)
{
	char path[2 * PATH_MAX];
	int fd;

	if (!exec || !exec->path || (*exec->path != '/' && !exec->cwd))
		return -ENOENT;
	/* Longer than PATH_MAX leads nowhere: it may be cut. */
	snprintf(path, sizeof(path), "%s%s%s", *exec->path == '/' ? "" : exec->cwd,
		 *exec->path == '/' ? "" : "/", exec->path);
	fd = image_file_open(path);
	if (fd >= 0 && !image_file_is(fd, exec->dev, exec->ino)) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -ENOENT : fd;
}
