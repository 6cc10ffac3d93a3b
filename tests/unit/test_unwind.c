/* SPDX-License-Identifier: MIT */
/* Expressions and rules made by hand, on stacks made by hand. */
#include <dwarf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/unwind/unwind.h"
#include "user/unwind/unwind_expr.h"

#define SP 0x7000ull

static uint64_t words[64]; /* the stack, at SP */

static int evaluate(const struct unwind_op *ops, uint32_t nops, const uint64_t *cfa,
		    uint64_t *value)
{
	uint64_t regs[UNWIND_REGS] = { [UNWIND_SP] = SP, [UNWIND_FP] = SP + 16 };
	struct unwind_expr_input in = { regs,
					1u << UNWIND_SP | 1u << UNWIND_FP,
					cfa,
					{ SP, (uint8_t *)words, sizeof(words) } };
	struct unwind_expr e = { .nops = nops };

	memcpy(e.ops, ops, nops * sizeof(*ops));
	return unwind_expr(&e, &in, value);
}

#define EVAL(cfa, value, ...)                                                                      \
	evaluate((const struct unwind_op[]){ __VA_ARGS__ },                                        \
		 sizeof((const struct unwind_op[]){ __VA_ARGS__ }) / sizeof(struct unwind_op),     \
		 cfa, value)

static void arithmetic(void **state)
{
	static const struct {
		uint8_t atom;
		uint64_t a, b, result;
	} table[] = {
		{ DW_OP_plus, 40, 2, 42 },
		{ DW_OP_minus, 40, 2, 38 },
		{ DW_OP_mul, 40, 2, 80 },
		{ DW_OP_and, 0xff, 0x0f, 0x0f },
		{ DW_OP_or, 0xf0, 0x0f, 0xff },
		{ DW_OP_xor, 0xff, 0x0f, 0xf0 },
		{ DW_OP_shl, 1, 12, 4096 },
		{ DW_OP_shl, 1, 64, 0 },
		{ DW_OP_shr, UINT64_MAX, 63, 1 },
		{ DW_OP_shra, (uint64_t)-8, 2, (uint64_t)-2 },
		{ DW_OP_shra, (uint64_t)-8, 200, UINT64_MAX },
		{ DW_OP_ge, (uint64_t)-1, 0, 0 },
		{ DW_OP_gt, 1, 0, 1 },
		{ DW_OP_le, (uint64_t)-1, 0, 1 },
		{ DW_OP_lt, 1, 1, 0 },
		{ DW_OP_eq, 7, 7, 1 },
		{ DW_OP_ne, 7, 7, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t value = 0;

		assert_int_equal(EVAL(NULL, &value, { DW_OP_constu, table[i].a },
				      { DW_OP_constu, table[i].b }, { table[i].atom }),
				 0);
		assert_int_equal(value, table[i].result);
	}
}

static void registers_and_memory(void **state)
{
	uint64_t cfa = SP + 64, value = 0;

	words[3] = 0x1234;
	assert_int_equal(EVAL(NULL, &value, { DW_OP_breg7, 24 }, { DW_OP_deref }), 0);
	assert_int_equal(value, 0x1234);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_bregx, UNWIND_FP, (uint64_t)-16 }), 0);
	assert_int_equal(value, SP);
	assert_int_equal(EVAL(&cfa, &value, { DW_OP_call_frame_cfa }, { DW_OP_plus_uconst, 8 }), 0);
	assert_int_equal(value, SP + 72);
}

/* What gcc and linkers write for code in the table of jumps to other images. */
static void jump_table(void **state)
{
	uint64_t value = 0;

	assert_int_equal(EVAL(NULL, &value, { DW_OP_breg7, 8 }, { DW_OP_constu, 0x102c },
			      { DW_OP_lit15 }, { DW_OP_and }, { DW_OP_lit11 }, { DW_OP_ge },
			      { DW_OP_lit3 }, { DW_OP_shl }, { DW_OP_plus }),
			 0);
	assert_int_equal(value, SP + 16);
}

static void refused(void **state)
{
	static const uint8_t foreign[] = { DW_OP_reg0,	 DW_OP_fbreg,	   DW_OP_skip, DW_OP_bra,
					   DW_OP_piece,	 DW_OP_call2,	   DW_OP_div,  DW_OP_mod,
					   DW_OP_xderef, DW_OP_deref_size, 0,	       0xff };
	struct unwind_op full[UNWIND_OPS_MAX];
	uint64_t value;

	for (size_t i = 0; i < sizeof(foreign); i++)
		assert_int_equal(EVAL(NULL, &value, { DW_OP_lit1 }, { DW_OP_lit1 }, { foreign[i] }),
				 -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_plus }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_lit1 }, { DW_OP_plus }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_deref }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_drop }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_lit1 }, { DW_OP_drop }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_lit1 }, { DW_OP_pick, 1 }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_lit1 }, { DW_OP_swap }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_call_frame_cfa }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_breg3, 0 }), -ENODATA);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_bregx, 99, 0 }), -EINVAL);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_breg7, (uint64_t)-8 }, { DW_OP_deref }),
			 -EFAULT);
	assert_int_equal(EVAL(NULL, &value, { DW_OP_breg7, sizeof(words) - 7 }, { DW_OP_deref }),
			 -EFAULT);
	for (size_t i = 0; i < UNWIND_OPS_MAX; i++)
		full[i] = (struct unwind_op){ DW_OP_dup };
	full[0].atom = DW_OP_lit1;
	assert_int_equal(evaluate(full, UNWIND_OPS_MAX, NULL, &value), 0);
	assert_int_equal(evaluate(full, 0, NULL, &value), -EINVAL);
}

/* ---- whole stacks: code at 0x1000 * n goes by rule n ---- */

enum { UNDEFINED_RA = 1, USUAL, STUCK, SIGNAL, VIA_FP, JIT, FIRST, NO_RULE };

struct code {
	size_t calls;
	uint64_t asked[600];
	bool exact[600];
};

static enum unwind_code code_at(void *ctx, uint64_t pc, bool exact, const struct unwind_rule **rule)
{
	static struct unwind_rule rules[] = {
		[UNDEFINED_RA] = { .cfa_reg = UNWIND_SP, .cfa_offset = 8 },
		/* One word of its own, the return address above. */
		[USUAL] = { .cfa_reg = UNWIND_SP, .cfa_offset = 16 },
		[STUCK] = { .cfa_reg = UNWIND_SP },
		[SIGNAL] = { .cfa_reg = UNWIND_SP, .cfa_offset = 16, .signal = true },
		[VIA_FP] = { .cfa_reg = UNWIND_FP, .cfa_offset = 16 },
	};
	struct code *c = ctx;
	uint64_t which = pc >> 12;

	c->exact[c->calls] = exact;
	c->asked[c->calls++] = pc;
	switch (which) {
	case JIT:
		return UNWIND_JIT;
	case FIRST:
		return UNWIND_FIRST;
	case NO_RULE:
		return UNWIND_NO_RULE;
	}
	if (which < UNDEFINED_RA || which > VIA_FP)
		return UNWIND_NO_CODE;
	for (int i = USUAL; i <= VIA_FP; i++) {
		rules[i].regs[UNWIND_IP] = (struct unwind_reg){ UNWIND_AT_CFA, 0, -8 };
		rules[i].regs[UNWIND_FP] = (struct unwind_reg){ UNWIND_SAME, 0, 0 };
	}
	rules[VIA_FP].regs[UNWIND_FP] = (struct unwind_reg){ UNWIND_AT_CFA, 0, -16 };
	*rule = &rules[which];
	return UNWIND_RULE;
}

static struct unwind_result result;
static struct code code;

static void walk(uint64_t ip, uint64_t fp, size_t bytes, size_t max)
{
	struct unwind_stack s = { .sp = SP, .bytes = (uint8_t *)words, .len = bytes };
	static const struct unwind_ops ops = { code_at };

	s.regs[UNWIND_IP] = ip;
	s.regs[UNWIND_SP] = SP;
	s.regs[UNWIND_FP] = fp;
	s.known = 1u << UNWIND_IP | 1u << UNWIND_SP | 1u << UNWIND_FP;
	code.calls = 0;
	unwind(&s, max, &ops, &code, &result);
}

#define AT(rule) ((uint64_t)(rule) << 12 | 0x10)

static void to_the_first(void **state)
{
	memset(words, 0, sizeof(words));
	words[1] = AT(USUAL) + 1;
	words[3] = AT(UNDEFINED_RA);
	walk(AT(USUAL), 0, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_COMPLETE);
	assert_int_equal(result.nframes, 3);
	assert_true(result.frames[0].exact);
	assert_false(result.frames[1].exact);
	assert_int_equal(result.nslots, 2);
	assert_int_equal(result.frames[0].sp, SP);
	assert_int_equal(result.frames[1].sp, SP + 16);
	assert_int_equal(result.slots[0], 8);
	assert_int_equal(result.slots[1], 24);
	assert_int_equal(result.values[0], AT(USUAL) + 1);
}

static void ends(void **state)
{
	static const struct {
		uint64_t second;
		uint32_t flags;
		size_t nframes;
	} table[] = {
		{ AT(FIRST), GT_STACK_COMPLETE, 2 }, { 0, GT_STACK_BROKEN, 1 },
		{ AT(NO_RULE), GT_STACK_BROKEN, 2 }, { AT(99), GT_STACK_BROKEN, 1 },
		{ AT(STUCK), GT_STACK_BROKEN, 2 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		memset(words, 0, sizeof(words));
		words[1] = table[i].second;
		walk(AT(USUAL), 0, sizeof(words), 64);
		assert_int_equal(result.flags, table[i].flags);
		assert_int_equal(result.nframes, table[i].nframes);
	}
	walk(AT(99), 0, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_BROKEN);
	assert_int_equal(result.nframes, 1);
}

static void longer_than_the_copy(void **state)
{
	for (size_t i = 0; i < 64; i++)
		words[i] = AT(USUAL);
	walk(AT(USUAL), 0, sizeof(words), 512);
	assert_int_equal(result.flags, GT_STACK_TRUNCATED);
	assert_int_equal(result.nframes, 33);
	walk(AT(USUAL), 0, sizeof(words), 5);
	assert_int_equal(result.flags, GT_STACK_TRUNCATED);
	assert_int_equal(result.nframes, 5);
	walk(AT(USUAL), 0, 0, 512);
	assert_int_equal(result.flags, GT_STACK_TRUNCATED);
	assert_int_equal(result.nframes, 1);
}

static void after_a_signal(void **state)
{
	memset(words, 0, sizeof(words));
	words[1] = AT(SIGNAL);
	words[3] = AT(USUAL);
	words[5] = AT(UNDEFINED_RA);
	walk(AT(USUAL), 0, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_COMPLETE);
	assert_int_equal(result.nframes, 4);
	assert_true(result.frames[1].signal);
	assert_false(result.frames[1].exact);
	assert_true(result.frames[2].exact);
	assert_false(result.frames[3].exact);
}

static void frame_pointers(void **state)
{
	memset(words, 0, sizeof(words));
	words[4] = SP + 8 * 8; /* the caller's frame pointer */
	words[5] = AT(VIA_FP);
	words[9] = AT(UNDEFINED_RA);
	walk(AT(JIT), SP + 4 * 8, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_COMPLETE);
	assert_int_equal(result.nframes, 3);
	/* Below the stack pointer, above the copy, odd, to no code. */
	walk(AT(JIT), SP - 8, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_BROKEN);
	walk(AT(JIT), SP + sizeof(words), sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_BROKEN);
	walk(AT(JIT), SP + 4 * 8 + 1, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_BROKEN);
	words[5] = AT(99);
	walk(AT(JIT), SP + 4 * 8, sizeof(words), 64);
	assert_int_equal(result.flags, GT_STACK_BROKEN);
	assert_int_equal(result.nframes, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),		cmocka_unit_test(registers_and_memory),
		cmocka_unit_test(jump_table),		cmocka_unit_test(refused),
		cmocka_unit_test(to_the_first),		cmocka_unit_test(ends),
		cmocka_unit_test(longer_than_the_copy), cmocka_unit_test(after_a_signal),
		cmocka_unit_test(frame_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
