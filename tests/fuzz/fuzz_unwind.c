/* SPDX-License-Identifier: MIT */
/* Registers, a copy of a stack, and rules, all of any bytes. */
#include <stdlib.h>
#include <string.h>

#include <user/unwind/unwind.h>
#include <user/unwind/unwind_epilogue.h>
#include <user/unwind/unwind_expr.h>

#include "fuzz.h"

#define RULES 4
#define STACK 0x7ffd0000ull

struct rules {
	struct unwind_rule rules[RULES];
	struct unwind_expr exprs[RULES][4];
	uint8_t kinds[RULES];
};

/* As the compiler of rules makes them: how it says so, and no expression that is not there. */
static void take_rule(struct fuzz_input *in, struct unwind_rule *r, struct unwind_expr *exprs)
{
	uint8_t flags = (uint8_t)fuzz_take(in, 1);

	*r = (struct unwind_rule){
		.signal = flags & 1,
		.cfa_expr = flags & 2,
		.cfa_reg = (uint8_t)(fuzz_take(in, 1) % UNWIND_REGS),
		.cfa_offset = (int32_t)fuzz_take(in, flags & 4 ? 4 : 1),
		.nexprs = 4,
		.exprs = exprs,
	};
	for (int reg = 0; reg < UNWIND_REGS; reg++) {
		uint8_t how = (uint8_t)fuzz_take(in, 1);

		r->regs[reg].how = how % (UNWIND_IS_EXPR + 1);
		r->regs[reg].expr = how >> 6;
		r->regs[reg].offset = how & 32 ? (int32_t)fuzz_take(in, 4) : -8 * (how >> 3 & 3);
	}
	for (int i = 0; i < 4 && flags & 8; i++) {
		exprs[i].nops = (uint32_t)(fuzz_take(in, 1) % (UNWIND_OPS_MAX + 1));
		for (uint32_t k = 0; k < exprs[i].nops; k++) {
			exprs[i].ops[k].atom = (uint8_t)fuzz_take(in, 1);
			exprs[i].ops[k].number = fuzz_take(in, 2);
			exprs[i].ops[k].number2 = fuzz_take(in, 1);
		}
	}
}

static enum unwind_code code_at(void *ctx, uint64_t pc, bool exact, const struct unwind_rule **rule)
{
	struct rules *r = ctx;
	size_t i = (exact ? pc : pc - 1) % RULES;

	*rule = &r->rules[i];
	return r->kinds[i] % (UNWIND_NO_CODE + 1);
}

static void check(const struct unwind_result *r, const struct unwind_stack *s, size_t max)
{
	FUZZ_CHECK(r->nframes >= 1 && r->nframes <= max);
	FUZZ_CHECK(r->flags == GT_STACK_COMPLETE || r->flags == GT_STACK_TRUNCATED ||
		   r->flags == GT_STACK_BROKEN);
	FUZZ_CHECK(r->nslots <= r->nframes);
	for (size_t i = 1; i < r->nframes; i++)
		FUZZ_CHECK(r->frames[i].sp > r->frames[i - 1].sp);
	for (size_t i = 0; i < r->nslots; i++) {
		uint64_t value;

		FUZZ_CHECK(s->len >= 8 && r->slots[i] <= s->len - 8);
		memcpy(&value, s->bytes + r->slots[i], sizeof(value));
		FUZZ_CHECK(value == r->values[i]);
	}
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static const struct unwind_ops ops = { code_at };
	static struct unwind_result result;
	struct rules *rules = calloc(1, sizeof(*rules));
	struct fuzz_input in = { data, size };
	size_t max = 1 + fuzz_take(&in, 1) * 2, len;
	struct unwind_stack s = { .known = (uint32_t)fuzz_take(&in, 3) | 1u << UNWIND_IP |
					   1u << UNWIND_SP };
	struct unwind_rule epilogue;
	char *bytes;

	FUZZ_CHECK(rules);
	s.sp = STACK + fuzz_take(&in, 1);
	for (int reg = 0; reg < UNWIND_REGS; reg++)
		s.regs[reg] = STACK + fuzz_take(&in, 2);
	s.regs[UNWIND_SP] = s.sp;
	for (int i = 0; i < RULES; i++) {
		rules->kinds[i] = (uint8_t)fuzz_take(&in, 1);
		take_rule(&in, &rules->rules[i], rules->exprs[i]);
	}
	bytes = fuzz_take_text(&in, &len);
	s.bytes = (const uint8_t *)bytes;
	s.len = len;
	unwind(&s, max, &ops, rules, &result);
	check(&result, &s, max < GT_STACK_FRAMES_MAX ? max : GT_STACK_FRAMES_MAX);
	if (unwind_epilogue((const uint8_t *)bytes, len, &epilogue))
		FUZZ_CHECK(!epilogue.cfa_expr && epilogue.cfa_reg < UNWIND_REGS);
	free(bytes);
	free(rules);
}
