/* SPDX-License-Identifier: MIT */
#include "inspect_symbols.h"

#include <string.h>

/* Which first two letters the wanted names have: most of a large table is passed over by these. */
#define PAIRS 65536

struct reading {
	struct inspect_symbols *s;
	const char *const *names;
	bool exported;
	uint8_t pairs[PAIRS / 8];
};

static uint16_t pair(const char *name)
{
	return (uint16_t)((uint8_t)name[0] << 8 | (uint8_t)name[1]);
}

/* The wanted name that `name` is, or is a copy of. */
static const char *match(const struct reading *r, const char *name, size_t len)
{
	for (size_t i = 0; r->names[i]; i++) {
		size_t want = strlen(r->names[i]);

		if (len >= want && !memcmp(name, r->names[i], want) &&
		    (len == want || name[want] == '.'))
			return r->names[i];
	}
	return NULL;
}

static bool is_cold(const char *name, size_t len)
{
	static const char cold[] = ".cold";

	return memmem(name, len, cold, sizeof(cold) - 1);
}

static bool same(const struct inspect_symbol *a, const struct inspect_symbol *b)
{
	return a->vaddr == b->vaddr && a->wanted == b->wanted;
}

static bool take(void *ctx, const char *name, size_t len, const GElf_Sym *sym)
{
	struct reading *r = ctx;
	struct inspect_symbol *to = &r->s->items[r->s->n];
	const char *wanted;
	uint8_t type = GELF_ST_TYPE(sym->st_info);
	uint16_t p = pair(name);

	if (!(r->pairs[p / 8] & 1 << p % 8))
		return true;
	wanted = match(r, name, len);
	if (!wanted ||
	    (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE && type != STT_COMMON))
		return true;
	if (len >= sizeof(to->name))
		len = sizeof(to->name) - 1;
	memcpy(to->name, name, len);
	to->name[len] = '\0';
	to->wanted = wanted;
	to->vaddr = sym->st_value;
	to->size = sym->st_size;
	to->function = type == STT_FUNC;
	to->exported = r->exported;
	to->cold = is_cold(name, len);
	for (uint32_t i = 0; i < r->s->n; i++) {
		if (same(&r->s->items[i], to))
			return true;
	}
	r->s->n++;
	return r->s->n < INSPECT_SYMBOLS_MAX;
}

bool inspect_symbols_read(struct inspect_symbols *s, Elf *elf, uint32_t type,
			  const char *const *names)
{
	struct reading r = { .s = s, .names = names, .exported = type == SHT_DYNSYM };

	if (s->n == INSPECT_SYMBOLS_MAX)
		return false;
	for (size_t i = 0; names[i]; i++) {
		uint16_t p = pair(names[i]);

		r.pairs[p / 8] |= (uint8_t)(1 << p % 8);
	}
	return inspect_elf_symbols(elf, type, take, &r);
}

const struct inspect_symbol *inspect_symbols_find(const struct inspect_symbols *s, const char *name)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (!strcmp(s->items[i].name, name))
			return &s->items[i];
	}
	return NULL;
}
