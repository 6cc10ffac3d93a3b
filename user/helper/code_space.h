/* SPDX-License-Identifier: MIT */
/* Where the code of address spaces lies: from addresses to images. */
#ifndef USER_CODE_SPACE_H
#define USER_CODE_SPACE_H

#include <stdint.h>
#include <sys/types.h>

#include "user/image/image_code.h"
#include "maps.h"
#include "process_memory.h"
#include "symbols.h"

enum code_kind {
	CODE_NONE = 0, /* nothing is mapped there, or nothing to execute */
	CODE_IMAGE,
	CODE_VDSO,
	CODE_ANON, /* memory, or a file that is no program: written at run time */
	CODE_LOST, /* a file that is not to be had any more, or another one by now */
};

struct code_place {
	enum code_kind kind;
	struct image_code *code; /* IMAGE, VDSO */
	uint64_t vaddr;		 /* in it */
	const char *path;	 /* IMAGE, LOST: of the file, as mapped; else "" */
	uint64_t offset;	 /* likewise, in the file */
};

struct code_spaces;

/* NULL: out of memory. */
struct code_spaces *code_spaces_new(struct image_code_trouble *t,
				    struct process_memory_trouble *memory);

/* An address space at work. */
struct code_space {
	struct code_spaces *all;
	uint32_t as;
	pid_t tgid;			 /* who has it now */
	const struct symbols_exec *exec; /* or NULL */
	struct code_space_entry *entry;
};

/*
 * Begin with address space `as`, of which `ip` will be asked. False: nothing is known of it, its
 * process has ended. Valid until the next call.
 */
bool code_space_begin(struct code_spaces *all, uint32_t as, pid_t tgid, uint64_t ip,
		      const struct symbols_exec *exec, struct code_space *out);

/* What is at `addr`. The place is valid until the next call of either. */
void code_space_find(struct code_space *s, uint64_t addr, struct code_place *out);

/* The name of code made at run time at `addr`, if its process tells it; valid as a place is. */
const char *code_space_jit(struct code_space *s, uint64_t addr);

/* Whether or not code at `addr` is made at run time: see that code_space_jit() can still tell its
 * name when the process has ended. */
void code_space_jit_soon(struct code_space *s, uint64_t addr);

/* The 8 bytes of code made at run time at `addr`, as they were last read. */
bool code_space_jit_code(struct code_space *s, uint64_t addr, uint64_t *code);

/* A task that has the address space; 0: none is known. */
pid_t code_space_pid(const struct code_space *s);

void code_spaces_free(struct code_spaces *all); /* NULL ok */

#endif
