/* SPDX-License-Identifier: MIT */
/*
 * Call frame information, symbols and stacks full of noise: whatever comes of them, it comes, and
 * within what was given.
 */
#include <elf.h>
#include <fcntl.h>
#include <libelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/image/image_code.h"
#include "user/image/image_functions.h"
#include "user/image/image_rules.h"
#include "user/unwind/unwind.h"

#define ROUNDS 300
#define STACKS 40 /* in a round */
#define WORDS 512

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t noise(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct file {
	uint8_t *bytes, *copy;
	size_t len;
	Elf64_Shdr frame, hdr, text;
};

static void find_sections(struct file *f)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)f->bytes;
	const Elf64_Shdr *s = (const Elf64_Shdr *)(f->bytes + e->e_shoff);
	const char *names = (const char *)f->bytes + s[e->e_shstrndx].sh_offset;

	for (int i = 0; i < e->e_shnum; i++) {
		if (!strcmp(names + s[i].sh_name, ".eh_frame"))
			f->frame = s[i];
		if (!strcmp(names + s[i].sh_name, ".eh_frame_hdr"))
			f->hdr = s[i];
		if (!strcmp(names + s[i].sh_name, ".text"))
			f->text = s[i];
	}
	assert_true(f->frame.sh_size && f->hdr.sh_size && f->text.sh_size);
}

static int read_self(void **state)
{
	static struct file f;
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	f.len = (size_t)st.st_size;
	f.bytes = malloc(f.len);
	f.copy = malloc(f.len);
	assert_non_null(f.bytes);
	assert_non_null(f.copy);
	for (size_t got = 0; got < f.len;) {
		ssize_t n = read(fd, f.bytes + got, f.len - got);

		assert_true(n > 0);
		got += (size_t)n;
	}
	close(fd);
	find_sections(&f);
	elf_version(EV_CURRENT);
	*state = &f;
	return 0;
}

static int forget_self(void **state)
{
	struct file *f = *state;

	free(f->bytes);
	free(f->copy);
	return 0;
}

static enum unwind_code code_at(void *ctx, uint64_t pc, bool exact, const struct unwind_rule **rule)
{
	*rule = image_rules_find(ctx, exact ? pc : pc - 1);
	return *rule ? UNWIND_RULE : pc % 3 ? UNWIND_JIT : UNWIND_NO_RULE;
}

/* Stacks whose words are addresses of code, of the stack, or anything. */
static size_t walk_some(const struct file *f, struct image_rules *rules)
{
	static const struct unwind_ops ops = { code_at };
	static struct unwind_result r;
	uint64_t words[WORDS];
	size_t frames = 0;

	for (int i = 0; i < STACKS; i++) {
		struct unwind_stack s = { .sp = noise() & ~7ull,
					  .bytes = (const uint8_t *)words,
					  .len = noise() % (sizeof(words) + 1) };

		for (size_t w = 0; w < WORDS; w++) {
			uint64_t n = noise();

			words[w] = n % 4 == 0	? n
				   : n % 4 == 1 ? s.sp + n / 4 % sizeof(words)
						: f->text.sh_addr + n / 4 % f->text.sh_size;
		}
		for (int reg = 0; reg < UNWIND_REGS; reg++)
			s.regs[reg] = words[noise() % WORDS];
		s.regs[UNWIND_SP] = s.sp;
		s.regs[UNWIND_IP] = f->text.sh_addr + noise() % f->text.sh_size;
		s.known = (uint32_t)noise() | 1u << UNWIND_SP | 1u << UNWIND_IP;
		unwind(&s, GT_STACK_FRAMES_MAX, &ops, rules, &r);
		assert_true(r.nframes >= 1 && r.nframes <= GT_STACK_FRAMES_MAX);
		assert_true(r.nslots < r.nframes || r.flags != GT_STACK_COMPLETE);
		assert_true(r.flags == GT_STACK_COMPLETE || r.flags == GT_STACK_TRUNCATED ||
			    r.flags == GT_STACK_BROKEN);
		for (size_t n = 0; n < r.nslots; n++)
			assert_true(r.slots[n] + 8 <= s.len);
		frames += r.nframes;
	}
	return frames;
}

static size_t walk_copy(const struct file *f)
{
	Elf *elf = elf_memory((char *)f->copy, f->len);
	struct image_rules *rules;
	size_t frames;

	assert_non_null(elf);
	rules = image_rules_new(elf);
	assert_non_null(rules);
	frames = walk_some(f, rules);
	image_rules_free(rules);
	elf_end(elf);
	return frames;
}

/* `changes` bytes of a section. */
static void spoil(const struct file *f, const Elf64_Shdr *section, size_t changes)
{
	for (size_t i = 0; i < changes; i++)
		f->copy[section->sh_offset + noise() % section->sh_size] = (uint8_t)noise();
}

static void corrupt_frames(void **state)
{
	struct file *f = *state;
	size_t frames = 0;

	for (int round = 0; round < ROUNDS; round++) {
		memcpy(f->copy, f->bytes, f->len);
		spoil(f, &f->frame, 1 + noise() % (round % 2 ? 16 : f->frame.sh_size));
		frames += walk_copy(f);
	}
	/* Some of it still makes sense. */
	assert_true(frames > ROUNDS * STACKS);
}

static void corrupt_index(void **state)
{
	struct file *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		memcpy(f->copy, f->bytes, f->len);
		spoil(f, &f->hdr, 1 + noise() % (round % 2 ? 16 : f->hdr.sh_size));
		walk_copy(f);
	}
}

/* Symbols, their names, section headers: all that is read to name a function. */
static void corrupt_symbols(void **state)
{
	struct file *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		struct image_functions *functions;
		Elf *elf;

		memcpy(f->copy, f->bytes, f->len);
		for (size_t i = 0; i < 2000; i++)
			f->copy[64 + noise() % (f->len - 64)] = (uint8_t)noise();
		elf = elf_memory((char *)f->copy, f->len);
		functions = elf ? image_functions_read(elf, "/nowhere") : NULL;
		for (int i = 0; functions && i < 200; i++) {
			uint64_t at = f->text.sh_addr + noise() % f->text.sh_size, start;
			const char *name = image_functions_find(functions, at, &start);

			assert_true(start <= at);
			assert_true(!name || strlen(name) > 0);
		}
		image_functions_free(functions);
		elf_end(elf);
	}
}

/* What a worker was lost over is not read again, and no more than that. */
static void troubled_file(void **state)
{
	static const enum image_code_reading stages[] = { IMAGE_CODE_NOTHING, IMAGE_CODE_LINES,
							  IMAGE_CODE_REST };
	struct image_lines_function fns[IMAGE_LINES_MAX];
	struct file *f = *state;
	uint64_t middle = f->text.sh_addr + f->text.sh_size / 2;
	int fd = open("/proc/self/exe", O_RDONLY);

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		struct image_code_trouble t = { .reading = stages[i], .dev = 1, .ino = 2 };
		struct image_code_cache *c = image_code_cache_new(&t);
		struct image_code *code;
		uint64_t start, inside = middle;
		size_t n;

		assert_non_null(c);
		image_code_trouble_note(&t);
		code = image_code_cache_get(c, 1, 2, fd, "/self");
		assert_int_equal(code != NULL, stages[i] < IMAGE_CODE_REST);
		if (code) {
			/* Between two functions there is padding. */
			while (inside < middle + 64 && !image_code_function(code, inside, &start))
				inside++;
			assert_non_null(image_code_function(code, inside, &start));
			n = image_code_lines(code, inside, fns);
			/* None at all if this was built without debug information. */
			assert_true(stages[i] == IMAGE_CODE_NOTHING || !n);
		}
		image_code_put(code);
		code = image_code_cache_get(c, 1, 3, fd, "/other");
		assert_non_null(code);
		image_code_put(code);
		image_code_cache_free(c);
		assert_int_equal(t.reading, IMAGE_CODE_NOTHING);
	}
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(corrupt_frames),
		cmocka_unit_test(corrupt_index),
		cmocka_unit_test(corrupt_symbols),
		cmocka_unit_test(troubled_file),
	};

	return cmocka_run_group_tests(tests, read_self, forget_self);
}
