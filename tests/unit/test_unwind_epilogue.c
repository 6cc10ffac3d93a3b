/* SPDX-License-Identifier: MIT */
/* The frame of a trampoline, by the instructions that a call in it returns to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/unwind/unwind_epilogue.h"

#define CODE(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

static struct unwind_rule rule;

static void cfa_is(int offset)
{
	assert_int_equal(rule.cfa_reg, UNWIND_SP);
	assert_int_equal(rule.cfa_offset, offset);
	assert_int_equal(rule.regs[UNWIND_IP].how, UNWIND_AT_CFA);
	assert_int_equal(rule.regs[UNWIND_IP].offset, -8);
	assert_int_equal(rule.regs[UNWIND_SP].how, UNWIND_IS_CFA);
}

static void returns_at_once(void **state)
{
	assert_true(unwind_epilogue(CODE(0xc3), &rule));
	cfa_is(8);
	assert_int_equal(rule.regs[UNWIND_FP].how, UNWIND_SAME);
	assert_true(unwind_epilogue(CODE(0xf3, 0xc3), &rule));
}

/* add $8,%rsp; ret */
static void adds_and_returns(void **state)
{
	assert_true(unwind_epilogue(CODE(0x48, 0x83, 0xc4, 0x08, 0xc3), &rule));
	cfa_is(16);
	assert_int_equal(rule.regs[3].how, UNWIND_SAME);
	assert_int_equal(rule.regs[0].how, UNWIND_UNDEFINED);
	assert_true(unwind_epilogue(CODE(0x48, 0x81, 0xc4, 0x00, 0x02, 0, 0, 0xc3), &rule));
	cfa_is(0x208);
}

/* add $16,%rsp; pop %rbx; pop %r12; pop %rbp; ret */
static void pops_what_it_kept(void **state)
{
	assert_true(
		unwind_epilogue(CODE(0x48, 0x83, 0xc4, 0x10, 0x5b, 0x41, 0x5c, 0x5d, 0xc3), &rule));
	cfa_is(48);
	assert_int_equal(rule.regs[3].how, UNWIND_AT_CFA);
	assert_int_equal(rule.regs[3].offset, 16 - 48);
	assert_int_equal(rule.regs[12].how, UNWIND_AT_CFA);
	assert_int_equal(rule.regs[12].offset, 24 - 48);
	assert_int_equal(rule.regs[UNWIND_FP].offset, 32 - 48);
	assert_int_equal(rule.regs[13].how, UNWIND_SAME);
}

static void refuses_what_does_other_things(void **state)
{
	assert_false(unwind_epilogue(CODE(0x48, 0x89, 0xc3), &rule)); /* mov */
	assert_false(unwind_epilogue(CODE(0xe8, 0, 0, 0, 0, 0xc3), &rule));
	assert_false(unwind_epilogue(CODE(0x48, 0x83, 0xc4, 0xf8, 0xc3), &rule)); /* down */
	assert_false(unwind_epilogue(CODE(0x48, 0x83, 0xc4, 0x07, 0xc3), &rule)); /* odd */
	assert_false(unwind_epilogue(CODE(0x48, 0x81, 0xc4, 0, 0, 0, 0x7f, 0xc3), &rule));
	assert_false(unwind_epilogue(CODE(0x5c, 0xc3), &rule)); /* pop %rsp */
	assert_false(unwind_epilogue(CODE(0xc9, 0xc3), &rule)); /* leave */
}

static void refuses_what_is_cut(void **state)
{
	const uint8_t all[] = { 0x48, 0x81, 0xc4, 0x00, 0x02, 0, 0, 0x41, 0x5c, 0xf3, 0xc3 };

	assert_true(unwind_epilogue(all, sizeof(all), &rule));
	for (size_t len = 0; len < sizeof(all); len++)
		assert_false(unwind_epilogue(all, len, &rule));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_at_once),
		cmocka_unit_test(adds_and_returns),
		cmocka_unit_test(pops_what_it_kept),
		cmocka_unit_test(refuses_what_does_other_things),
		cmocka_unit_test(refuses_what_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
