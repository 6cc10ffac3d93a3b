/* SPDX-License-Identifier: MIT */
#include "image_rules.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"

/* Addresses of one image, and what they take; beyond, all are forgotten and learnt again. */
#define MAX_RULES 65536
#define MAX_BYTES (64u << 20)
#define NO_RULE UINT64_MAX

struct image_rules {
	Dwarf_CFI *eh;	     /* ours */
	Dwarf_CFI *debug;    /* its Dwarf's */
	struct map by_vaddr; /* -> struct unwind_rule *, or NO_RULE */
	size_t bytes;
};

struct image_rules *image_rules_new(Elf *elf)
{
	struct image_rules *r = calloc(1, sizeof(*r));

	if (r)
		r->eh = dwarf_getcfi_elf(elf);
	return r;
}

static bool copy_ops(struct unwind_rule *r, const Dwarf_Op *ops, size_t nops)
{
	struct unwind_expr *e;

	if (nops > UNWIND_OPS_MAX || r->nexprs == UNWIND_EXPRS_MAX)
		return false;
	e = realloc(r->exprs, (r->nexprs + 1u) * sizeof(*e));
	if (!e)
		return false;
	r->exprs = e;
	e += r->nexprs++;
	*e = (struct unwind_expr){ .nops = (uint32_t)nops };
	for (size_t i = 0; i < nops; i++)
		e->ops[i] = (struct unwind_op){ ops[i].atom, ops[i].number, ops[i].number2 };
	return true;
}

static bool fits(uint64_t value, int32_t *out)
{
	*out = (int32_t)value;
	return (uint64_t)(int64_t)*out == value;
}

/* Register plus offset is what nearly all code has; the rest stays an expression. */
static bool compile_cfa(struct unwind_rule *r, const Dwarf_Op *ops, size_t nops)
{
	if (!nops)
		return false;
	if (nops == 1 && ops->atom == DW_OP_bregx && ops->number < UNWIND_REGS &&
	    fits(ops->number2, &r->cfa_offset)) {
		r->cfa_reg = (uint8_t)ops->number;
		return true;
	}
	if (nops == 1 && ops->atom >= DW_OP_breg0 && ops->atom < DW_OP_breg0 + UNWIND_REGS &&
	    fits(ops->number, &r->cfa_offset)) {
		r->cfa_reg = (uint8_t)(ops->atom - DW_OP_breg0);
		return true;
	}
	r->cfa_expr = true;
	return copy_ops(r, ops, nops);
}

/* Is this the CFA plus a constant? */
static bool from_cfa(const Dwarf_Op *ops, size_t nops, int32_t *offset)
{
	if (!nops || ops[0].atom != DW_OP_call_frame_cfa)
		return false;
	*offset = 0;
	return nops == 1 ||
	       (nops == 2 && ops[1].atom == DW_OP_plus_uconst && fits(ops[1].number, offset));
}

static bool in_register(const Dwarf_Op *ops, size_t nops, uint64_t *reg)
{
	if (nops != 1)
		return false;
	if (ops->atom == DW_OP_regx)
		*reg = ops->number;
	else if (ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31)
		*reg = ops->atom - DW_OP_reg0;
	else
		return false;
	return true;
}

static bool compile_reg(struct unwind_rule *r, int regno, const Dwarf_Op *ops, size_t nops)
{
	struct unwind_reg *out = &r->regs[regno];
	bool is_value = nops && ops[nops - 1].atom == DW_OP_stack_value;
	uint64_t other;

	if (is_value)
		nops--;
	if (from_cfa(ops, nops, &out->offset)) {
		out->how = is_value ? UNWIND_IS_CFA : UNWIND_AT_CFA;
		return true;
	}
	if (!is_value && in_register(ops, nops, &other)) {
		const Dwarf_Op value = { .atom = DW_OP_bregx, .number = other };

		out->how = UNWIND_IS_EXPR;
		out->expr = r->nexprs;
		return copy_ops(r, &value, 1);
	}
	out->how = is_value ? UNWIND_IS_EXPR : UNWIND_AT_EXPR;
	out->expr = r->nexprs;
	return copy_ops(r, ops, nops);
}

static bool compile(struct unwind_rule *r, Dwarf_Frame *frame)
{
	Dwarf_Op memory[3], *ops;
	size_t nops;
	int column = dwarf_frame_info(frame, NULL, NULL, &r->signal);

	if (column != UNWIND_IP || dwarf_frame_cfa(frame, &ops, &nops) ||
	    !compile_cfa(r, ops, nops))
		return false;
	for (int reg = 0; reg < UNWIND_REGS; reg++) {
		if (dwarf_frame_register(frame, reg, memory, &ops, &nops))
			return false;
		if (!nops)
			r->regs[reg].how = ops ? UNWIND_UNDEFINED : UNWIND_SAME;
		else if (!compile_reg(r, reg, ops, nops))
			return false;
	}
	return true;
}

static void rule_free(struct unwind_rule *r)
{
	if (r)
		free(r->exprs);
	free(r);
}

static struct unwind_rule *decode(Dwarf_CFI *cfi, uint64_t vaddr)
{
	Dwarf_Frame *frame = NULL;
	struct unwind_rule *r;

	if (!cfi || dwarf_cfi_addrframe(cfi, vaddr, &frame))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r && !compile(r, frame)) {
		rule_free(r);
		r = NULL;
	}
	free(frame);
	return r;
}

static void forget(struct image_rules *r)
{
	uint64_t vaddr, value;
	size_t pos = 0;

	while (map_next(&r->by_vaddr, &pos, &vaddr, &value)) {
		if (value != NO_RULE)
			rule_free((struct unwind_rule *)(uintptr_t)value);
	}
	map_free(&r->by_vaddr);
	r->bytes = 0;
}

void image_rules_debug(struct image_rules *r, Dwarf *debug)
{
	r->debug = dwarf_getcfi(debug);
	/* What was not found may be there. */
	forget(r);
}

const struct unwind_rule *image_rules_find(struct image_rules *r, uint64_t vaddr)
{
	struct unwind_rule *rule;
	uint64_t value;

	if (map_get(&r->by_vaddr, vaddr, &value))
		return value == NO_RULE ? NULL : (struct unwind_rule *)(uintptr_t)value;
	if (map_len(&r->by_vaddr) >= MAX_RULES || r->bytes > MAX_BYTES)
		forget(r);
	rule = decode(r->eh, vaddr);
	if (!rule)
		rule = decode(r->debug, vaddr);
	if (map_put(&r->by_vaddr, vaddr, rule ? (uintptr_t)rule : NO_RULE)) {
		rule_free(rule);
		return NULL;
	}
	if (rule)
		r->bytes += sizeof(*rule) + rule->nexprs * sizeof(*rule->exprs);
	return rule;
}

void image_rules_free(struct image_rules *r)
{
	if (!r)
		return;
	forget(r);
	if (r->eh)
		dwarf_cfi_end(r->eh);
	free(r);
}
