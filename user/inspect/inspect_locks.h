/* SPDX-License-Identifier: MIT */
/* The functions that take an interpreter's global lock and let go of it, and where they were
 * inlined. */
#ifndef USER_INSPECT_LOCKS_H
#define USER_INSPECT_LOCKS_H

#include <stdbool.h>

#include "inspect.h"
#include "inspect_elf.h"
#include "inspect_symbols.h"

struct inspect_locks_function {
	const char *name;
	enum gt_lock_role role;
	bool own_lock; /* its first argument is the lock's address, in the function itself and in no
			  copy */
};

/*
 * How an interpreter's lock is taken and let go of. Lists end with a name of NULL. Every name in
 * them must be in the list that symbols were read by.
 */
struct inspect_locks {
	/* Through these every taking and every release goes; they are seldom exported. */
	const struct inspect_locks_function *exact;
	/* What always remains: some of the takings and releases, or NULL. */
	const struct inspect_locks_function *entries;
	/*
	 * Those who let go of the lock, by themselves or through `through`: if machine code has no
	 * call from one of them to an exact function, the function was inlined there.
	 */
	const char *const *callers; /* all of them */
	const char *const *loops;   /* of these one, by version */
	const char *const *through;
	bool hooks; /* the exact functions are called by their addresses: never inlined */
	const char *const *files; /* sources that the exact functions' debug information is under */
	const char *missing;	  /* seen nowhere, for people; NULL: nothing is */
};

/*
 * Add the lock's places to the image's and set PROBED or IN_PART, with a note that says what to do.
 * `debug`: where full symbols are, of the image itself or its debug file; NULL: stripped.
 * `packages`: where debug symbols come from, for people, "" or in brackets.
 */
void inspect_locks(const struct inspect_elf *e, const struct inspect_symbols *s, Elf *debug,
		   const struct inspect_locks *locks, const char *packages,
		   struct inspect_image *img);

#endif
