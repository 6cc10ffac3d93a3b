/* SPDX-License-Identifier: MIT */
/* The values of options: what each type takes, and where it puts it. */
#ifndef USER_OPTS_VALUES_H
#define USER_OPTS_VALUES_H

#include "opts.h"

/* What is being parsed, and what messages about it call it. */
struct opts_parse {
	struct options *o;
	const struct opt_row *row; /* NULL: not about one option's value */
	bool by_letter;		   /* how it was called, which is how messages call it */
	char *error;		   /* OPTS_ERROR_MAX bytes */
};

/* `err`, with a line in p->error that begins with the option's name where p->row is set. */
int opts_fail(const struct opts_parse *p, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* How much of a wrong word of `len` bytes a message repeats: as precision, next to the 200 in other
 * formats. */
int opts_shown(size_t len);

/* Take `value` for p->row (NULL for a flag). 0, or -errno with a line in p->error. */
int opts_set(const struct opts_parse *p, const char *value);

/* What help calls a value of this type when it is one of a list, which `out` then holds; else NULL.
 */
const char *opts_values(enum opt_type type, char *out, size_t size);

#endif
