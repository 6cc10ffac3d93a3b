/* SPDX-License-Identifier: MIT */
#include "lock_kind.h"

#include <fnmatch.h>

#include "lock_sort.h"

/* Hand-overs by a tick. */
#define TICKS_MIN 3

/*
 * A row that needs no further proof names something that is nothing but the lock: inside CPython's
 * _PyRuntime (3.7 and later), its gil_* statics (3.2 to 3.6) and PyPy's library only the GIL's
 * condition variable is waited on with a timeout, and OCaml 4's thread library has no other one.
 * What lies on the heap has no name: there the behaviour must be shown, and the row only says whose
 * lock it is, unless the behaviour is nobody else's: a tick's, or a baton. A Python 2 makes its GIL
 * and its threading.Lock alike, of a semaphore on the heap; where threads both wait for one and
 * wake others from it, it is a lock. What each row was measured on: docs/method.md.
 */
static const struct lock_fingerprint fingerprints[] = {
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L3: timed waits on a condition variable inside _PyRuntime",
	  .symbol = "_PyRuntime*",
	  .condvar = true,
	  .timed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L3: timed waits on CPython's gil_cond",
	  .interpreter = GT_INTERPRETER_CPYTHON,
	  .symbol = "gil_*",
	  .place = LOCK_PLACE_IMAGE,
	  .condvar = true,
	  .timed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L3: timed waits beside CPython's switch_cond",
	  .interpreter = GT_INTERPRETER_CPYTHON,
	  .symbol = "switch_*",
	  .place = LOCK_PLACE_IMAGE,
	  .condvar = true,
	  .timed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: timed waits on an unnamed word of a Python's data",
	  .interpreter = GT_INTERPRETER_CPYTHON,
	  .place = LOCK_PLACE_IMAGE,
	  .condvar = true,
	  .timed = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: timed waits on a Python's heap, as subinterpreters have them",
	  .interpreter = GT_INTERPRETER_CPYTHON,
	  .place = LOCK_PLACE_HEAP,
	  .name = "subinterpreter's GIL",
	  .several = true,
	  .condvar = true,
	  .timed = true,
	  .symmetric = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: untimed waits on a Python 2's heap, handed over by all its threads",
	  .interpreter = GT_INTERPRETER_CPYTHON,
	  .major = 2,
	  .place = LOCK_PLACE_HEAP,
	  .name = "Python 2's GIL",
	  .several = true, /* a contended threading.Lock looks the same */
	  .condvar = true,
	  .untimed = true,
	  .symmetric = true,
	  .proves = true },
	{ .kind = LOCK_KIND_PYPY_GIL,
	  .text = "L3: timed waits on a condition variable in PyPy's own data",
	  .interpreter = GT_INTERPRETER_PYPY,
	  .place = LOCK_PLACE_IMAGE,
	  .condvar = true,
	  .timed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_RUBY_GVL,
	  .text = "L2: a Ruby's threads wake one another in turn, each on a word of its own",
	  .interpreter = GT_INTERPRETER_RUBY,
	  .name = "Ruby's GVL",
	  .condvar = true,
	  .baton = true,
	  .proves = true },
	{ .kind = LOCK_KIND_OCAML_MASTER,
	  .text = "L3: untimed waits on caml_master_lock",
	  .symbol = "caml_master_lock*",
	  .condvar = true,
	  .untimed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_OCAML_MASTER,
	  .text = "L3: untimed waits in the data of OCaml's thread library",
	  .interpreter = GT_INTERPRETER_OCAML,
	  .image = "*/dllthreads*.so",
	  .condvar = true,
	  .untimed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_OCAML_MASTER,
	  .text = "L2: untimed waits in an OCaml's own data, handed over by its tick",
	  .interpreter = GT_INTERPRETER_OCAML,
	  .place = LOCK_PLACE_IMAGE,
	  .condvar = true,
	  .untimed = true,
	  .symmetric = true,
	  .ticks = true,
	  .proves = true },
	{ .kind = LOCK_KIND_OCAML_MASTER,
	  .text = "L2: untimed waits on an OCaml's heap, handed over by its tick",
	  .interpreter = GT_INTERPRETER_OCAML,
	  .place = LOCK_PLACE_HEAP,
	  .name = "OCaml's master lock",
	  .several = true,
	  .condvar = true,
	  .untimed = true,
	  .symmetric = true,
	  .ticks = true,
	  .proves = true },
};

static bool matches(const char *pattern, const char *text)
{
	return !pattern || (text && !fnmatch(pattern, text, 0));
}

static bool behaves(const struct lock_fingerprint *fp, const struct lock_evidence *e)
{
	bool ticked = e->ticks >= TICKS_MIN && e->ticks * 2 >= e->handovers;

	return fp->condvar <= e->bitset && fp->timed <= e->timed && fp->untimed <= !e->timed &&
	       fp->symmetric <= lock_sort_symmetric(e) && fp->baton <= e->baton &&
	       fp->ticks <= ticked;
}

static bool lies(const struct lock_fingerprint *fp, const struct lock_group *g,
		 const struct lock_space *space)
{
	switch (fp->place) {
	case LOCK_PLACE_IMAGE:
		return g->image && lock_spaces_is_image(space, g->image);
	case LOCK_PLACE_HEAP:
		return g->image && g->image[0] == '[';
	default:
		return true;
	}
}

const struct lock_fingerprint *lock_kind_fingerprint(const struct lock_group *g,
						     const struct lock_spaces *spaces, uint32_t as)
{
	for (size_t i = 0; i < sizeof(fingerprints) / sizeof(fingerprints[0]); i++) {
		const struct lock_fingerprint *fp = &fingerprints[i];
		const struct lock_space *space = NULL;

		if (fp->interpreter != GT_INTERPRETER_NONE) {
			space = lock_spaces_find(spaces, as, fp->interpreter);
			if (!space || (fp->major && fp->major != space->version >> 16))
				continue;
		}
		if (behaves(fp, &g->evidence) && matches(fp->symbol, g->name) &&
		    matches(fp->image, g->image) && lies(fp, g, space))
			return fp;
	}
	return NULL;
}

/* What a lock without a fingerprint is called, by its waits. The first row that holds. */
static const struct {
	enum lock_kind_id kind;
	const char *symbol;
	bool mutex, pair, timed, gil_layout;
	uint32_t val_min, val_max; /* 0: any */
} shapes[] = {
	{ .kind = LOCK_KIND_MUTEX, .mutex = true },
	{ .kind = LOCK_KIND_RWLOCK, .pair = true, .val_min = 2, .val_max = 3 },
	{ .kind = LOCK_KIND_MUTEX, .val_min = 2, .val_max = 2 },
	{ .kind = LOCK_KIND_RWLOCK, .val_min = 2, .val_max = 3 },
	{ .kind = LOCK_KIND_GIL, .gil_layout = true },
	{ .kind = LOCK_KIND_GIL, .symbol = "*gil*" },
	{ .kind = LOCK_KIND_GIL, .symbol = "*GIL*" },
	{ .kind = LOCK_KIND_GIL, .pair = true, .timed = true },
	{ .kind = LOCK_KIND_CONDVAR, .pair = true },
	{ .kind = LOCK_KIND_SEMAPHORE },
};

enum lock_kind_id lock_kind_of(const struct lock_group *g, const struct lock_fingerprint *fp)
{
	const struct lock_evidence *e = &g->evidence;
	bool mutex = e->pi || e->value_always_2 || e->owner_value;

	if (g->sort != SORT_LOCK || !(mutex || e->bitset))
		return LOCK_KIND_UNKNOWN;
	if (fp && !mutex)
		return fp->kind;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].mutex <= mutex && shapes[i].pair <= e->condvar_pair &&
		    shapes[i].timed <= e->timed && shapes[i].val_min <= e->val_min &&
		    shapes[i].gil_layout <= e->gil_layout &&
		    (!shapes[i].val_max || e->val_max <= shapes[i].val_max) &&
		    matches(shapes[i].symbol, g->name))
			return shapes[i].kind;
	return LOCK_KIND_UNKNOWN;
}

static const struct {
	enum lock_kind_id kind;
	const char *name;
} globals[GT_INTERPRETER_COUNT] = {
	[GT_INTERPRETER_CPYTHON] = { LOCK_KIND_CPYTHON_GIL, "CPython's GIL" },
	[GT_INTERPRETER_PYPY] = { LOCK_KIND_PYPY_GIL, "PyPy's GIL" },
	[GT_INTERPRETER_RUBY] = { LOCK_KIND_RUBY_GVL, "Ruby's GVL" },
	[GT_INTERPRETER_OCAML] = { LOCK_KIND_OCAML_MASTER, "OCaml's master lock" },
};

enum lock_kind_id lock_kind_global(enum gt_interpreter interpreter)
{
	return globals[interpreter].kind;
}

const char *lock_kind_global_name(enum gt_interpreter interpreter)
{
	return globals[interpreter].name;
}

static const char *const names[] = {
	[LOCK_KIND_UNKNOWN] = "unknown",
	[LOCK_KIND_CPYTHON_GIL] = "cpython-gil",
	[LOCK_KIND_PYPY_GIL] = "pypy-gil",
	[LOCK_KIND_RUBY_GVL] = "ruby-gvl",
	[LOCK_KIND_OCAML_MASTER] = "ocaml-master",
	[LOCK_KIND_GIL] = "gil",
	[LOCK_KIND_MUTEX] = "mutex",
	[LOCK_KIND_CONDVAR] = "condvar",
	[LOCK_KIND_SEMAPHORE] = "semaphore",
	[LOCK_KIND_RWLOCK] = "rwlock",
};

const char *lock_kind_name(enum lock_kind_id kind)
{
	return (unsigned int)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}
