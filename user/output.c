/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <lib/log.h>

#include "invoker.h"
#include "shown.h"

#define TEMP_NAME_MAX 32

/* A file under way: `fd` is open; with `temp` set it lies in `dir` and becomes `name` there. */
struct place {
	int dir, fd;
	bool as_invoker; /* made with the permissions of the user behind sudo, and to be named with
			    them */
	char temp[TEMP_NAME_MAX];
	char name[NAME_MAX + 1];
};

struct output {
	char *path;
	FILE *stream;
	struct place place;
};

static void say(const char *path, int err)
{
	/* Whoever closed the pipe knows, and did it on purpose: "giltrace report FILE | head". */
	if (err == -EPIPE)
		return;
	log_error(
		"cannot write %s: %s", SHOWN(path),
		err == -ELOOP
			? "there is a symbolic link on the way that is broken or not to be trusted"
			: strerror(-err));
}

/* A device or pipe is opened, never replaced: an fd; -ENXIO when `path` is a plain file or not
 * there. */
static int open_special(const char *path, int flags)
{
	struct stat st;
	int fd;

	if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
		return -ENXIO;
	fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -ENXIO;
}

/* Follow `path` when it is a link made by root or `trusted`. 0 and the file's own path in `real`,
 * or -errno. */
static int resolve(const char *path, uid_t trusted, char real[PATH_MAX])
{
	struct stat st;

	if (snprintf(real, PATH_MAX, "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	if (st.st_uid != 0 && st.st_uid != trusted)
		return -ELOOP;
	return realpath(path, real) ? 0 : -ELOOP;
}

/* Whose permissions a file is made with, and whose links it may be reached through. */
struct maker {
	uid_t trusted;
	bool for_other; /* root, on behalf of `trusted`, where that user itself has no access */
};

/*
 * Opens the directory that `path` lies in and notes the name there. Root acting for another user
 * takes no way through links at all: whoever owns a directory on the way could lead it anywhere.
 */
static int enter_directory(struct place *p, const char *path, const struct maker *maker)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC };
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char dir[PATH_MAX] = ".";

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!*name)
		return -EISDIR;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(p->name, name);
	if (maker->for_other)
		how.resolve = RESOLVE_NO_SYMLINKS;
	p->dir = syscall(SYS_openat2, AT_FDCWD, dir, &how, sizeof(how));
	return p->dir < 0 ? -errno : 0;
}

/* A new file of its own in p->dir: what lies under the final name is not touched yet. */
static int create_temp(struct place *p)
{
	uint64_t salt;

	for (int tries = 0; tries < 100; tries++) {
		if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
			return -errno;
		snprintf(p->temp, sizeof(p->temp), ".giltrace-%08llx",
			 (unsigned long long)(salt >> 32));
		p->fd = openat(p->dir, p->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       0666);
		if (p->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	p->temp[0] = '\0';
	return -errno;
}

static void drop_place(struct place *p)
{
	if (p->temp[0] && p->dir >= 0)
		unlinkat(p->dir, p->temp, 0);
	p->temp[0] = '\0';
	if (p->fd >= 0)
		close(p->fd);
	if (p->dir >= 0)
		close(p->dir);
	p->fd = p->dir = -1;
}

static void clear_place(struct place *p)
{
	*p = (struct place){ .dir = -1, .fd = -1 };
}

/* With the permissions this process has right now. 0 or -errno. */
static int open_place(const char *path, const struct maker *maker, struct place *p)
{
	uid_t trusted = maker->trusted;
	char real[PATH_MAX];
	struct stat st;
	int err;

	if (!*path)
		return -ENOENT;
	err = resolve(path, trusted, real);
	if (err && err != -ELOOP)
		return err;
	/* /dev/stdout leads to a pipe, which has no path: a link that is trusted is opened as it
	 * stands. */
	if (lstat(path, &st) == 0 &&
	    (!S_ISLNK(st.st_mode) || st.st_uid == 0 || st.st_uid == trusted)) {
		p->fd = open_special(path, S_ISLNK(st.st_mode) ? 0 : O_NOFOLLOW);
		if (p->fd != -ENXIO)
			return p->fd < 0 ? p->fd : 0;
	}
	if (!err)
		err = enter_directory(p, real, maker);
	if (!err)
		err = create_temp(p);
	if (err)
		drop_place(p);
	return err;
}

/* As the user behind sudo, or, where that is not permitted but root may, as root on that user's
 * behalf. */
static int open_for_invoker(const char *path, struct place *p)
{
	struct invoker who;
	struct invoker_return back;
	struct maker maker = { .trusted = geteuid() };
	int err;

	clear_place(p);
	if (invoker_find(&who) <= 0)
		return open_place(path, &maker, p);
	maker.trusted = who.uid;
	err = invoker_enter(&who, &back);
	if (!err) {
		err = open_place(path, &maker, p);
		invoker_leave(&back);
		p->as_invoker = !err;
	}
	if (err == -EACCES || err == -EPERM) {
		maker.for_other = true;
		clear_place(p);
		err = open_place(path, &maker, p);
		if (!err && p->temp[0] && fchown(p->fd, who.uid, who.gid) != 0) {
			err = -errno;
			drop_place(p);
		}
	}
	invoker_free(&who);
	return err;
}

static int rename_temp(struct place *p)
{
	if (renameat(p->dir, p->temp, p->dir, p->name) != 0)
		return -errno;
	p->temp[0] = '\0';
	return 0;
}

/* The finished file takes its name. 0 or -errno. */
static int settle(struct place *p)
{
	struct invoker who;
	struct invoker_return back;
	int err;

	if (!p->temp[0])
		return 0;
	if (!p->as_invoker)
		return rename_temp(p);
	err = invoker_find(&who);
	if (err > 0)
		err = invoker_enter(&who, &back);
	if (!err) {
		err = rename_temp(p);
		invoker_leave(&back);
	}
	invoker_free(&who);
	return err;
}

int output_create(const char *path)
{
	struct place p;
	int fd, err = open_for_invoker(path, &p);

	if (!err)
		err = settle(&p);
	if (err)
		say(path, err);
	fd = err ? err : p.fd;
	if (!err)
		p.fd = -1;
	drop_place(&p);
	return fd;
}

static int temporary_in(const char *dir)
{
	char path[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	/* Not every filesystem has files without a name. */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) &&
	    snprintf(path, sizeof(path), "%s/giltrace-XXXXXX", dir) < (int)sizeof(path)) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	return fd;
}

int output_temporary(void)
{
	/* /tmp is memory on many machines, /var/tmp is disk by custom. */
	const char *dirs[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
	int fd = -1;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && fd < 0; i++)
		if (dirs[i] && *dirs[i])
			fd = temporary_in(dirs[i]);
	if (fd < 0)
		fd = memfd_create("giltrace", MFD_CLOEXEC);
	if (fd >= 0)
		return fd;
	fd = -errno;
	log_error("cannot make a temporary file: %s", strerror(-fd));
	return fd;
}

static struct output *new_output(const char *path)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	clear_place(&o->place);
	o->path = strdup(path);
	if (o->path)
		return o;
	free(o);
	return NULL;
}

int output_standard(FILE *stream, struct output **out)
{
	const char *name = stream == stdout ? "standard output" : "standard error";

	*out = new_output(name);
	if (!*out) {
		say(name, -ENOMEM);
		return -ENOMEM;
	}
	(*out)->stream = stream;
	return 0;
}

int output_open(const char *path, struct output **out)
{
	struct output *o;
	int err;

	if (strcmp(path, "-") == 0)
		return output_standard(stdout, out);
	*out = NULL;
	o = new_output(path);
	err = o ? open_for_invoker(path, &o->place) : -ENOMEM;
	if (!err) {
		o->stream = fdopen(o->place.fd, "w");
		err = o->stream ? 0 : -errno;
	}
	if (!err) {
		*out = o;
		return 0;
	}
	say(path, err);
	output_free(o);
	return err;
}

FILE *output_stream(const struct output *o)
{
	return o->stream;
}

static int flush(FILE *stream)
{
	errno = 0;
	if (fflush(stream) == 0 && !ferror(stream))
		return 0;
	return errno ? -errno : -EIO;
}

int output_commit(struct output *o, int err)
{
	int flushed = flush(o->stream);

	if (!err)
		err = flushed;
	if (!err)
		err = settle(&o->place);
	if (err)
		say(o->path, err);
	return err;
}

void output_free(struct output *o)
{
	if (!o)
		return;
	if (o->stream && o->place.fd >= 0) {
		fclose(o->stream);
		o->place.fd = -1;
	}
	drop_place(&o->place);
	free(o->path);
	free(o);
}
