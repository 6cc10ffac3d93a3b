/* SPDX-License-Identifier: MIT */
/* The few symbols of an image that inspection asks for, with all their copies. */
#ifndef USER_INSPECT_SYMBOLS_H
#define USER_INSPECT_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect.h"
#include "inspect_elf.h"

#define INSPECT_SYMBOLS_MAX 512

struct inspect_symbol {
	const char
		*wanted; /* the name that was asked for; a compiler's copy has more behind a dot */
	char name[INSPECT_NAME_MAX];
	uint64_t vaddr, size;
	bool function;
	bool exported; /* in .dynsym */
	bool cold;     /* a part of the function that is seldom run, and no entry */
};

struct inspect_symbols {
	uint32_t n;
	struct inspect_symbol items[INSPECT_SYMBOLS_MAX];
};

/*
 * Add those symbols of the tables of `type` in `elf` that are called as one of `names`
 * (NULL-terminated) says, or so with a dot and more behind. The same twice is one. True when there
 * was such a table.
 */
bool inspect_symbols_read(struct inspect_symbols *s, Elf *elf, uint32_t type,
			  const char *const *names);

/* The first symbol that is called exactly `name`, or NULL. */
const struct inspect_symbol *inspect_symbols_find(const struct inspect_symbols *s,
						  const char *name);

#endif
