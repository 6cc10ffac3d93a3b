/* SPDX-License-Identifier: MIT */
#include "code_space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/image/image_file.h"
#include "lib/clock.h"
#include "lib/map.h"
#include "perf_map.h"
#include "space.h"

#define MAX_ENTRIES 128
#define MAX_JIT_CODE 4096 /* addresses of an address space */

/* A list of code that grows is read again for what it does not have yet: at most that often, and
 * at most this part of the time, 1 / (1 + 4). */
#define JIT_TRUST_NS 100000000ull
#define JIT_REST_PER_COST 4

struct mapped {
	enum code_kind kind;
	struct image_code *code;
	uint64_t bias;
};

struct code_space_entry {
	uint32_t as;
	uint64_t read_at; /* of the maps that this was made from */
	uint64_t used;	  /* when, counted in calls; 0: free */
	const struct space *space;
	struct mapped *mapped; /* one for each mapping */
	size_t count;
	struct perf_map *jit; /* NULL: none was found */
	uint64_t jit_at;      /* CLOCK_MONOTONIC ns of the last look; 0: none */
	uint64_t jit_cost;    /* ns that it took */
	struct map jit_code;  /* address → 8 bytes of code */
};

struct code_spaces {
	struct space_cache *spaces;
	struct image_code_cache *images;
	struct process_memory_trouble *memory;
	struct code_space_entry entries[MAX_ENTRIES];
	uint64_t calls;
};

struct code_spaces *code_spaces_new(struct image_code_trouble *t,
				    struct process_memory_trouble *memory)
{
	struct code_spaces *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->spaces = space_cache_new();
	all->images = image_code_cache_new(t);
	all->memory = memory;
	if (!all->spaces || !all->images) {
		code_spaces_free(all);
		return NULL;
	}
	return all;
}

static void release(struct code_space_entry *e)
{
	for (size_t i = 0; i < e->count; i++)
		image_code_put(e->mapped[i].code);
	free(e->mapped);
	e->mapped = NULL;
	e->count = 0;
}

static void drop(struct code_space_entry *e)
{
	release(e);
	perf_map_free(e->jit);
	e->jit = NULL;
	map_free(&e->jit_code);
}

void code_spaces_free(struct code_spaces *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < MAX_ENTRIES; i++)
		drop(&all->entries[i]);
	image_code_cache_free(all->images);
	space_cache_free(all->spaces);
	free(all);
}

static struct code_space_entry *lookup_or_take(struct code_spaces *all, uint32_t as)
{
	struct code_space_entry *oldest = &all->entries[0];

	for (size_t i = 0; i < MAX_ENTRIES; i++) {
		struct code_space_entry *e = &all->entries[i];

		if (e->used && e->as == as)
			return e;
		if (e->used < oldest->used)
			oldest = e;
	}
	drop(oldest);
	*oldest = (struct code_space_entry){ .as = as };
	return oldest;
}

/* The image that mapping `e` shows, and how far it was moved. */
static struct mapped map_file(struct code_spaces *all, const struct space *s,
			      const struct maps_entry *e, const struct symbols_exec *exec)
{
	int fd = image_file_open_mapped(s->pid, &s->maps, e);
	struct mapped out = { .kind = CODE_LOST };
	struct image_place place;

	/* Its process has ended, and this is the program that it ran? */
	if (fd < 0 && exec && exec->dev == e->dev && exec->ino == e->ino)
		fd = space_open_program(exec);
	if (fd < 0)
		fd = -1;
	out.code = image_code_cache_get(all->images, e->dev, e->ino, fd, maps_name(&s->maps, e));
	if (out.code && image_layout_locate(&out.code->layout, &s->maps, e, e->start, &place)) {
		out.kind = CODE_IMAGE;
		out.bias = e->start - place.vaddr;
	} else {
		image_code_put(out.code);
		out.code = NULL;
		if (fd >= 0)
			out.kind = CODE_ANON;
	}
	if (fd >= 0)
		close(fd);
	return out;
}

static struct mapped map_vdso(struct code_spaces *all, const struct maps_entry *e)
{
	struct mapped out = { .code = image_code_cache_vdso(all->images) };

	if (!out.code)
		return out;
	out.kind = CODE_VDSO;
	out.bias = e->start;
	return out;
}

static struct mapped map_one(struct code_spaces *all, const struct space *s,
			     const struct maps_entry *e, const struct symbols_exec *exec)
{
	struct mapped none = { .kind = CODE_NONE }, anon = { .kind = CODE_ANON };

	if (!(e->flags & MAPS_EXEC))
		return none;
	if (e->ino)
		return map_file(all, s, e, exec);
	if (!strcmp(maps_name(&s->maps, e), "[vdso]"))
		return map_vdso(all, e);
	return maps_kind(&s->maps, e) == MAPS_SPECIAL ? none : anon;
}

/*
 * Take all images in hand at once: when their names are asked for, the process may have ended.
 * Those of before are held until then, so that none is read twice.
 */
static void build(struct code_spaces *all, struct code_space_entry *e, const struct space *s,
		  const struct symbols_exec *exec)
{
	struct code_space_entry old = *e;

	e->space = s;
	e->read_at = s->read_at;
	e->mapped = calloc(s->maps.count ? s->maps.count : 1, sizeof(*e->mapped));
	e->count = e->mapped ? s->maps.count : 0;
	for (size_t i = 0; i < e->count; i++)
		e->mapped[i] = map_one(all, s, &s->maps.entries[i], exec);
	release(&old);
}

static void refresh(struct code_spaces *all, struct code_space *s, uint64_t addr)
{
	const struct space *space = space_cache_get(all->spaces, s->as, s->tgid, addr, s->exec);
	struct code_space_entry *e = lookup_or_take(all, s->as);

	e->used = ++all->calls;
	if (e->space != space || e->read_at != space->read_at)
		build(all, e, space, s->exec);
	s->entry = e;
}

bool code_space_begin(struct code_spaces *all, uint32_t as, pid_t tgid, uint64_t ip,
		      const struct symbols_exec *exec, struct code_space *out)
{
	*out = (struct code_space){ .all = all, .as = as, .tgid = tgid, .exec = exec };
	refresh(all, out, ip);
	return out->entry->count > 0;
}

void code_space_find(struct code_space *s, uint64_t addr, struct code_place *out)
{
	const struct maps *maps = &s->entry->space->maps;
	const struct maps_entry *e = maps_find(maps, addr);
	const struct mapped *m;

	*out = (struct code_place){ .path = "" };
	if (!e || !(e->flags & MAPS_EXEC)) {
		/* Mapped since? */
		refresh(s->all, s, addr);
		maps = &s->entry->space->maps;
		e = maps_find(maps, addr);
	}
	if (!e || (size_t)(e - maps->entries) >= s->entry->count)
		return;
	m = &s->entry->mapped[e - maps->entries];
	out->kind = m->kind;
	out->code = m->code;
	out->vaddr = addr - m->bias;
	if (m->kind == CODE_IMAGE || m->kind == CODE_LOST) {
		out->path = maps_name(maps, e);
		out->offset = e->offset + (addr - e->start);
	}
}

static void read_jit(struct code_space_entry *e)
{
	uint64_t start = clock_monotonic();
	int fd = e->space->pid > 0 ? perf_map_open(e->space->pid) : -ESRCH;

	/* What was told before the process ended stays. */
	if (fd >= 0) {
		perf_map_free(e->jit);
		e->jit = perf_map_read(fd);
		close(fd);
	}
	e->jit_at = clock_monotonic();
	e->jit_cost = e->jit_at - start;
}

const char *code_space_jit(struct code_space *s, uint64_t addr)
{
	struct code_space_entry *e = s->entry;
	const char *name = e->jit ? perf_map_find(e->jit, addr) : NULL;
	uint64_t trust = JIT_TRUST_NS + e->jit_cost * JIT_REST_PER_COST;

	if (name || (e->jit_at && clock_monotonic() - e->jit_at < trust))
		return name;
	read_jit(e);
	return e->jit ? perf_map_find(e->jit, addr) : NULL;
}

void code_space_jit_soon(struct code_space *s, uint64_t addr)
{
	struct code_place place;

	code_space_find(s, addr, &place);
	if (place.kind == CODE_ANON)
		code_space_jit(s, addr);
}

/* Read anew each time: code made at run time may be replaced. */
bool code_space_jit_code(struct code_space *s, uint64_t addr, uint64_t *code)
{
	struct code_space_entry *e = s->entry;

	if (!process_memory_read(s->all->memory, s->as, e->space->pid, addr, code, sizeof(*code)))
		return map_get(&e->jit_code, addr, code);
	if (map_len(&e->jit_code) >= MAX_JIT_CODE)
		map_free(&e->jit_code);
	map_put(&e->jit_code, addr, *code); /* else it is not known when the process has ended */
	return true;
}

pid_t code_space_pid(const struct code_space *s)
{
	return s->entry->space->pid;
}
