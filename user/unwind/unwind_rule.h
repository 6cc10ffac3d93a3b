/* SPDX-License-Identifier: MIT */
/* How the frame of the code at one address lies, in the few words that unwinding reads. */
#ifndef USER_UNWIND_RULE_H
#define USER_UNWIND_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* Registers as DWARF numbers them on this machine. */
#define UNWIND_REGS 17
#define UNWIND_FP 6
#define UNWIND_SP 7
#define UNWIND_IP 16 /* and the column of the return address */

#define UNWIND_OPS_MAX 32 /* of one expression */

/* One operation of a DWARF expression. */
struct unwind_op {
	uint8_t atom; /* DW_OP_* */
	uint64_t number, number2;
};

struct unwind_expr {
	uint32_t nops;
	struct unwind_op ops[UNWIND_OPS_MAX];
};

enum unwind_how {
	UNWIND_UNDEFINED = 0, /* nobody knows the caller's value */
	UNWIND_SAME,	      /* this frame did not change it */
	UNWIND_AT_CFA,	      /* in memory at CFA + offset */
	UNWIND_IS_CFA,	      /* CFA + offset */
	UNWIND_AT_EXPR,	      /* in memory where expression `expr` says; the CFA is given to it */
	UNWIND_IS_EXPR,	      /* what it says */
};

struct unwind_reg {
	uint8_t how; /* enum unwind_how */
	uint8_t expr;
	int32_t offset;
};

#define UNWIND_EXPRS_MAX (UNWIND_REGS + 1)

struct unwind_rule {
	bool signal;   /* a signal's frame: the caller was stopped where it is, it did not call */
	bool cfa_expr; /* the CFA is what exprs[0] says, else register cfa_reg + cfa_offset */
	uint8_t cfa_reg;
	int32_t cfa_offset;
	struct unwind_reg regs[UNWIND_REGS]; /* of the caller */
	uint8_t nexprs;
	struct unwind_expr *exprs; /* NULL when there is none */
};

#endif
