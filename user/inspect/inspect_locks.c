/* SPDX-License-Identifier: MIT */
#include "inspect_locks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect_calls.h"
#include "inspect_dwarf.h"
#include "inspect_image.h"

#define MAX_NAMES 16

struct search {
	const struct inspect_elf *e;
	const struct inspect_symbols *s;
	const struct inspect_locks *locks;
	struct inspect_image *img;
	uint32_t seen; /* 1 << role of what was added */
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool add(struct search *w, const struct inspect_locks_function *f, const char *name,
		uint64_t vaddr, uint32_t flags)
{
	struct inspect_place p = { .site = { .role = f->role, .size = 8 }, .flags = flags };

	if (!inspect_elf_offset(w->e, vaddr, true, &p.offset))
		return true;
	snprintf(p.name, sizeof(p.name), "%s", name);
	if (f->own_lock && !flags && !strcmp(f->name, name)) {
		p.site.arg = GT_ARG_REGISTER;
		p.site.reg = inspect_calls_argument(w->e->machine);
	}
	w->seen |= 1u << f->role;
	return inspect_image_add(w->img, &p);
}

/* All copies of the functions, but for those with a role that `skip` (1 << role) has. */
static void add_functions(struct search *w, const struct inspect_locks_function *list,
			  uint32_t skip)
{
	for (const struct inspect_locks_function *f = list; f && f->name; f++) {
		for (uint32_t i = 0; i < w->s->n && !(skip & 1u << f->role); i++) {
			const struct inspect_symbol *y = &w->s->items[i];

			if (y->function && !y->cold && !strcmp(y->wanted, f->name) &&
			    !add(w, f, y->name, y->vaddr, 0))
				return;
		}
	}
}

static const struct inspect_locks_function *exact_of(const struct inspect_locks *l,
						     const char *name)
{
	for (const struct inspect_locks_function *f = l->exact; name && f->name; f++) {
		if (!strcmp(f->name, name))
			return f;
	}
	return NULL;
}

/* A release inside another is the same one. */
static bool add_inlined(void *ctx, const char *name, const char *outer, uint64_t vaddr)
{
	struct search *w = ctx;
	const struct inspect_locks_function *f = exact_of(w->locks, name);
	const struct inspect_locks_function *around = exact_of(w->locks, outer);

	if (!f || (around && around->role == f->role))
		return true;
	return add(w, f, name, vaddr, GT_LOCK_SITE_INLINE);
}

static int add_inlines(struct search *w, Elf *debug)
{
	const char *names[MAX_NAMES + 1] = { NULL };
	size_t n = 0;

	for (const struct inspect_locks_function *f = w->locks->exact; f->name && n < MAX_NAMES;
	     f++)
		names[n++] = f->name;
	return inspect_dwarf(debug, w->locks->files, names, add_inlined, w);
}

/* Where one place cannot tell the lock, none does: the others' would look like another lock. */
static void agree_on_argument(struct inspect_image *img)
{
	bool all = true;

	for (uint32_t i = 0; i < img->nplaces; i++)
		all = all && (img->places[i].flags & GT_LOCK_SITE_USDT ||
			      img->places[i].site.arg != GT_ARG_NONE);
	for (uint32_t i = 0; i < img->nplaces && !all; i++) {
		if (img->places[i].flags & GT_LOCK_SITE_USDT)
			continue;
		img->places[i].site.arg = GT_ARG_NONE;
		img->places[i].site.reg = 0;
	}
}

/* Optimized at link time: what is inlined may be inlined into anything. */
static bool linked_as_one(const struct search *w)
{
	for (uint32_t i = 0; i < w->s->n; i++) {
		const struct inspect_symbol *y = &w->s->items[i];

		if (exact_of(w->locks, y->wanted) &&
		    (strstr(y->name, ".lto_priv") || strstr(y->name, ".llvm.")))
			return true;
	}
	return false;
}

/* Does machine code bear out that nothing that lets go of the lock was inlined? */
static bool nothing_inlined(const struct search *w)
{
	const struct inspect_locks *l = w->locks;
	bool any = !l->loops;

	if (l->hooks)
		return true;
	if (linked_as_one(w))
		return false;
	for (size_t i = 0; l->callers && l->callers[i]; i++) {
		if (inspect_symbols_find(w->s, l->callers[i]) &&
		    !inspect_calls(w->e, w->s, l->callers[i], l))
			return false;
	}
	for (size_t i = 0; l->loops && l->loops[i]; i++)
		any = any || inspect_calls(w->e, w->s, l->loops[i], l);
	return any && l->callers;
}

static void in_part(struct search *w, Elf *debug, int dwarf, const char *packages)
{
	const char *name = base_of(w->img->path);

	if (w->img->nplaces)
		w->img->flags |= GT_INTERPRETER_IN_PART;
	if (!debug)
		inspect_image_note(w->img,
				   "%s is stripped: install its debug symbols%s for exact holds",
				   name, packages);
	else if (dwarf == -E2BIG)
		inspect_image_note(w->img, "%s has too much debug information to be read", name);
	else if (dwarf == -EBADMSG)
		inspect_image_note(w->img, "the debug information of %s is damaged", name);
	else
		inspect_image_note(
			w->img,
			"%s was compiled with parts of its lock inlined and without telling where: "
			"install its debug symbols%s for exact holds",
			name, packages);
}

void inspect_locks(const struct inspect_elf *e, const struct inspect_symbols *s, Elf *debug,
		   const struct inspect_locks *locks, const char *packages,
		   struct inspect_image *img)
{
	static const uint32_t both = 1u << GT_LOCK_REQUEST | 1u << GT_LOCK_RELEASED;
	struct search w = { .e = e, .s = s, .locks = locks, .img = img };
	int dwarf = -ENOENT;

	if (locks->exact) {
		add_functions(&w, locks->exact, 0);
		if (debug)
			dwarf = add_inlines(&w, debug);
		agree_on_argument(img);
	}
	if ((w.seen & both) == both && (!dwarf || nothing_inlined(&w))) {
		img->flags |= locks->missing ? GT_INTERPRETER_IN_PART : GT_INTERPRETER_PROBED;
	} else {
		/* A taking that is seen both ways would be two. A release is not: analyses know
		 * that a thread can let go only once. */
		add_functions(&w, locks->entries, w.seen & 1u << GT_LOCK_REQUEST);
		if (locks->entries)
			agree_on_argument(img);
		if (locks->exact)
			in_part(&w, debug, dwarf, packages);
		else if (img->nplaces)
			img->flags |= GT_INTERPRETER_IN_PART;
	}
	if (locks->missing && (img->nplaces || !locks->exact))
		inspect_image_note(img, "%s", locks->missing);
}
