/* SPDX-License-Identifier: MIT */
/*
 * What inspection needs of an ELF file: where addresses lie in the file, its symbols, its bytes.
 * The file may be cut, changed or hostile: every answer is "not there" at worst.
 */
#ifndef USER_INSPECT_ELF_H
#define USER_INSPECT_ELF_H

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSPECT_ELF_SEGMENTS 64

struct inspect_elf {
	int fd; /* the caller's */
	Elf *elf;
	uint16_t machine; /* EM_* */
	bool fixed;	  /* ET_EXEC: loaded where it says */
	uint64_t size;	  /* of the file */
	size_t nsegments;
	struct {
		uint64_t offset, vaddr, filesz;
		bool exec;
	} segments[INSPECT_ELF_SEGMENTS];
};

/* Read the 64-bit program or library open at `fd`. 0, -ENOEXEC (none, or for another machine) or
 * -EFBIG. */
int inspect_elf_open(struct inspect_elf *e, int fd);

void inspect_elf_close(struct inspect_elf *e); /* not `fd`; accepts zeroed structs */

/* Where in the file `vaddr` lies, if at all; with `exec` only in what is executed. */
bool inspect_elf_offset(const struct inspect_elf *e, uint64_t vaddr, bool exec, uint64_t *offset);

/* `n` bytes of the file from where `vaddr` lies. */
bool inspect_elf_read(const struct inspect_elf *e, uint64_t vaddr, void *to, size_t n);

/* The section of that name, or NULL. */
Elf_Scn *inspect_elf_section(Elf *elf, const char *name, GElf_Shdr *shdr);

/* A defined symbol; `name` without its version. False: no more are wanted. */
typedef bool (*inspect_elf_symbol)(void *ctx, const char *name, size_t len, const GElf_Sym *sym);

/*
 * All defined symbols of tables of `type` (SHT_SYMTAB, SHT_DYNSYM) that programs linked without
 * asking for a version get. True when there was such a table.
 */
bool inspect_elf_symbols(Elf *elf, uint32_t type, inspect_elf_symbol take, void *ctx);

/* Has it a table of sections that can be read? What is linked has; what was packed or damaged has not. */
bool inspect_elf_has_sections(Elf *elf);

/* Built by Go, whose stacks move: nothing is ever probed there. */
bool inspect_elf_is_go(Elf *elf);

#endif
