/* SPDX-License-Identifier: MIT */
#include "image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int image_file_open(const char *path)
{
	/* A descriptor that only names the file: nothing happens to what it is until it is known.
	 */
	int handle = open(path, O_PATH | O_CLOEXEC);
	char link[64];
	struct stat st;
	int fd;

	if (handle < 0)
		return -errno;
	if (fstat(handle, &st) || !S_ISREG(st.st_mode)) {
		close(handle);
		return -EACCES;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", handle);
	/* Not waiting: the file may be leased, to the traced program for one. */
	fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(handle);
	return fd;
}

static bool stat_is(const struct stat *st, uint32_t dev, uint64_t ino)
{
	return (major(st->st_dev) << 20 | minor(st->st_dev)) == dev && st->st_ino == ino;
}

/* What a maps file says of `fd`: on btrfs and overlayfs, stat() and the kernel's lists disagree. */
static bool maps_say(int fd, uint32_t dev, uint64_t ino)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *mapped = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	const struct maps_entry *e;
	struct maps own = { 0 };
	bool same = false;
	int list;

	if (mapped == MAP_FAILED)
		return false;
	list = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (list >= 0 && !maps_read(&own, list)) {
		e = maps_find(&own, (uint64_t)(uintptr_t)mapped);
		same = e && e->dev == dev && e->ino == ino;
	}
	if (list >= 0)
		close(list);
	maps_release(&own);
	munmap(mapped, page);
	return same;
}

bool image_file_is(int fd, uint32_t dev, uint64_t ino)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	return stat_is(&st, dev, ino) || maps_say(fd, dev, ino);
}

bool image_file_is_exe(pid_t pid, uint32_t dev, uint64_t ino)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return !stat(path, &st) && stat_is(&st, dev, ino);
}

static int open_if_same(const char *path, uint32_t dev, uint64_t ino)
{
	int fd = image_file_open(path);

	if (fd >= 0 && !image_file_is(fd, dev, ino)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int image_file_open_mapped(pid_t pid, const struct maps *m, const struct maps_entry *e)
{
	const char *name = maps_name(m, e);
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, e->start,
		 e->end);
	/* The process may have mapped another file there since its maps were read. */
	fd = open_if_same(path, e->dev, e->ino);
	if (fd >= 0 || *name != '/')
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, name);
	fd = open_if_same(path, e->dev, e->ino);
	return fd >= 0 ? fd : open_if_same(name, e->dev, e->ino);
}
