/* SPDX-License-Identifier: MIT */
#include "image_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_IMAGES 128
#define MAX_BYTES (256u << 20)

struct entry {
	uint32_t dev;
	uint64_t ino;
	off_t size;
	struct timespec changed;
	uint64_t used;	     /* when, counted in calls; 0: free */
	struct image *image; /* NULL: unusable */
};

struct image_cache {
	struct entry entries[MAX_IMAGES];
	uint64_t calls;
	size_t bytes;
};

struct image_cache *image_cache_new(void)
{
	return calloc(1, sizeof(struct image_cache));
}

static void drop(struct image_cache *c, struct entry *e)
{
	if (e->image)
		c->bytes -= image_size(e->image);
	image_free(e->image);
	*e = (struct entry){ 0 };
}

static struct entry *lookup(struct image_cache *c, uint32_t dev, uint64_t ino)
{
	for (size_t i = 0; i < MAX_IMAGES; i++) {
		struct entry *e = &c->entries[i];

		if (e->used && e->dev == dev && e->ino == ino)
			return e;
	}
	return NULL;
}

/* A free entry, or the one not used for longest, emptied. */
static struct entry *take(struct image_cache *c)
{
	struct entry *oldest = &c->entries[0];

	for (size_t i = 1; i < MAX_IMAGES; i++) {
		if (c->entries[i].used < oldest->used)
			oldest = &c->entries[i];
	}
	drop(c, oldest);
	return oldest;
}

static void shrink(struct image_cache *c, const struct entry *keep)
{
	while (c->bytes > MAX_BYTES) {
		struct entry *oldest = NULL;

		for (size_t i = 0; i < MAX_IMAGES; i++) {
			struct entry *e = &c->entries[i];

			if (e->image && e != keep && (!oldest || e->used < oldest->used))
				oldest = e;
		}
		if (!oldest)
			return;
		drop(c, oldest);
	}
}

static bool unchanged(const struct entry *e, const struct stat *st)
{
	return e->size == st->st_size && e->changed.tv_sec == st->st_ctim.tv_sec &&
	       e->changed.tv_nsec == st->st_ctim.tv_nsec;
}

const struct image *image_cache_get(struct image_cache *c, uint32_t dev, uint64_t ino, int fd,
				    const char *path)
{
	struct entry *e = lookup(c, dev, ino);
	struct stat st;
	int err;

	c->calls++;
	if (e && (fd < 0 || fstat(fd, &st) || unchanged(e, &st))) {
		e->used = c->calls;
		return e->image;
	}
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	if (e)
		drop(c, e);
	else
		e = take(c);
	*e = (struct entry){ .dev = dev,
			     .ino = ino,
			     .size = st.st_size,
			     .changed = st.st_ctim,
			     .used = c->calls,
			     .image = image_read(fd, path, &err) };
	if (e->image)
		c->bytes += image_size(e->image);
	shrink(c, e);
	return e->image;
}

void image_cache_free(struct image_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < MAX_IMAGES; i++)
		drop(c, &c->entries[i]);
	free(c);
}
