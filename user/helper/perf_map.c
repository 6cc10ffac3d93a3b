/* SPDX-License-Identifier: MIT */
#include "perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

#define MAX_NAME 512
#define MAX_OVERLAP 64 /* entries that begin between one's start and an address in it */

struct entry {
	uint64_t start, end;
	uint32_t name; /* where in `names`, which ascends with the lines */
};

struct perf_map {
	struct buf entries; /* sorted */
	struct buf names;
};

/* Of process `pid`: its effective user, and its number as it sees it itself. */
static bool read_status(pid_t pid, uid_t *uid, pid_t *own)
{
	char path[64], line[512];
	bool has_uid = false, has_pid = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (sscanf(line, "Uid: %*u %u", uid) == 1)
			has_uid = true;
		/* The last is that of the innermost namespace; threads have theirs. */
		if (!strncmp(line, "NSpid:", 6) && last)
			has_pid = (*own = (pid_t)strtol(last + 1, NULL, 10)) > 0;
	}
	if (f)
		fclose(f);
	return has_uid && has_pid;
}

/* Nothing on the way may lead elsewhere; a pipe must not block. Step by step, since the worker's
 * system call filter cannot look into what openat2() is asked for. */
static int open_below(int root, pid_t own)
{
	char name[32];
	int tmp = openat(root, "tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;

	if (tmp < 0)
		return -errno;
	snprintf(name, sizeof(name), "perf-%d.map", own);
	fd = openat(tmp, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(tmp);
	return fd;
}

int perf_map_open(pid_t pid)
{
	char path[64];
	struct stat st;
	int root, fd;
	uid_t uid;
	pid_t own = 0;

	if (!read_status(pid, &uid, &own))
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = open_below(root, own);
	close(root);
	if (fd < 0)
		return fd == -ELOOP || fd == -ENOTDIR ? -EPERM : fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    (st.st_uid != uid && st.st_uid != 0)) {
		close(fd);
		return -EPERM;
	}
	if (st.st_size > (off_t)PERF_MAP_MAX_FILE) {
		close(fd);
		return -EFBIG;
	}
	return fd;
}

/* "START SIZE name", both hexadecimal. */
static void add_line(struct perf_map *m, char *line)
{
	struct entry e = { .name = (uint32_t)m->names.len };
	char *end, *size_end;
	uint64_t size;

	e.start = strtoull(line, &end, 16);
	if (end == line || *end != ' ')
		return;
	size = strtoull(end + 1, &size_end, 16);
	if (size_end == end + 1 || *size_end != ' ' || !size_end[1] || !size ||
	    e.start + size < e.start)
		return;
	e.end = e.start + size;
	buf_add(&m->names, size_end + 1, strnlen(size_end + 1, MAX_NAME));
	buf_add(&m->names, "", 1);
	buf_add(&m->entries, &e, sizeof(e));
}

/* By start; of the same start the one written last comes last. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct perf_map *perf_map_read(int fd)
{
	struct perf_map *m = calloc(1, sizeof(*m));
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = own < 0 ? NULL : fdopen(own, "r");
	size_t room = 0, total = 0;
	char *line = NULL;
	ssize_t len;

	if (!f && own >= 0)
		close(own);
	while (m && f && total < PERF_MAP_MAX_FILE && (len = getline(&line, &room, f)) > 0) {
		total += (size_t)len;
		line[strcspn(line, "\n")] = '\0';
		add_line(m, line);
	}
	free(line);
	if (f)
		fclose(f);
	if (m && (m->entries.err || m->names.err))
		buf_clear(&m->entries);
	if (m && m->entries.len)
		qsort(m->entries.data, m->entries.len / sizeof(struct entry), sizeof(struct entry),
		      compare);
	return m;
}

const char *perf_map_find(const struct perf_map *m, uint64_t addr)
{
	const struct entry *all = (const struct entry *)m->entries.data, *best = NULL;
	size_t low = 0, high = m->entries.len / sizeof(*all);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i > 0 && low - i < MAX_OVERLAP; i--) {
		const struct entry *e = &all[i - 1];

		if (addr < e->end && (!best || e->name > best->name))
			best = e;
	}
	return best ? (const char *)m->names.data + best->name : NULL;
}

void perf_map_free(struct perf_map *m)
{
	if (!m)
		return;
	buf_free(&m->entries);
	buf_free(&m->names);
	free(m);
}
