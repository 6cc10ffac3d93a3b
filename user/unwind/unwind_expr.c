/* SPDX-License-Identifier: MIT */
#include "unwind_expr.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MAX_DEPTH 32

struct machine {
	const struct unwind_expr_input *in;
	uint64_t stack[MAX_DEPTH];
	size_t depth;
};

int unwind_memory_read(const struct unwind_memory *m, uint64_t addr, uint64_t *value)
{
	uint64_t at = addr - m->start;

	if (at > m->len || m->len - at < sizeof(*value))
		return -EFAULT;
	memcpy(value, m->bytes + at, sizeof(*value));
	return 0;
}

static int push(struct machine *m, uint64_t value)
{
	if (m->depth == MAX_DEPTH)
		return -EINVAL;
	m->stack[m->depth++] = value;
	return 0;
}

static int push_reg(struct machine *m, uint64_t reg, uint64_t offset)
{
	if (reg >= UNWIND_REGS)
		return -EINVAL;
	if (!(m->in->known & 1u << reg))
		return -ENODATA;
	return push(m, m->in->regs[reg] + offset);
}

/* The element `from_top` below the top, which stays. */
static int pick(struct machine *m, uint64_t from_top)
{
	if (from_top >= m->depth)
		return -EINVAL;
	return push(m, m->stack[m->depth - 1 - from_top]);
}

static int swap_top(struct machine *m)
{
	uint64_t top;

	if (m->depth < 2)
		return -EINVAL;
	top = m->stack[m->depth - 1];
	m->stack[m->depth - 1] = m->stack[m->depth - 2];
	m->stack[m->depth - 2] = top;
	return 0;
}

static uint64_t shifted(uint8_t atom, uint64_t a, uint64_t by)
{
	switch (atom) {
	case DW_OP_shl:
		return by < 64 ? a << by : 0;
	case DW_OP_shr:
		return by < 64 ? a >> by : 0;
	default: /* arithmetic: gcc shifts the sign in */
		return (uint64_t)((int64_t)a >> (by < 64 ? by : 63));
	}
}

/* Comparisons are signed. False: not an operation on two. */
static bool binary(uint8_t atom, uint64_t a, uint64_t b, uint64_t *out)
{
	switch (atom) {
	case DW_OP_plus:
		*out = a + b;
		return true;
	case DW_OP_minus:
		*out = a - b;
		return true;
	case DW_OP_mul:
		*out = a * b;
		return true;
	case DW_OP_and:
		*out = a & b;
		return true;
	case DW_OP_or:
		*out = a | b;
		return true;
	case DW_OP_xor:
		*out = a ^ b;
		return true;
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
		*out = shifted(atom, a, b);
		return true;
	case DW_OP_eq:
		*out = a == b;
		return true;
	case DW_OP_ne:
		*out = a != b;
		return true;
	case DW_OP_ge:
		*out = (int64_t)a >= (int64_t)b;
		return true;
	case DW_OP_gt:
		*out = (int64_t)a > (int64_t)b;
		return true;
	case DW_OP_le:
		*out = (int64_t)a <= (int64_t)b;
		return true;
	case DW_OP_lt:
		*out = (int64_t)a < (int64_t)b;
		return true;
	default:
		return false;
	}
}

static int compute(struct machine *m, uint8_t atom)
{
	uint64_t result;

	if (m->depth < 2 || !binary(atom, m->stack[m->depth - 2], m->stack[m->depth - 1], &result))
		return -EINVAL;
	m->depth--;
	m->stack[m->depth - 1] = result;
	return 0;
}

static int change_top(struct machine *m, const struct unwind_op *op)
{
	uint64_t *top;

	if (!m->depth)
		return -EINVAL;
	top = &m->stack[m->depth - 1];
	switch (op->atom) {
	case DW_OP_plus_uconst:
		*top += op->number;
		return 0;
	case DW_OP_neg:
		*top = -*top;
		return 0;
	case DW_OP_not:
		*top = ~*top;
		return 0;
	case DW_OP_drop:
		m->depth--;
		return 0;
	default: /* DW_OP_deref */
		return unwind_memory_read(&m->in->memory, *top, top);
	}
}

static int step(struct machine *m, const struct unwind_op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(m, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_reg(m, op->atom - DW_OP_breg0, op->number);
	switch (op->atom) {
	case DW_OP_bregx:
		return push_reg(m, op->number, op->number2);
	case DW_OP_addr:
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(m, op->number);
	case DW_OP_call_frame_cfa:
		return m->in->cfa ? push(m, *m->in->cfa) : -EINVAL;
	case DW_OP_dup:
		return pick(m, 0);
	case DW_OP_over:
		return pick(m, 1);
	case DW_OP_pick:
		return pick(m, op->number);
	case DW_OP_swap:
		return swap_top(m);
	case DW_OP_plus_uconst:
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_drop:
	case DW_OP_deref:
		return change_top(m, op);
	case DW_OP_nop:
		return 0;
	default:
		return compute(m, op->atom);
	}
}

int unwind_expr(const struct unwind_expr *e, const struct unwind_expr_input *in, uint64_t *value)
{
	struct machine m = { .in = in };

	/* No jumps: as many steps as operations. */
	for (uint32_t i = 0; i < e->nops && i < UNWIND_OPS_MAX; i++) {
		int err = step(&m, &e->ops[i]);

		if (err)
			return err;
	}
	if (!m.depth)
		return -EINVAL;
	*value = m.stack[m.depth - 1];
	return 0;
}
