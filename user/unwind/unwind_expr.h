/* SPDX-License-Identifier: MIT */
/*
 * A small evaluator of DWARF expressions as call frame information has them: arithmetic on
 * registers and on the copied stack. Anything else, and any excess, is refused.
 */
#ifndef USER_UNWIND_EXPR_H
#define USER_UNWIND_EXPR_H

#include <stddef.h>
#include <stdint.h>

#include "unwind_rule.h"

struct unwind_memory {
	uint64_t start; /* address of bytes[0] */
	const uint8_t *bytes;
	size_t len;
};

/* The eight bytes at `addr`. 0, or -EFAULT: not all in the copy. */
int unwind_memory_read(const struct unwind_memory *m, uint64_t addr, uint64_t *value);

struct unwind_expr_input {
	const uint64_t *regs; /* UNWIND_REGS of them */
	uint32_t known;	      /* bit per register whose value is known */
	const uint64_t *cfa;  /* NULL: not known yet */
	struct unwind_memory memory;
};

/*
 * Evaluate. 0, or: -EINVAL (malformed, or an operation that is not for frames), -EFAULT (memory
 * outside the copy), -ENODATA (a register that is not known).
 */
int unwind_expr(const struct unwind_expr *e, const struct unwind_expr_input *in, uint64_t *value);

#endif
