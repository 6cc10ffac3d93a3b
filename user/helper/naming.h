/* SPDX-License-Identifier: MIT */
/*
 * Naming a word of another process's memory: which mapping holds it, which image, which variable.
 * This reads files of the traced programs and may block or be slow: it belongs in the helper
 * process (symbols_helper.h).
 */
#ifndef USER_NAMING_H
#define USER_NAMING_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbols.h"

#define NAMING_NAME_MAX 544 /* a symbol cut to 512 bytes, "+0x", 16 digits */

struct naming;

struct naming_answer {
	char name[NAMING_NAME_MAX];
	char image[PATH_MAX];
	uint64_t image_offset;
	uint64_t shared_dev, shared_ino, shared_offset;
};

struct naming *naming_new(void); /* NULL: out of memory */

/*
 * Fill `out` for `addr` of address space `as`, which process `tgid` has or had. `exec` may be NULL.
 * What cannot be found out is empty or 0.
 */
void naming_word(struct naming *n, uint32_t as, pid_t tgid, uint64_t addr,
		 const struct symbols_exec *exec, struct naming_answer *out);

struct space;

/* The mappings of address space `as` as they are now, or were last; empty when there never were any.
 * Valid until the next call. */
const struct space *naming_space(struct naming *n, uint32_t as, pid_t tgid,
				 const struct symbols_exec *exec);

void naming_free(struct naming *n); /* NULL ok */

#endif
