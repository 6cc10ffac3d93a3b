/* SPDX-License-Identifier: MIT */
#include "lock_kind.h"

#include <fnmatch.h>

#include "lock_sort.h"

/*
 * A row that needs no proof names something that is nothing but the lock: inside CPython's
 * _PyRuntime (3.7 and later) and its gil_* statics (3.2 to 3.6) only the GIL's condition variable
 * is waited on with a timeout. What lies on the heap has no name: there the behaviour must be
 * shown, and the row only says whose lock it is. A Python 2 makes its GIL and its threading.Lock
 * alike, of a semaphore on the heap; where threads both wait for one and wake others from it, it is
 * a lock.
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
	  .symbol = "gil_*",
	  .image = "*python*",
	  .condvar = true,
	  .timed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L3: timed waits beside CPython's switch_cond",
	  .symbol = "switch_*",
	  .image = "*python*",
	  .condvar = true,
	  .timed = true,
	  .proves = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: timed waits on an unnamed word of a Python's data",
	  .image = "*python*",
	  .condvar = true,
	  .timed = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: timed waits on a Python's heap, as subinterpreters have them",
	  .image = "[[]*",
	  .exe = "*python*",
	  .condvar = true,
	  .timed = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: untimed waits on a Python 2's heap, handed over by all its threads",
	  .image = "[[]*",
	  .exe = "*python2*",
	  .condvar = true,
	  .symmetric = true,
	  .proves = true },
	{ .kind = LOCK_KIND_CPYTHON_GIL,
	  .text = "L2: untimed waits on a Python 2's heap, handed over by all its threads",
	  .image = "[[]*",
	  .exe = "*/2.[0-9]*/bin/python", /* as version managers install it */
	  .condvar = true,
	  .symmetric = true,
	  .proves = true },
};

static bool matches(const char *pattern, const char *text)
{
	return !pattern || (text && !fnmatch(pattern, text, 0));
}

const struct lock_fingerprint *lock_kind_fingerprint(const struct lock_group *g, const char *exe)
{
	for (size_t i = 0; i < sizeof(fingerprints) / sizeof(fingerprints[0]); i++) {
		const struct lock_fingerprint *fp = &fingerprints[i];

		if ((fp->condvar && !g->evidence.bitset) || (fp->timed && !g->evidence.timed) ||
		    (fp->symmetric && !lock_sort_symmetric(&g->evidence)))
			continue;
		if (matches(fp->symbol, g->name) && matches(fp->image, g->image) &&
		    matches(fp->exe, exe))
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
