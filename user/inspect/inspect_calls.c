/* SPDX-License-Identifier: MIT */
#include "inspect_calls.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CODE (1u << 20) /* of one function */
#define MAX_THROUGH 3
#define X86_RDI (14 * 8)

/* The target of a direct call or jump at `at`, an address `from`; 0: there is none. */
static uint64_t target_at(uint16_t machine, const uint8_t *at, uint64_t from)
{
	uint32_t word;
	int32_t relative;

	if (machine == EM_AARCH64) {
		memcpy(&word, at, sizeof(word));
		if ((word & 0x7c000000) != 0x14000000)
			return 0;
		relative = (int32_t)(word << 6) >> 6;
		return from + (uint64_t)((int64_t)relative * 4);
	}
	if (*at != 0xe8 && *at != 0xe9)
		return 0;
	memcpy(&relative, at + 1, sizeof(relative));
	return from + 5 + (uint64_t)(int64_t)relative;
}

static bool in_list(const char *const *list, const char *name)
{
	for (; list && *list; list++) {
		if (!strcmp(*list, name))
			return true;
	}
	return false;
}

static bool lets_go(const struct inspect_locks *locks, const char *name)
{
	for (const struct inspect_locks_function *f = locks->exact; f->name; f++) {
		if (f->role == GT_LOCK_RELEASED && !strcmp(f->name, name))
			return true;
	}
	return false;
}

static bool calls_from(const struct inspect_elf *e, const struct inspect_symbols *s,
		       const char *name, const struct inspect_locks *locks, int depth);

/* Is `to` an exact function, or one on the way to it? */
static bool leads(const struct inspect_elf *e, const struct inspect_symbols *s, uint64_t to,
		  const struct inspect_locks *locks, int depth)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct inspect_symbol *y = &s->items[i];

		if (y->vaddr != to || !y->function)
			continue;
		if (lets_go(locks, y->wanted))
			return true;
		if (depth < MAX_THROUGH && in_list(locks->through, y->wanted))
			return calls_from(e, s, y->wanted, locks, depth + 1);
	}
	return false;
}

static bool code_leads(const struct inspect_elf *e, const struct inspect_symbols *s,
		       const struct inspect_symbol *y, const struct inspect_locks *locks, int depth)
{
	size_t step = e->machine == EM_AARCH64 ? 4 : 1;
	uint8_t *code;
	bool found = false;

	if (y->size < 5 || y->size > MAX_CODE)
		return false;
	code = malloc(y->size);
	if (code && inspect_elf_read(e, y->vaddr, code, y->size)) {
		for (size_t at = 0; at + 5 <= y->size && !found; at += step) {
			uint64_t to = target_at(e->machine, code + at, y->vaddr + at);

			found = to && leads(e, s, to, locks, depth);
		}
	}
	free(code);
	return found;
}

static bool calls_from(const struct inspect_elf *e, const struct inspect_symbols *s,
		       const char *name, const struct inspect_locks *locks, int depth)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (!strcmp(s->items[i].wanted, name) &&
		    code_leads(e, s, &s->items[i], locks, depth))
			return true;
	}
	return false;
}

bool inspect_calls(const struct inspect_elf *e, const struct inspect_symbols *s, const char *name,
		   const struct inspect_locks *locks)
{
	return calls_from(e, s, name, locks, 0);
}

uint16_t inspect_calls_argument(uint16_t machine)
{
	return machine == EM_X86_64 ? X86_RDI : 0;
}
