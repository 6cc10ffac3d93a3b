/* SPDX-License-Identifier: MIT */
/* Where a static probe's first argument is, as assemblers write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/inspect/inspect_usdt.h"

#define PLACE 0x1000
#define IP (16 * 8)

static bool symbol(void *ctx, const char *name, size_t len, uint64_t *vaddr)
{
	*vaddr = 0x5040;
	return len == 8 && !memcmp(name, "the_lock", 8);
}

static const struct {
	const char *text;
	uint16_t machine;
	enum gt_lock_arg arg;
	uint8_t size;
	uint16_t reg;
	uint64_t value;
} rows[] = {
	{ "8@%rdi", EM_X86_64, GT_ARG_REGISTER, 8, 14 * 8, 0 },
	{ "8@%r15", EM_X86_64, GT_ARG_REGISTER, 8, 0, 0 },
	{ "-8@%rsp 4@%eax", EM_X86_64, GT_ARG_REGISTER, 8, 19 * 8, 0 },
	{ "8@-24(%rbp)", EM_X86_64, GT_ARG_MEMORY, 8, 4 * 8, (uint64_t)-24 },
	{ "4@(%rax)", EM_X86_64, GT_ARG_MEMORY, 4, 10 * 8, 0 },
	{ "8@0x10(%r8) 8@%rsi", EM_X86_64, GT_ARG_MEMORY, 8, 9 * 8, 16 },
	{ "8@$4210880", EM_X86_64, GT_ARG_CONSTANT, 8, 0, 4210880 },
	{ "-4@$-1", EM_X86_64, GT_ARG_CONSTANT, 4, 0, (uint64_t)-1 },
	{ "8@the_lock(%rip)", EM_X86_64, GT_ARG_MEMORY, 8, IP, 0x5040 - PLACE },
	{ "8@the_lock+8(%rip)", EM_X86_64, GT_ARG_MEMORY, 8, IP, 0x5048 - PLACE },
	{ "8@x0", EM_AARCH64, GT_ARG_REGISTER, 8, 0, 0 },
	{ "8@x30", EM_AARCH64, GT_ARG_REGISTER, 8, 240, 0 },
	{ "8@[sp, 16]", EM_AARCH64, GT_ARG_MEMORY, 8, 248, 16 },
	{ "8@[x29, -24] 8@x1", EM_AARCH64, GT_ARG_MEMORY, 8, 232, (uint64_t)-24 },
	{ "8@[x2]", EM_AARCH64, GT_ARG_MEMORY, 8, 16, 0 },
	{ "8@77", EM_AARCH64, GT_ARG_CONSTANT, 8, 0, 77 },
};

static const struct {
	const char *text;
	uint16_t machine;
} unusable[] = {
	{ "", EM_X86_64 },
	{ "8", EM_X86_64 },
	{ "8@", EM_X86_64 },
	{ "@%rdi", EM_X86_64 },
	{ "3@%rdi", EM_X86_64 },
	{ "80@%rdi", EM_X86_64 },
	{ "99999999999999999999@%rdi", EM_X86_64 },
	{ "4@%edi", EM_X86_64 }, /* what else the register holds is not known */
	{ "4@%rdi", EM_X86_64 },
	{ "8@%rdix", EM_X86_64 },
	{ "8@%rdi,", EM_X86_64 },
	{ "8@%", EM_X86_64 },
	{ "8@%xmm0", EM_X86_64 },
	{ "8@%fs:16", EM_X86_64 },
	{ "8@(%rax,%rbx,8)", EM_X86_64 },
	{ "8@-24(%rbp", EM_X86_64 },
	{ "8@-(%rbp)", EM_X86_64 },
	{ "8@16(%rip)", EM_X86_64 }, /* counts from the next instruction */
	{ "8@elsewhere(%rip)", EM_X86_64 },
	{ "8@the_lock(%rbx)", EM_X86_64 },
	{ "8@the_lock", EM_X86_64 },
	{ "8@$the_lock", EM_X86_64 },
	{ "8@$99999999999999999999", EM_X86_64 },
	{ "8@4210880", EM_X86_64 },
	{ "8@x31", EM_AARCH64 },
	{ "4@w0", EM_AARCH64 },
	{ "8@[sp, 16", EM_AARCH64 },
	{ "8@[x0, x1]", EM_AARCH64 },
	{ "8@[x0], 8", EM_AARCH64 },
	{ "8@x0", EM_RISCV },
};

static void arguments(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_wire_lock_site site = { 0 };

		if (!inspect_usdt_argument(rows[i].text, rows[i].machine, PLACE, symbol, NULL,
					   &site))
			fail_msg("%s", rows[i].text);
		assert_int_equal(site.arg, rows[i].arg);
		assert_int_equal(site.size, rows[i].size);
		assert_int_equal(site.reg, rows[i].reg);
		assert_true(site.value == rows[i].value);
	}
}

/* What cannot be found is no lock at all, rather than a wrong one. */
static void unusable_arguments(void **state)
{
	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
		struct gt_wire_lock_site site = { .value = 1, .arg = 3, .reg = 8 };

		if (inspect_usdt_argument(unusable[i].text, unusable[i].machine, PLACE, symbol,
					  NULL, &site))
			fail_msg("%s", unusable[i].text);
		assert_int_equal(site.arg, GT_ARG_NONE);
		assert_int_equal(site.size, 8);
		assert_int_equal(site.reg, 0);
		assert_true(!site.value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments),
		cmocka_unit_test(unusable_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
