/* SPDX-License-Identifier: MIT */
#include "lock_spaces.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* A hostile trace may name an address space in every record. */
#define MAX_SPACES (1U << 16)

#define MAJOR(v) ((uint32_t)(v) << 16)

/* The first row that fits; patterns of the file's name, the second of its whole path. */
static const struct {
	const char *base, *path;
	enum gt_interpreter kind;
	uint32_t version;
} files[] = {
	{ "python2*", "*", GT_INTERPRETER_CPYTHON, MAJOR(2) },
	{ "python", "*/2.[0-9]*/bin/*", GT_INTERPRETER_CPYTHON, MAJOR(2) }, /* version managers */
	{ "python", "*/*python-2.[0-9]*/bin/*", GT_INTERPRETER_CPYTHON, MAJOR(2) },
	{ "libpython2*", "*", GT_INTERPRETER_CPYTHON, MAJOR(2) },
	{ "python3*", "*", GT_INTERPRETER_CPYTHON, MAJOR(3) },
	{ "libpython3*", "*", GT_INTERPRETER_CPYTHON, MAJOR(3) },
	{ "python*", "*", GT_INTERPRETER_CPYTHON, 0 },
	{ "pypy*", "*", GT_INTERPRETER_PYPY, 0 },
	{ "libpypy*", "*", GT_INTERPRETER_PYPY, 0 },
	{ "ruby*", "*", GT_INTERPRETER_RUBY, 0 },
	{ "libruby*", "*", GT_INTERPRETER_RUBY, 0 },
	{ "ocaml*", "*", GT_INTERPRETER_OCAML, 0 },
	{ "dllthreads*.so", "*", GT_INTERPRETER_OCAML, 0 }, /* OCaml 4's threads, in bytecode */
};

#define NFILES (sizeof(files) / sizeof(files[0]))

void lock_spaces_release(struct lock_spaces *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->spaces[i].image);
	free(s->spaces);
	map_free(&s->index);
	memset(s, 0, sizeof(*s));
}

static uint64_t key_of(uint32_t as, uint32_t kind)
{
	return (uint64_t)as << 8 | kind;
}

/* NULL when there is no room. */
static struct lock_space *space_of(struct lock_spaces *s, uint32_t as, enum gt_interpreter kind)
{
	struct lock_space *space;
	uint64_t at;

	if (map_get(&s->index, key_of(as, kind), &at))
		return &s->spaces[at];
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct lock_space *p;

		if (s->n >= MAX_SPACES)
			return NULL;
		p = realloc(s->spaces, room * sizeof(*p));
		if (!p)
			return NULL;
		s->spaces = p;
		s->room = room;
	}
	if (map_put(&s->index, key_of(as, kind), s->n))
		return NULL;
	space = &s->spaces[s->n++];
	*space = (struct lock_space){ .as = as, .kind = kind };
	return space;
}

static void set_image(struct lock_space *space, const char *image)
{
	free(space->image);
	space->image = image && *image ? strdup(image) : NULL;
}

void lock_spaces_told(struct lock_spaces *s, const struct gt_event *ev)
{
	uint32_t kind = ev->u.interpreter.kind;
	struct lock_space *space;

	if (!kind || kind >= GT_INTERPRETER_COUNT)
		return;
	space = space_of(s, ev->u.interpreter.as, kind);
	if (!space)
		return;
	space->version = ev->u.interpreter.version;
	space->flags = ev->u.interpreter.flags;
	space->told = true;
	set_image(space, ev->u.interpreter.image);
}

/* The row of `files` that fits, or NFILES. */
static size_t row_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t i = 0;

	while (i < NFILES && (fnmatch(files[i].base, base, 0) || fnmatch(files[i].path, path, 0)))
		i++;
	return i;
}

void lock_spaces_seen(struct lock_spaces *s, uint32_t as, const char *path)
{
	struct lock_space *space;
	size_t i;

	if (!path || path[0] == '[')
		return;
	i = row_of(path);
	if (i == NFILES)
		return;
	space = space_of(s, as, files[i].kind);
	if (!space || space->told)
		return;
	if (!space->version)
		space->version = files[i].version;
	if (!space->image)
		set_image(space, path);
}

bool lock_spaces_is_image(const struct lock_space *space, const char *path)
{
	size_t i = row_of(path);

	return (space->image && !strcmp(space->image, path)) ||
	       (i < NFILES && files[i].kind == space->kind);
}

const struct lock_space *lock_spaces_find(const struct lock_spaces *s, uint32_t as,
					  enum gt_interpreter kind)
{
	uint64_t at;

	return map_get(&s->index, key_of(as, kind), &at) ? &s->spaces[at] : NULL;
}
