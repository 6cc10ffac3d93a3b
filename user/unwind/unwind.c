/* SPDX-License-Identifier: MIT */
#include "unwind.h"

#include <errno.h>
#include <string.h>

#include "unwind_expr.h"

#define BIT(reg) (1u << (reg))

struct state {
	uint64_t regs[UNWIND_REGS];
	uint32_t known;
	bool exact;
	struct unwind_memory memory;
};

/* Where a return address was read, for the stack's shape. */
struct found {
	bool at_known; /* in memory, at `at` */
	uint64_t at;
};

static int eval(const struct state *st, const struct unwind_rule *r, uint8_t expr,
		const uint64_t *cfa, uint64_t *value)
{
	struct unwind_expr_input in = { st->regs, st->known, cfa, st->memory };

	if (!r->exprs || expr >= r->nexprs)
		return -EINVAL;
	return unwind_expr(&r->exprs[expr], &in, value);
}

static int find_cfa(const struct state *st, const struct unwind_rule *r, uint64_t *cfa)
{
	if (r->cfa_expr)
		return eval(st, r, 0, NULL, cfa);
	if (r->cfa_reg >= UNWIND_REGS)
		return -EINVAL;
	if (!(st->known & BIT(r->cfa_reg)))
		return -ENODATA;
	*cfa = st->regs[r->cfa_reg] + (uint64_t)(int64_t)r->cfa_offset;
	return 0;
}

static int find_reg(const struct state *st, const struct unwind_rule *r, int reg, uint64_t cfa,
		    uint64_t *value, struct found *found)
{
	const struct unwind_reg *how = &r->regs[reg];
	int err;

	found->at_known = false;
	switch (how->how) {
	case UNWIND_SAME:
		*value = st->regs[reg];
		return st->known & BIT(reg) ? 0 : -ENODATA;
	case UNWIND_IS_CFA:
		*value = cfa + (uint64_t)(int64_t)how->offset;
		return 0;
	case UNWIND_IS_EXPR:
		return eval(st, r, how->expr, &cfa, value);
	case UNWIND_AT_CFA:
		found->at = cfa + (uint64_t)(int64_t)how->offset;
		break;
	case UNWIND_AT_EXPR:
		err = eval(st, r, how->expr, &cfa, &found->at);
		if (err)
			return err;
		break;
	default:
		return -ENODATA;
	}
	found->at_known = true;
	return unwind_memory_read(&st->memory, found->at, value);
}

/* What an error while reading the return address at `at` means for the stack. */
static uint32_t flag_of(int err, const struct state *st, const struct found *found)
{
	uint64_t end = st->memory.start + st->memory.len;

	if (err == -EFAULT && found->at_known && found->at + 8 > end &&
	    found->at >= st->memory.start)
		return GT_STACK_TRUNCATED;
	return GT_STACK_BROKEN;
}

/* To the caller by `r`. 0: there; else the flag with which the stack ends. */
static uint32_t step_by_rule(struct state *st, const struct unwind_rule *r, struct found *found)
{
	struct state next = { .exact = r->signal, .memory = st->memory };
	uint64_t cfa;
	int err;

	if (r->regs[UNWIND_IP].how == UNWIND_UNDEFINED)
		return GT_STACK_COMPLETE;
	err = find_cfa(st, r, &cfa);
	if (err)
		return GT_STACK_BROKEN;
	/*
	 * Each frame lies above the one it called: this is also what ends every walk. A signal may
	 * be handled on another stack, which the copy does not hold.
	 */
	if (cfa <= st->regs[UNWIND_SP])
		return r->signal ? GT_STACK_TRUNCATED : GT_STACK_BROKEN;
	for (int reg = 0; reg < UNWIND_IP; reg++) {
		struct found unused;

		if (!find_reg(st, r, reg, cfa, &next.regs[reg], &unused))
			next.known |= BIT(reg);
	}
	err = find_reg(st, r, UNWIND_IP, cfa, &next.regs[UNWIND_IP], found);
	if (err)
		return flag_of(err, st, found);
	/* The frame of a signal restores the stack pointer it interrupted. */
	if (!(next.known & BIT(UNWIND_SP)) || !r->signal)
		next.regs[UNWIND_SP] = cfa;
	if (next.regs[UNWIND_SP] <= st->regs[UNWIND_SP])
		return GT_STACK_TRUNCATED;
	next.known |= BIT(UNWIND_SP) | BIT(UNWIND_IP);
	*st = next;
	return 0;
}

/* To the caller of code without rules by its frame pointer, if that can be one. */
static uint32_t step_by_frame_pointer(struct state *st, struct found *found)
{
	struct state next = { .memory = st->memory };
	uint64_t fp = st->regs[UNWIND_FP];

	if (!(st->known & BIT(UNWIND_FP)) || fp < st->regs[UNWIND_SP] || fp % sizeof(fp))
		return GT_STACK_BROKEN;
	*found = (struct found){ true, fp + 8 };
	if (unwind_memory_read(&st->memory, fp, &next.regs[UNWIND_FP]) ||
	    unwind_memory_read(&st->memory, fp + 8, &next.regs[UNWIND_IP]))
		return GT_STACK_BROKEN;
	next.regs[UNWIND_SP] = fp + 16;
	next.known = BIT(UNWIND_FP) | BIT(UNWIND_SP) | BIT(UNWIND_IP);
	*st = next;
	return 0;
}

static void note_slot(struct unwind_result *out, const struct state *st, const struct found *found)
{
	if (!found->at_known)
		return;
	out->slots[out->nslots] = (uint32_t)(found->at - st->memory.start);
	out->values[out->nslots++] = st->regs[UNWIND_IP];
}

static uint32_t step(struct state *st, enum unwind_code code, const struct unwind_rule *rule,
		     struct found *found)
{
	switch (code) {
	case UNWIND_RULE:
		return step_by_rule(st, rule, found);
	case UNWIND_JIT:
		return step_by_frame_pointer(st, found);
	case UNWIND_FIRST:
		return GT_STACK_COMPLETE;
	default:
		return GT_STACK_BROKEN;
	}
}

void unwind(const struct unwind_stack *s, size_t max, const struct unwind_ops *ops, void *ctx,
	    struct unwind_result *out)
{
	struct state st = { .known = s->known, .exact = true };
	uint32_t flag = 0;

	st.memory = (struct unwind_memory){ s->sp, s->bytes, s->len };
	memcpy(st.regs, s->regs, sizeof(st.regs));
	if (max > GT_STACK_FRAMES_MAX)
		max = GT_STACK_FRAMES_MAX;
	out->nframes = out->nslots = 0;
	while (!flag) {
		struct unwind_frame *f = &out->frames[out->nframes];
		const struct unwind_rule *rule = NULL;
		struct found found = { 0 };
		enum unwind_code code;

		code = ops->code(ctx, st.regs[UNWIND_IP], st.exact, &rule);
		/* A return address that cannot be one is no frame. */
		if (code == UNWIND_NO_CODE && out->nframes) {
			flag = GT_STACK_BROKEN;
			break;
		}
		*f = (struct unwind_frame){ .pc = st.regs[UNWIND_IP],
					    .sp = st.regs[UNWIND_SP],
					    .exact = st.exact,
					    .signal = code == UNWIND_RULE && rule->signal };
		out->nframes++;
		flag = step(&st, code, rule, &found);
		if (!flag && out->nframes >= max)
			flag = GT_STACK_TRUNCATED;
		if (!flag)
			note_slot(out, &st, &found);
	}
	out->flags = flag;
}
