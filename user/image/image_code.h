/* SPDX-License-Identifier: MIT */
/*
 * What an ELF file says about its code: how frames lie, which function holds an address. Read when
 * first asked for, from a file that is kept open until then: the process that mapped it may end.
 */
#ifndef USER_IMAGE_CODE_H
#define USER_IMAGE_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "image_layout.h"
#include "image_lines.h"
#include "lib/map.h"
#include "user/unwind/unwind_rule.h"

struct image_code_cache;

struct image_code {
	struct image_layout layout;
	const char *path; /* as it was mapped first */
	uint64_t entry;	  /* where a program starts, a vaddr; 0: it is none */
	struct map named; /* for whoever names its code: by vaddr */
};

enum image_code_reading {
	IMAGE_CODE_NOTHING = 0,
	IMAGE_CODE_LINES, /* large, and not needed for unwinding */
	IMAGE_CODE_REST,
};

/*
 * What of which file is being read, in memory that outlives the process: what a worker was lost
 * over is not read again.
 */
struct image_code_trouble {
	volatile uint32_t reading; /* enum image_code_reading */
	volatile uint32_t dev;
	volatile uint64_t ino;
	volatile uint32_t nbad; /* ever noted */
	struct {
		uint32_t dev, reading;
		uint64_t ino;
	} bad[64];
};

/* The worker was lost: if it was reading a file, note which. */
void image_code_trouble_note(struct image_code_trouble *t);

struct image_code_cache *image_code_cache_new(struct image_code_trouble *t); /* NULL: no memory */

/*
 * The code of file `ino` on `dev` (kernel encoding), open at `fd`, which stays the caller's; with
 * fd -1 only what is already known. NULL: unknown, or no ELF file of this machine's kind. Each one
 * given is put back.
 */
struct image_code *image_code_cache_get(struct image_code_cache *c, uint32_t dev, uint64_t ino,
					int fd, const char *path);

/* The code that the kernel maps into every process, [vdso]. NULL: there is none. Likewise. */
struct image_code *image_code_cache_vdso(struct image_code_cache *c);

void image_code_put(struct image_code *code); /* NULL ok */

const struct unwind_rule *image_code_rule(struct image_code *code, uint64_t vaddr);

/*
 * Is it in a function that nothing calls: where a program or a thread starts? By its name, or by
 * where the file says that it starts.
 */
bool image_code_is_first(struct image_code *code, uint64_t vaddr);

/* As image_functions_find(). */
const char *image_code_function(struct image_code *code, uint64_t vaddr, uint64_t *start);

/* As demangle(), of one of its names; those that cannot be demangled are taken as they are. */
void image_code_demangle(struct image_code *code, const char *symbol, char *to, size_t room);

/* As image_lines_find(). */
size_t image_code_lines(struct image_code *code, uint64_t vaddr,
			struct image_lines_function out[IMAGE_LINES_MAX]);

void image_code_cache_free(struct image_code_cache *c); /* NULL ok; all were put back */

#endif
