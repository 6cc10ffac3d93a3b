/* SPDX-License-Identifier: MIT */
#include "lock_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/inspect/inspect.h"
#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/map.h"
#include "user/helper/own_event.h"
#include "uprobes.h"

#define KERNEL_ENOTSUPP 524 /* of the kernel's own, not in errno.h */

/* Files remembered, and notes written: a program may map any number of odd ones. */
#define IMAGES_MAX 4096
#define NOTES_MAX 64

/* A file that was looked at: what became of its places. */
struct probed {
	uint64_t dev, ino;
	uint32_t places, attached;
};

struct lock_probes {
	struct uprobes *uprobes;
	int sites_fd;
	uint32_t nsites;    /* numbers given so far; from 1 */
	struct map by_file; /* hash of (device, inode) → index in `probed` */
	struct probed *probed;
	uint32_t nprobed, cap;
	struct map
		told; /* address space << 32 | index in `probed` → 1 once its interpreter is told */
	uint32_t nnotes;
};

struct lock_probes *lock_probes_new(const struct bpf_program *program, const struct bpf_map *sites)
{
	struct lock_probes *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->sites_fd = bpf_map__fd(sites);
	l->uprobes = uprobes_new(program);
	if (!l->uprobes) {
		lock_probes_free(l);
		return NULL;
	}
	return l;
}

/* What the files and the attaching go by, for one image. */
struct telling {
	struct lock_probes *l;
	const struct inspect_image *image;
	lock_probes_emit emit;
	void *ctx;
};

static int note(const struct telling *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int note(const struct telling *t, const char *fmt, ...)
{
	struct gt_event ev = own_event(GT_NOTE);
	char text[PATH_MAX + 512];
	va_list ap;

	if (t->l->nnotes > NOTES_MAX)
		return 0;
	if (t->l->nnotes++ == NOTES_MAX) {
		snprintf(text, sizeof(text), "there are more notes about lock probes than these");
	} else {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
	}
	ev.u.note.as = t->image->as;
	ev.u.note.text = text;
	return t->emit(t->ctx, &ev);
}

/* Which file it is; one that nobody could open is known by its path. */
static void identify(const struct inspect_image *image, uint64_t *dev, uint64_t *ino)
{
	*dev = image->dev;
	*ino = image->ino;
	if (image->fd >= 0)
		return;
	*dev = UINT64_MAX;
	*ino = 0;
	for (const char *s = image->path; *s; s++)
		*ino = (*ino ^ (uint8_t)*s) * 0x100000001b3ull;
}

/* Its entry, made if need be; `*found` tells. NULL: no more can be remembered. */
static struct probed *remember(struct lock_probes *l, const struct inspect_image *image,
			       bool *found)
{
	uint64_t dev, ino, key, index;
	struct probed *more;

	identify(image, &dev, &ino);
	/* Two files whose hashes meet lie next to each other. */
	for (key = hash_pair(ino, dev); map_get(&l->by_file, key, &index); key++) {
		*found = l->probed[index].dev == dev && l->probed[index].ino == ino;
		if (*found)
			return &l->probed[index];
	}
	*found = false;
	if (l->nprobed == IMAGES_MAX)
		return NULL;
	if (l->nprobed == l->cap) {
		more = reallocarray(l->probed, l->cap ? 2 * l->cap : 16, sizeof(*more));
		if (!more)
			return NULL;
		l->probed = more;
		l->cap = l->cap ? 2 * l->cap : 16;
	}
	if (map_put(&l->by_file, key, l->nprobed))
		return NULL;
	l->probed[l->nprobed] = (struct probed){ .dev = dev, .ino = ino };
	return &l->probed[l->nprobed++];
}

/* `ts` is before the first hit, so that readers know the place by then. */
static int tell_site(const struct telling *t, const struct inspect_place *place, uint32_t site,
		     uint64_t ts)
{
	struct gt_event ev = own_event(GT_LOCK_SITE);

	ev.ts = ts;
	ev.u.lock_site.site = site;
	ev.u.lock_site.role = place->site.role;
	ev.u.lock_site.flags = place->flags;
	ev.u.lock_site.interpreter = place->flags & GT_LOCK_SITE_USDT ? GT_INTERPRETER_NONE
								      : t->image->interpreter;
	ev.u.lock_site.name = place->name;
	ev.u.lock_site.image = t->image->path;
	return t->emit(t->ctx, &ev);
}

/* Why the kernel refuses a place, for people. */
static const char *why(int err)
{
	switch (err) {
	case -KERNEL_ENOTSUPP:
		return "the instruction there cannot be probed";
	case -EINVAL:
		return "the kernel refuses the place";
	case -EIO:
		return "the file cannot be probed or read";
	default:
		return strerror(-err);
	}
}

/* Number the places, as far as there are numbers, and tell the kernel side. How many have one. */
static uint32_t number_places(struct lock_probes *l, const struct inspect_image *image,
			      struct uprobes_place *places)
{
	uint32_t n = 0;

	while (n < image->nplaces && l->nsites + 1 < GT_LOCK_SITES_MAX) {
		const struct inspect_place *place = &image->places[n];
		uint32_t number = l->nsites + 1;

		if (bpf_map_update_elem(l->sites_fd, &number, &place->site, BPF_ANY))
			break; /* an array that is there takes everything */
		places[n++] = (struct uprobes_place){ .offset = place->offset,
						      .semaphore = place->semaphore,
						      .cookie = number };
		l->nsites = number;
	}
	return n;
}

static int probe_places(const struct telling *t, struct probed *p)
{
	const struct inspect_image *image = t->image;
	struct uprobes_place *places = calloc(image->nplaces, sizeof(*places)), *refused = NULL;
	uint64_t ts = clock_monotonic();
	uint32_t n;
	int err = 0;

	p->places = image->nplaces;
	if (!places)
		return -ENOMEM;
	n = number_places(t->l, image, places);
	p->attached = uprobes_attach(t->l->uprobes, image->fd, places, n);
	for (uint32_t i = 0; i < n && !err; i++) {
		if (!places[i].err)
			err = tell_site(t, &image->places[i], (uint32_t)places[i].cookie, ts);
		else if (!refused)
			refused = &places[i];
	}
	if (!err && refused)
		err = note(t, "%s: %u of %u lock probes could not be placed; %s: %s", image->path,
			   n - p->attached, n, image->places[refused - places].name,
			   why(refused->err));
	if (!err && n < image->nplaces)
		err = note(t, "%s: %u places of its locks are not probed: more than %d in all",
			   image->path, image->nplaces - n, GT_LOCK_SITES_MAX - 1);
	free(places);
	return err;
}

/* A file not seen before. */
static int begin(const struct telling *t, struct probed *p)
{
	const struct inspect_image *image = t->image;
	int err = 0;

	if (image->note[0])
		err = note(t, "%s", image->note);
	if (err || !image->nplaces)
		return err;
	if (image->fd >= 0)
		return probe_places(t, p);
	p->places = image->nplaces;
	return note(t, "%s: its locks are not probed: the file cannot be opened", image->path);
}

/* PROBED came as "these are all places"; it leaves as "all places are probed". */
static int tell_interpreter(const struct telling *t, const struct probed *p)
{
	uint64_t key = (uint64_t)t->image->as << 32 | (uint32_t)(p - t->l->probed);
	const uint32_t probing = GT_INTERPRETER_PROBED | GT_INTERPRETER_IN_PART;
	struct gt_event ev = own_event(GT_INTERPRETER);
	bool all = t->image->flags & GT_INTERPRETER_PROBED && p->attached == p->places;

	if (map_get(&t->l->told, key, NULL) || map_put(&t->l->told, key, 1))
		return 0;
	ev.u.interpreter.as = t->image->as;
	ev.u.interpreter.kind = t->image->interpreter;
	ev.u.interpreter.version = t->image->version;
	ev.u.interpreter.flags = t->image->flags & ~probing;
	if (p->attached)
		ev.u.interpreter.flags |= all ? GT_INTERPRETER_PROBED : GT_INTERPRETER_IN_PART;
	ev.u.interpreter.name = t->image->name;
	ev.u.interpreter.image = t->image->path;
	return t->emit(t->ctx, &ev);
}

int lock_probes_image(struct lock_probes *l, const struct inspect_image *image,
		      lock_probes_emit emit, void *ctx)
{
	struct telling t = { .l = l, .image = image, .emit = emit, .ctx = ctx };
	bool found;
	struct probed *p = remember(l, image, &found);
	int err = 0;

	if (p && !found)
		err = begin(&t, p);
	if (!err && p && image->as && image->interpreter)
		err = tell_interpreter(&t, p);
	if (image->fd >= 0)
		close(image->fd);
	return err;
}

void lock_probes_free(struct lock_probes *l)
{
	if (!l)
		return;
	uprobes_free(l->uprobes);
	map_free(&l->by_file);
	map_free(&l->told);
	free(l->probed);
	free(l);
}
