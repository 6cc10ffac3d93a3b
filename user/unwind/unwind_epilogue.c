/* SPDX-License-Identifier: MIT */
#include "unwind_epilogue.h"

#include <string.h>

/* x86-64 only, as stacks are. Registers as instructions number them, and as DWARF does. */
static const uint8_t dwarf[16] = { 0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };

/* Those that a function must leave as they were. */
static const uint8_t kept[] = { 3, UNWIND_FP, 12, 13, 14, 15 };

#define DEPTH_MAX 65536 /* a frame that is larger was not understood */

static bool must_keep(uint8_t reg)
{
	return memchr(kept, reg, sizeof(kept));
}

/* `pop`: how long it is, 0: it is none. */
static size_t pop(const uint8_t *code, size_t len, uint8_t *reg)
{
	size_t rex = len && code[0] == 0x41;

	if (len <= rex || (code[rex] & 0xf8) != 0x58)
		return 0;
	*reg = dwarf[(code[rex] & 7) | rex << 3];
	return rex + 1;
}

/* `add $n,%rsp`: how long it is, 0: it is none. */
static size_t add(const uint8_t *code, size_t len, int64_t *n)
{
	int32_t wide;

	if (len >= 4 && code[0] == 0x48 && code[1] == 0x83 && code[2] == 0xc4) {
		*n = (int8_t)code[3];
		return 4;
	}
	if (len < 7 || code[0] != 0x48 || code[1] != 0x81 || code[2] != 0xc4)
		return 0;
	memcpy(&wide, code + 3, sizeof(wide));
	*n = wide;
	return 7;
}

static bool returns(const uint8_t *code, size_t len)
{
	return (len >= 1 && code[0] == 0xc3) || (len >= 2 && code[0] == 0xf3 && code[1] == 0xc3);
}

bool unwind_epilogue(const uint8_t *code, size_t len, struct unwind_rule *out)
{
	int64_t depth = 0, popped_at[UNWIND_REGS], n = 0;
	uint32_t popped = 0;
	size_t at = 0, step;
	uint8_t reg = 0;

	while (!returns(code + at, len - at)) {
		step = pop(code + at, len - at, &reg);
		if (step) {
			popped_at[reg] = depth;
			popped |= 1u << reg;
			n = 8;
		} else {
			step = add(code + at, len - at, &n);
		}
		if (!step || n <= 0 || n % 8 || depth + n > DEPTH_MAX || popped & 1u << UNWIND_SP)
			return false;
		depth += n;
		at += step;
	}
	*out = (struct unwind_rule){ .cfa_reg = UNWIND_SP, .cfa_offset = (int32_t)depth + 8 };
	for (reg = 0; reg < UNWIND_IP; reg++) {
		struct unwind_reg *r = &out->regs[reg];

		if (popped & 1u << reg) {
			r->how = must_keep(reg) ? UNWIND_AT_CFA : UNWIND_UNDEFINED;
			r->offset = (int32_t)(popped_at[reg] - depth - 8);
		} else {
			r->how = must_keep(reg) ? UNWIND_SAME : UNWIND_UNDEFINED;
		}
	}
	out->regs[UNWIND_SP].how = UNWIND_IS_CFA;
	out->regs[UNWIND_IP] = (struct unwind_reg){ .how = UNWIND_AT_CFA, .offset = -8 };
	return true;
}
