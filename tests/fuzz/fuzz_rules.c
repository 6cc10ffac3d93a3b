/* SPDX-License-Identifier: MIT */
/* Any bytes as the .eh_frame of a file that is otherwise sound, and a stack unwound by it. */
#include <elf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include <user/image/image_rules.h>
#include <user/unwind/unwind.h>

#include "fuzz.h"

#define TEXT_ADDR 0x1000ull
#define TEXT_SIZE 0x1000
#define FRAME_ADDR 0x4000

enum { NONE, TEXT, FRAME, NAMES, SECTIONS };

struct file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[1];
	Elf64_Shdr shdr[SECTIONS];
	char names[32];
	uint8_t frame[];
};

static const char section_names[] = "\0.text\0.eh_frame\0.shstrtab";

static struct file *make_file(const uint8_t *frame, size_t len)
{
	struct file *f = calloc(1, sizeof(*f) + len + 4);

	FUZZ_CHECK(f);
	memcpy(f->ehdr.e_ident, ELFMAG, SELFMAG);
	f->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	f->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	f->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	f->ehdr.e_type = ET_DYN;
	f->ehdr.e_machine = EM_X86_64;
	f->ehdr.e_version = EV_CURRENT;
	f->ehdr.e_ehsize = sizeof(f->ehdr);
	f->ehdr.e_phoff = offsetof(struct file, phdr);
	f->ehdr.e_phentsize = sizeof(f->phdr[0]);
	f->ehdr.e_phnum = 1;
	f->ehdr.e_shoff = offsetof(struct file, shdr);
	f->ehdr.e_shentsize = sizeof(f->shdr[0]);
	f->ehdr.e_shnum = SECTIONS;
	f->ehdr.e_shstrndx = NAMES;
	f->phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
				   .p_filesz = sizeof(*f) + len, .p_memsz = 0x10000 };
	f->shdr[TEXT] = (Elf64_Shdr){ .sh_name = 1, .sh_type = SHT_NOBITS, .sh_addr = TEXT_ADDR,
				      .sh_size = TEXT_SIZE, .sh_flags = SHF_ALLOC | SHF_EXECINSTR };
	f->shdr[FRAME] = (Elf64_Shdr){ .sh_name = 7, .sh_type = SHT_PROGBITS, .sh_addr = FRAME_ADDR,
				       .sh_offset = sizeof(*f), .sh_size = len,
				       .sh_flags = SHF_ALLOC };
	f->shdr[NAMES] = (Elf64_Shdr){ .sh_name = 17, .sh_type = SHT_STRTAB,
				       .sh_offset = offsetof(struct file, names),
				       .sh_size = sizeof(f->names) };
	memcpy(f->names, section_names, sizeof(section_names));
	if (len)
		memcpy(f->frame, frame, len);
	return f;
}

static enum unwind_code code_at(void *ctx, uint64_t pc, bool exact, const struct unwind_rule **rule)
{
	*rule = image_rules_find(ctx, exact ? pc : pc - 1);
	return *rule ? UNWIND_RULE : UNWIND_NO_RULE;
}

static void walk(struct image_rules *rules, const uint8_t *data, size_t size, uint64_t pc)
{
	static const struct unwind_ops ops = { code_at };
	static struct unwind_result result;
	uint64_t words[64];
	struct unwind_stack s = { .sp = 0x7ffd0000, .bytes = (const uint8_t *)words,
				  .len = sizeof(words), .known = (1u << UNWIND_REGS) - 1 };

	for (size_t i = 0; i < 64; i++)
		words[i] = i % 2 ? s.sp + 8 * i : TEXT_ADDR + (size ? data[i % size] : 0);
	for (int reg = 0; reg < UNWIND_REGS; reg++)
		s.regs[reg] = s.sp + 8 * (uint64_t)reg;
	s.regs[UNWIND_SP] = s.sp;
	s.regs[UNWIND_IP] = pc;
	unwind(&s, GT_STACK_FRAMES_MAX, &ops, rules, &result);
	FUZZ_CHECK(result.nframes >= 1 && result.flags);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct file *f = make_file(data, size);
	struct image_rules *rules;
	Elf *elf;

	FUZZ_CHECK(elf_version(EV_CURRENT) != EV_NONE);
	elf = elf_memory((char *)f, sizeof(*f) + size);
	FUZZ_CHECK(elf);
	rules = image_rules_new(elf);
	FUZZ_CHECK(rules);
	for (uint64_t pc = TEXT_ADDR; pc < TEXT_ADDR + 0x100; pc += 0x21)
		walk(rules, data, size, pc);
	image_rules_free(rules);
	elf_end(elf);
	free(f);
}
