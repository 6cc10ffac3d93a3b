/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "user/image/image_debug.h"
#include "user/image/image_file.h"
#include "inspect_elf.h"
#include "inspect_image.h"
#include "inspect_interpreter.h"
#include "inspect_python.h"
#include "inspect_usdt.h"
#include "user/helper/space.h"

#define MAX_ENTRIES 1024
#define MAX_MAPPED 4096 /* images of one address space */

#define FUSE_MAGIC 0x65735546

struct entry {
	uint32_t dev;
	uint64_t ino;
	off_t size;
	struct timespec changed;
	unsigned int want;
	uint64_t used;		   /* when, counted in calls; 0: free */
	struct inspect_image *img; /* NULL: nothing to tell */
};

struct inspect {
	struct entry entries[MAX_ENTRIES];
	uint64_t calls;
	struct inspect_fate *fate;
	struct inspect_fate own; /* when nobody else has one */
};

/* One question's way through. */
struct work {
	struct inspect *in;
	unsigned int want;
	inspect_tell tell;
	void *ctx;
};

struct inspect *inspect_new(struct inspect_fate *fate)
{
	struct inspect *in = calloc(1, sizeof(*in));

	if (in)
		in->fate = fate ? fate : &in->own;
	return in;
}

void inspect_fate_lost(struct inspect_fate *fate)
{
	if (fate->now.ino && fate->nlost < INSPECT_LOST_MAX)
		fate->lost[fate->nlost++] = fate->now;
	fate->now.ino = 0;
}

/* False: it is a file that is better left alone. */
static bool begin(struct inspect *in, uint32_t dev, uint64_t ino)
{
	struct inspect_fate *f = in->fate;

	for (uint32_t i = 0; i < f->nlost && i < INSPECT_LOST_MAX; i++) {
		if (f->lost[i].dev == dev && f->lost[i].ino == ino)
			return false;
	}
	*(volatile uint32_t *)&f->now.dev = dev;
	*(volatile uint64_t *)&f->now.ino = ino;
	return true;
}

static void done(struct inspect *in)
{
	*(volatile uint64_t *)&in->fate->now.ino = 0;
}

static void drop(struct entry *e)
{
	if (e->img)
		inspect_image_release(e->img);
	free(e->img);
	*e = (struct entry){ 0 };
}

void inspect_free(struct inspect *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < MAX_ENTRIES; i++)
		drop(&in->entries[i]);
	free(in);
}

static uint32_t kernel_dev(const struct stat *st)
{
	return major(st->st_dev) << 20 | minor(st->st_dev);
}

/* The file's entry if it is still good, else an emptied one: the oldest. */
static struct entry *entry_of(struct inspect *in, const struct stat *st, unsigned int want)
{
	struct entry *oldest = &in->entries[0];

	in->calls++;
	for (size_t i = 0; i < MAX_ENTRIES; i++) {
		struct entry *e = &in->entries[i];

		if (e->used && e->dev == kernel_dev(st) && e->ino == st->st_ino) {
			if (e->size == st->st_size && e->want == want &&
			    e->changed.tv_sec == st->st_ctim.tv_sec &&
			    e->changed.tv_nsec == st->st_ctim.tv_nsec)
				return e;
			oldest = e;
			break;
		}
		if (e->used < oldest->used)
			oldest = e;
	}
	drop(oldest);
	return oldest;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool worth_telling(const struct inspect_image *img)
{
	return img->interpreter || img->nplaces || *img->note;
}

static void look_at_debug(struct inspect_image *img, Elf *elf)
{
	uint64_t size = image_debug_size(elf, img->path);

	if (size > IMAGE_DEBUG_MAX)
		inspect_image_note(
			img,
			"%s has %" PRIu64
			" MiB of debug information, more than the %llu MiB that are read: functions inlined there are not named",
			base_of(img->path), size >> 20, IMAGE_DEBUG_MAX >> 20);
}

static void look(struct inspect_image *img, int fd, unsigned int want)
{
	struct inspect_elf e;
	struct statfs fs;
	int err;

	/* The program that answers for it may be the very one that is traced. */
	if (!fstatfs(fd, &fs) && fs.f_type == FUSE_MAGIC) {
		if (inspect_interpreter_named(base_of(img->path)))
			inspect_image_note(
				img,
				"%s lies on a filesystem made by a program (FUSE): it is not probed",
				base_of(img->path));
		return;
	}
	err = inspect_elf_open(&e, fd);
	if (err) {
		if (err == -EFBIG &&
		    ((want & INSPECT_DEBUG) || inspect_interpreter_named(base_of(img->path))))
			inspect_image_note(img, "%s is too large to be looked into",
					   base_of(img->path));
		return;
	}
	if (!inspect_elf_has_sections(e.elf))
		inspect_image_note(img, "%s has no sections that can be read: it is not probed",
				   base_of(img->path));
	if (want & INSPECT_DEBUG)
		look_at_debug(img, e.elf);
	if (!inspect_elf_is_go(e.elf)) {
		if (want & INSPECT_USDT)
			inspect_usdt(&e, img);
		inspect_interpreter(&e, want, img);
	}
	inspect_elf_close(&e);
}

/* What was found in the file, only what is worth keeping; NULL: nothing to tell, or no memory. */
static struct inspect_image *found_in(int fd, const char *path, const struct stat *st,
				      unsigned int want)
{
	struct inspect_image *img = calloc(1, sizeof(*img));
	struct inspect_place *fewer;

	if (!img)
		return NULL;
	img->fd = -1;
	img->dev = kernel_dev(st);
	img->ino = st->st_ino;
	snprintf(img->path, sizeof(img->path), "%s", path);
	img->places = calloc(INSPECT_PLACES_MAX, sizeof(*img->places));
	if (img->places)
		look(img, fd, want);
	if (!img->places || !worth_telling(img)) {
		inspect_image_release(img);
		free(img);
		return NULL;
	}
	fewer = realloc(img->places, (img->nplaces + 1) * sizeof(*fewer));
	if (fewer)
		img->places = fewer;
	return img;
}

/* The file open at `fd`, as it is known by `path`, mapped as `mapping` says; NULL where that is not
 * known. */
static bool look_at(struct work *w, int fd, const char *path, const struct maps_entry *mapping)
{
	struct inspect_image told;
	struct entry *e;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return true;
	e = entry_of(w->in, &st, w->want);
	if (!e->used)
		*e = (struct entry){ .dev = kernel_dev(&st),
				     .ino = st.st_ino,
				     .size = st.st_size,
				     .changed = st.st_ctim,
				     .want = w->want,
				     .img = found_in(fd, path, &st, w->want) };
	e->used = w->in->calls;
	if (!e->img)
		return true;
	done(w->in); /* telling may take long, through no fault of the file */
	told = *e->img;
	told.fd = fd;
	if (mapping)
		inspect_python_move(&told.python, mapping->start - mapping->offset - told.text);
	else
		told.python.minor = 0;
	/* The same file may have other names elsewhere. */
	snprintf(told.path, sizeof(told.path), "%s", path);
	return w->tell(w->ctx, &told);
}

bool inspect_file(struct inspect *in, int fd, const char *path, unsigned int want,
		  inspect_tell tell, void *ctx)
{
	struct work w = { .in = in, .want = want, .tell = tell, .ctx = ctx };
	struct stat st;
	bool going = true;

	if (!fstat(fd, &st) && begin(in, kernel_dev(&st), st.st_ino)) {
		going = look_at(&w, fd, path, NULL);
		done(in);
	}
	return going;
}

static bool look_at_program(struct work *w, const struct symbols_exec *exec)
{
	char link[64], path[PATH_MAX];
	int fd = space_open_program(exec);
	bool going;
	ssize_t len;

	if (fd < 0)
		return true;
	/* Without the symbolic links on the way, as the maps would have told it. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	going = look_at(w, fd, path, NULL);
	close(fd);
	return going;
}

/* A file that cannot be looked into: told only where it was an interpreter by its name. */
static bool tell_missing(struct work *w, const char *path, const char *why)
{
	struct inspect_image img = { .fd = -1 };

	if (!inspect_interpreter_named(base_of(path)))
		return true;
	snprintf(img.path, sizeof(img.path), "%s", path);
	inspect_image_note(&img, "%s %s: it is not probed", base_of(path), why);
	return w->tell(w->ctx, &img);
}

/* Was the file of `e` mapped by an entry before it? Files are mapped in runs, mostly. */
static bool seen_before(const struct maps *m, const struct maps_entry *e)
{
	for (const struct maps_entry *p = e; p-- > m->entries;) {
		if (p->ino == e->ino && p->dev == e->dev && (p->flags & MAPS_EXEC))
			return true;
	}
	return false;
}

bool inspect_space(struct inspect *in, const struct space *s, const struct symbols_exec *exec,
		   unsigned int want, inspect_tell tell, void *ctx)
{
	struct work w = { .in = in, .want = want, .tell = tell, .ctx = ctx };
	int left = MAX_MAPPED;
	bool going = true;

	if (!s->maps.count)
		return look_at_program(&w, exec);
	for (size_t i = 0; i < s->maps.count && going && left; i++) {
		const struct maps_entry *e = &s->maps.entries[i];
		const char *path = maps_name(&s->maps, e);
		int fd;

		if (!(e->flags & MAPS_EXEC) || maps_kind(&s->maps, e) != MAPS_FILE_PRIVATE ||
		    seen_before(&s->maps, e))
			continue;
		left--;
		if (!begin(in, e->dev, e->ino)) {
			going = tell_missing(&w, path, "is damaged, or too slow to read");
			continue;
		}
		fd = image_file_open_mapped(s->pid, &s->maps, e);
		going = fd < 0 ? tell_missing(&w, path, "was replaced or cannot be opened")
			       : look_at(&w, fd, path, e);
		if (fd >= 0)
			close(fd);
		done(in);
	}
	return going;
}
