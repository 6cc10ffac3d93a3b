/* SPDX-License-Identifier: MIT */
/* The version of an interpreter, from what its file says; never a guess. */
#ifndef USER_INSPECT_VERSION_H
#define USER_INSPECT_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect_elf.h"
#include "inspect_symbols.h"

/* How sure and how exact: `version` is as in GT_INTERPRETER. */
struct inspect_version {
	uint32_t version; /* 0: unknown */
	bool exact;	  /* the last part is known too */
	bool threaded;	  /* the file is named like a free-threaded CPython's */
};

/* `path`: the file's; its soname counts as well. */
struct inspect_version inspect_version_cpython(const struct inspect_elf *e,
					       const struct inspect_symbols *s, const char *path);
struct inspect_version inspect_version_pypy(const struct inspect_elf *e,
					    const struct inspect_symbols *s, const char *path);
struct inspect_version inspect_version_ruby(const struct inspect_elf *e,
					    const struct inspect_symbols *s, const char *path);
struct inspect_version inspect_version_ocaml(const struct inspect_elf *e,
					     const struct inspect_symbols *s, const char *path);

#endif
