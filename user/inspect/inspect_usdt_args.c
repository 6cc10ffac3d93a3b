/* SPDX-License-Identifier: MIT */
#include "inspect_usdt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_REGISTER UINT16_MAX
#define WORD 8 /* bytes of a register in struct pt_regs */
#define X86_IP 16
#define ARM_SP 31

/* One operand as it is read. */
struct operand {
	const char *at;
	uint64_t location;
	inspect_usdt_symbol symbol;
	void *ctx;
	struct gt_wire_lock_site *site;
};

/* The names of whole registers, in the order of struct pt_regs. */
static const char *const x86_registers[] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8",
	"rax", "rcx", "rdx", "rsi", "rdi", NULL,  "rip", NULL,	NULL, "rsp",
};

static bool skip(struct operand *o, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(o->at, word, len))
		return false;
	o->at += len;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_number(struct operand *o, __u64 *value)
{
	bool minus = *o->at == '-';
	const char *digits = o->at + (minus || *o->at == '+');
	char *end;

	if (!is_digit(*digits))
		return false;
	errno = 0;
	*value = strtoull(digits, &end, 0);
	if (errno)
		return false;
	if (minus)
		*value = -*value;
	o->at = end;
	return true;
}

static size_t name_length(const char *at)
{
	size_t len = 0;

	while (is_digit(at[len]) || at[len] == '_' || at[len] == '.' || at[len] == '$' ||
	       (at[len] >= 'a' && at[len] <= 'z') || (at[len] >= 'A' && at[len] <= 'Z'))
		len++;
	return len;
}

/* Only whole registers: what else a register holds beside a part of it is not known. */
static uint16_t read_x86_register(struct operand *o)
{
	size_t len;

	if (!skip(o, "%"))
		return NO_REGISTER;
	len = name_length(o->at);
	for (size_t i = 0; i < sizeof(x86_registers) / sizeof(x86_registers[0]); i++) {
		if (!x86_registers[i] || strlen(x86_registers[i]) != len ||
		    strncmp(x86_registers[i], o->at, len))
			continue;
		o->at += len;
		return (uint16_t)(i * WORD);
	}
	return NO_REGISTER;
}

/* "sym+8(%rip)": as far from the probe as the symbol is, wherever both are loaded. */
static bool read_x86_relative(struct operand *o)
{
	size_t len = name_length(o->at);
	__u64 more = 0;
	uint64_t vaddr;

	if (!len || is_digit(*o->at) || !o->symbol || !o->symbol(o->ctx, o->at, len, &vaddr))
		return false;
	o->at += len;
	if ((*o->at == '+' || *o->at == '-') && !read_number(o, &more))
		return false;
	if (!skip(o, "(%rip)"))
		return false;
	o->site->arg = GT_ARG_MEMORY;
	o->site->reg = X86_IP * WORD;
	o->site->value = vaddr + more - o->location;
	return true;
}

static bool read_x86(struct operand *o)
{
	__u64 displacement = 0;

	if (skip(o, "$")) {
		o->site->arg = GT_ARG_CONSTANT;
		return read_number(o, &o->site->value);
	}
	if (*o->at == '%') {
		o->site->arg = GT_ARG_REGISTER;
		o->site->reg = read_x86_register(o);
		return o->site->reg != NO_REGISTER && o->site->size == WORD;
	}
	if (*o->at != '(' && !read_number(o, &displacement))
		return read_x86_relative(o);
	if (!skip(o, "("))
		return false;
	o->site->arg = GT_ARG_MEMORY;
	o->site->value = displacement;
	o->site->reg = read_x86_register(o);
	/* Numbers before (%rip) count from the next instruction, and indexed forms need two. */
	return o->site->reg != NO_REGISTER && o->site->reg != X86_IP * WORD && skip(o, ")");
}

static uint16_t read_arm_register(struct operand *o)
{
	__u64 n;

	if (skip(o, "sp"))
		return ARM_SP * WORD;
	if (!skip(o, "x") || !is_digit(*o->at) || !read_number(o, &n) || n > 30)
		return NO_REGISTER;
	return (uint16_t)(n * WORD);
}

static bool read_arm(struct operand *o)
{
	if (is_digit(*o->at) || *o->at == '-') {
		o->site->arg = GT_ARG_CONSTANT;
		return read_number(o, &o->site->value);
	}
	o->site->arg = *o->at == '[' ? GT_ARG_MEMORY : GT_ARG_REGISTER;
	if (o->site->arg == GT_ARG_REGISTER) {
		o->site->reg = read_arm_register(o);
		return o->site->reg != NO_REGISTER && o->site->size == WORD;
	}
	skip(o, "[");
	o->site->reg = read_arm_register(o);
	if (o->site->reg == NO_REGISTER)
		return false;
	if (skip(o, ",")) {
		skip(o, " ");
		skip(o, "#");
		if (!read_number(o, &o->site->value))
			return false;
	}
	return skip(o, "]");
}

/* "8@" or "-4@": the size in bytes, negative for signed values. */
static bool read_size(struct operand *o)
{
	__u64 size;

	skip(o, "-");
	if (!is_digit(*o->at) || !read_number(o, &size) || !skip(o, "@"))
		return false;
	o->site->size = (uint8_t)size;
	return size == 1 || size == 2 || size == 4 || size == 8;
}

bool inspect_usdt_argument(const char *text, uint16_t machine, uint64_t location,
			   inspect_usdt_symbol symbol, void *ctx, struct gt_wire_lock_site *site)
{
	struct gt_wire_lock_site read = { .size = WORD };
	struct operand o = {
		.at = text, .location = location, .symbol = symbol, .ctx = ctx, .site = &read
	};
	bool ok = read_size(&o);

	if (ok && machine == EM_X86_64)
		ok = read_x86(&o);
	else if (ok)
		ok = machine == EM_AARCH64 && read_arm(&o);
	if (ok && *o.at && *o.at != ' ')
		ok = false;
	site->arg = ok ? read.arg : GT_ARG_NONE;
	site->size = ok ? read.size : WORD;
	site->reg = ok ? read.reg : 0;
	site->value = ok ? read.value : 0;
	return ok;
}
