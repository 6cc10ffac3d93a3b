/* SPDX-License-Identifier: MIT */
#include "naming.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/image/image_cache.h"
#include "user/image/image_file.h"
#include "maps.h"
#include "space.h"

#define MAX_LOOK_BACK 16 /* mappings between a file's last one and a word of its .bss */

struct naming {
	struct space_cache *spaces;
	struct image_cache *images;
};

struct naming *naming_new(void)
{
	struct naming *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->spaces = space_cache_new();
	n->images = image_cache_new();
	if (!n->spaces || !n->images) {
		naming_free(n);
		return NULL;
	}
	return n;
}

void naming_free(struct naming *n)
{
	if (!n)
		return;
	space_cache_free(n->spaces);
	image_cache_free(n->images);
	free(n);
}

__attribute__((format(printf, 3, 4))) static void put(char *to, size_t room, const char *format,
						      ...)
{
	va_list args;

	/* A path longer than PATH_MAX is cut: it is for people. */
	va_start(args, format);
	vsnprintf(to, room, format, args);
	va_end(args);
}

static void put_place(struct naming_answer *out, const struct image *img,
		      const struct image_place *place)
{
	uint64_t into;
	const char *symbol = image_symbol(img, place->vaddr, &into);

	out->image_offset = place->offset;
	if (symbol && into)
		put(out->name, sizeof(out->name), "%s+0x%" PRIx64, symbol, into);
	else if (symbol)
		put(out->name, sizeof(out->name), "%s", symbol);
}

static const struct image *image_of(struct naming *n, const struct space *s,
				    const struct maps_entry *e, const struct symbols_exec *exec)
{
	int fd = image_file_open_mapped(s->pid, &s->maps, e);
	const struct image *img;

	if (fd < 0 && exec && exec->dev == e->dev && exec->ino == e->ino)
		fd = space_open_program(exec);
	img = image_cache_get(n->images, e->dev, e->ino, fd < 0 ? -1 : fd, maps_name(&s->maps, e));
	if (fd >= 0)
		close(fd);
	return img;
}

/*
 * .bss is anonymous memory right behind its file's last mapping. Without address randomization the
 * heap follows at once, and where the kernel made one mapping of both it calls it [heap].
 */
static const struct maps_entry *file_before(const struct maps *m, const struct maps_entry *e)
{
	for (int i = 0; i < MAX_LOOK_BACK && e > m->entries && e[-1].end == e->start; i++) {
		enum maps_kind kind = maps_kind(m, --e);

		if (kind == MAPS_FILE_PRIVATE)
			return e;
		if (kind != MAPS_ANON && kind != MAPS_HEAP)
			break;
	}
	return NULL;
}

/* Name the word by the image that `file` maps, if it lies in it. */
static bool name_in_image(struct naming *n, const struct space *s, const struct maps_entry *file,
			  uint64_t addr, const struct symbols_exec *exec, struct naming_answer *out)
{
	const struct image *img = image_of(n, s, file, exec);
	struct image_place place;

	if (!img || !image_locate(img, &s->maps, file, addr, &place))
		return false;
	put(out->image, sizeof(out->image), "%s", maps_name(&s->maps, file));
	put_place(out, img, &place);
	return true;
}

static void name_in_file(struct naming *n, const struct space *s, const struct maps_entry *e,
			 uint64_t addr, const struct symbols_exec *exec, struct naming_answer *out)
{
	if (name_in_image(n, s, e, addr, exec, out))
		return;
	put(out->image, sizeof(out->image), "%s", maps_name(&s->maps, e));
	out->image_offset = e->offset + (addr - e->start);
}

static void name_shared(const struct space *s, const struct maps_entry *e, uint64_t addr,
			struct naming_answer *out)
{
	const char *name = maps_name(&s->maps, e);

	/* What the kernel shows for anonymous shared memory. */
	if (!strcmp(name, "/dev/zero"))
		name = "[anon]";
	put(out->image, sizeof(out->image), "%s", name);
	out->image_offset = e->offset + (addr - e->start);
	out->shared_dev = e->dev;
	out->shared_ino = e->ino;
	out->shared_offset = out->image_offset;
}

static void name_mapped(struct naming *n, const struct space *s, const struct maps_entry *e,
			uint64_t addr, const struct symbols_exec *exec, struct naming_answer *out)
{
	enum maps_kind kind = maps_kind(&s->maps, e);
	const struct maps_entry *before;

	switch (kind) {
	case MAPS_FILE_PRIVATE:
		name_in_file(n, s, e, addr, exec, out);
		return;
	case MAPS_FILE_SHARED:
		name_shared(s, e, addr, out);
		return;
	case MAPS_STACK:
	case MAPS_SPECIAL:
		put(out->image, sizeof(out->image), "%s", maps_name(&s->maps, e));
		return;
	case MAPS_HEAP:
	case MAPS_ANON:
		before = file_before(&s->maps, e);
		if (before && name_in_image(n, s, before, addr, exec, out))
			return;
		put(out->image, sizeof(out->image), kind == MAPS_HEAP ? "[heap]" : "[anon]");
		return;
	}
}

/* The process ended before its maps were ever read: its program's own variables can still be told.
 */
static void name_by_exec(struct naming *n, uint64_t addr, const struct symbols_exec *exec,
			 struct naming_answer *out)
{
	int fd = space_open_program(exec);
	char link[64], path[PATH_MAX];
	struct image_place place;
	const struct image *img;
	ssize_t len;

	if (fd < 0)
		return;
	/* Without the symbolic links on the way, as the maps would have told it. */
	put(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	img = image_cache_get(n->images, exec->dev, exec->ino, fd, path);
	if (img && image_locate_code(img, exec->start_code, addr, &place)) {
		put(out->image, sizeof(out->image), "%s", path);
		put_place(out, img, &place);
	}
	close(fd);
}

void naming_word(struct naming *n, uint32_t as, pid_t tgid, uint64_t addr,
		 const struct symbols_exec *exec, struct naming_answer *out)
{
	const struct space *s = space_cache_get(n->spaces, as, tgid, addr, exec);
	const struct maps_entry *e = maps_find(&s->maps, addr);

	*out = (struct naming_answer){ 0 };
	if (e)
		name_mapped(n, s, e, addr, exec, out);
	else if (!s->maps.count)
		name_by_exec(n, addr, exec, out);
}

const struct space *naming_space(struct naming *n, uint32_t as, pid_t tgid,
				 const struct symbols_exec *exec)
{
	/* Of address 0 no mapping can tell: so they are read again. */
	return space_cache_get(n->spaces, as, tgid, 0, exec);
}
