/* SPDX-License-Identifier: MIT */
/*
 * From registers and a copied piece of stack to return addresses. Pure: what the code at an address
 * says about its frame comes from the caller, memory is the copy and nothing else.
 */
#ifndef USER_UNWIND_H
#define USER_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#include "unwind_rule.h"

struct unwind_stack {
	uint64_t regs[UNWIND_REGS];
	uint32_t known; /* bit per register whose value is known */
	uint64_t sp;	/* address of bytes[0] */
	const uint8_t *bytes;
	size_t len;
};

/* What the caller knows about the code at an address. */
enum unwind_code {
	UNWIND_RULE,	/* *rule says how its frame lies */
	UNWIND_NO_RULE, /* code, but nothing says how its frame lies */
	UNWIND_JIT,	/* code made at run time: its frame pointer may be tried */
	UNWIND_FIRST,	/* nothing says so, but a thread's first function: it has no caller */
	UNWIND_NO_CODE, /* no code can be there */
};

struct unwind_ops {
	/*
	 * The code at `pc`. `exact`: execution stopped there; else it will return there, and the
	 * call before it counts. *rule stays valid until the next call.
	 */
	enum unwind_code (*code)(void *ctx, uint64_t pc, bool exact,
				 const struct unwind_rule **rule);
};

struct unwind_frame {
	uint64_t pc;
	uint64_t sp; /* it lies from here to the next one's */
	bool exact;  /* stopped at pc, not in the call before it */
	bool signal; /* the frame through which a signal's handler returns */
};

struct unwind_result {
	uint32_t flags; /* enum gt_stack_flag: COMPLETE, TRUNCATED or BROKEN */
	size_t nframes;
	struct unwind_frame frames[GT_STACK_FRAMES_MAX];
	/* Where the return addresses were found, offsets from `sp`; nslots: how many were. */
	size_t nslots;
	uint32_t slots[GT_STACK_FRAMES_MAX];
	uint64_t values[GT_STACK_FRAMES_MAX];
};

/* Unwind at most `max` frames; there is always one. Ends, whatever `ops` and the bytes say. */
void unwind(const struct unwind_stack *s, size_t max, const struct unwind_ops *ops, void *ctx,
	    struct unwind_result *out);

#endif
