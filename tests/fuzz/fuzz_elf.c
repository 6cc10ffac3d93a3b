/* SPDX-License-Identifier: MIT */
/*
 * A program or library of any bytes: where its segments lie, its symbols and functions, its debug
 * file, how its frames are taken down, and its lines.
 */
#include <string.h>
#include <unistd.h>

#include <user/image/image.h>
#include <user/image/image_code.h>

#include "fuzz.h"

#define PATH "/nonexistent/program"

/* Addresses that may be in the file: where its segments begin and end, and some of the input's. */
static uint64_t place(const struct image_layout *l, size_t i, uint64_t noise)
{
	const struct image_segment *s = l->nsegments ? &l->segments[i % l->nsegments] : NULL;

	if (!s || i % 8 == 7)
		return noise;
	return s->vaddr + (s->memsz ? noise % s->memsz : 0) * (i % 8 > 0);
}

static void look(struct image_code *code, const struct image *img, uint64_t vaddr)
{
	struct image_lines_function lines[IMAGE_LINES_MAX];
	const struct unwind_rule *rule;
	const char *name;
	uint64_t into, start;
	char shown[64];

	name = image_symbol(img, vaddr, &into);
	FUZZ_CHECK(!name || (*name && into <= vaddr));
	rule = image_code_rule(code, vaddr);
	for (int reg = 0; rule && reg < UNWIND_REGS; reg++)
		FUZZ_CHECK(rule->regs[reg].how <= UNWIND_IS_EXPR &&
			   (rule->regs[reg].how < UNWIND_AT_EXPR ||
			    rule->regs[reg].expr < rule->nexprs));
	FUZZ_CHECK(!rule || rule->cfa_expr ? !rule || rule->nexprs : rule->cfa_reg < UNWIND_REGS);
	image_code_is_first(code, vaddr);
	name = image_code_function(code, vaddr, &start);
	FUZZ_CHECK(!name || start <= vaddr);
	if (name)
		image_code_demangle(code, name, shown, sizeof(shown));
	FUZZ_CHECK(image_code_lines(code, vaddr, lines) <= IMAGE_LINES_MAX);
}

static void look_around(struct image_code *code, const struct image *img, const uint8_t *data,
			size_t size)
{
	struct image_place where;

	for (size_t i = 0; i < 16; i++) {
		struct fuzz_input in = { data + i * 97 % size, size - i * 97 % size };
		uint64_t noise = fuzz_take(&in, i % 8 == 7 ? 8 : 3);

		look(code, img, place(&code->layout, i, noise));
		image_locate_code(img, noise << 12, noise << 12 | i, &where);
	}
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct image_code_trouble trouble = { 0 };
	int err = 0, fd = fuzz_file(data, size);
	struct image_code_cache *cache = image_code_cache_new(&trouble);
	struct image *img = image_read(fd, PATH, &err);
	struct image_code *code;

	FUZZ_CHECK(cache && (img || err < 0));
	code = image_code_cache_get(cache, 1, 2, fd, PATH);
	if (img && code && size)
		look_around(code, img, data, size);
	FUZZ_CHECK(trouble.reading == IMAGE_CODE_NOTHING);
	if (img)
		FUZZ_CHECK(image_size(img) < 64 * size + 65536);
	image_code_put(code);
	image_code_cache_free(cache);
	image_free(img);
	close(fd);
}
