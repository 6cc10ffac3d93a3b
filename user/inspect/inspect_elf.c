/* SPDX-License-Identifier: MIT */
#include "inspect_elf.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/image/image.h"

#define MAX_SYMBOLS (8u << 20)
#define MAX_SECTIONS 65536
#define VERSION_HIDDEN 0x8000 /* in .gnu.version: not the default one */

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

static int read_segments(struct inspect_elf *e)
{
	size_t n;

	if (elf_getphdrnum(e->elf, &n))
		return -ENOEXEC;
	for (size_t i = 0; i < n && e->nsegments < INSPECT_ELF_SEGMENTS; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(e->elf, (int)i, &phdr))
			return -ENOEXEC;
		if (phdr.p_type != PT_LOAD || phdr.p_filesz > phdr.p_memsz ||
		    phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr || phdr.p_offset > e->size)
			continue;
		if (phdr.p_filesz > e->size - phdr.p_offset)
			phdr.p_filesz = e->size - phdr.p_offset;
		e->segments[e->nsegments].offset = phdr.p_offset;
		e->segments[e->nsegments].vaddr = phdr.p_vaddr;
		e->segments[e->nsegments].filesz = phdr.p_filesz;
		e->segments[e->nsegments].exec = phdr.p_flags & PF_X;
		e->nsegments++;
	}
	return e->nsegments ? 0 : -ENOEXEC;
}

int inspect_elf_open(struct inspect_elf *e, int fd)
{
	struct stat st;
	GElf_Ehdr ehdr;
	int err = -ENOEXEC;

	*e = (struct inspect_elf){ .fd = fd };
	if (elf_version(EV_CURRENT) == EV_NONE || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -ENOEXEC;
	if (st.st_size > (off_t)IMAGE_MAX_FILE)
		return -EFBIG;
	e->size = (uint64_t)st.st_size;
	/* Not mapped: a file cut while it is read must give an error, not a signal. */
	e->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!e->elf || elf_kind(e->elf) != ELF_K_ELF || gelf_getclass(e->elf) != ELFCLASS64 ||
	    !gelf_getehdr(e->elf, &ehdr) || ehdr.e_machine != MACHINE ||
	    (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN))
		goto out;
	e->machine = ehdr.e_machine;
	e->fixed = ehdr.e_type == ET_EXEC;
	err = read_segments(e);
out:
	if (err)
		inspect_elf_close(e);
	return err;
}

void inspect_elf_close(struct inspect_elf *e)
{
	elf_end(e->elf);
	e->elf = NULL;
}

bool inspect_elf_offset(const struct inspect_elf *e, uint64_t vaddr, bool exec, uint64_t *offset)
{
	for (size_t i = 0; i < e->nsegments; i++) {
		uint64_t into = vaddr - e->segments[i].vaddr;

		if (vaddr < e->segments[i].vaddr || into >= e->segments[i].filesz ||
		    (exec && !e->segments[i].exec))
			continue;
		*offset = e->segments[i].offset + into;
		return true;
	}
	return false;
}

bool inspect_elf_read(const struct inspect_elf *e, uint64_t vaddr, void *to, size_t n)
{
	uint64_t offset;

	return inspect_elf_offset(e, vaddr, false, &offset) &&
	       pread(e->fd, to, n, (off_t)offset) == (ssize_t)n;
}

Elf_Scn *inspect_elf_section(Elf *elf, const char *name, GElf_Shdr *shdr)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	for (int i = 0; i < MAX_SECTIONS && (scn = elf_nextscn(elf, scn)); i++) {
		const char *found;

		if (!gelf_getshdr(scn, shdr))
			continue;
		found = elf_strptr(elf, names, shdr->sh_name);
		if (found && !strcmp(found, name))
			return scn;
	}
	return NULL;
}

/* The table of versions that goes with a table of dynamic symbols. */
static Elf_Data *versions_of(Elf *elf, Elf_Scn *table)
{
	Elf_Scn *scn = NULL;

	for (int i = 0; i < MAX_SECTIONS && (scn = elf_nextscn(elf, scn)); i++) {
		GElf_Shdr shdr;

		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_GNU_versym &&
		    shdr.sh_link == elf_ndxscn(table))
			return elf_getdata(scn, NULL);
	}
	return NULL;
}

/* Not the name's default version, by the table beside it or by its own ending. */
static bool old_version(Elf_Data *versions, int i, const char *name, size_t len)
{
	GElf_Versym version;

	if (name[len] == '@' && name[len + 1] != '@')
		return true;
	return versions && gelf_getversym(versions, i, &version) && (version & VERSION_HIDDEN);
}

/* A damaged table gives what can be read of it. */
static bool read_table(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, inspect_elf_symbol take,
		       void *ctx)
{
	size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Data *versions = shdr->sh_type == SHT_DYNSYM ? versions_of(elf, scn) : NULL;

	if (!data || !data->d_buf || !entry)
		return true;
	for (size_t i = 1; i < data->d_size / entry && i < MAX_SYMBOLS; i++) {
		const char *name;
		GElf_Sym sym;
		size_t len;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		if (sym.st_shndx == SHN_UNDEF || sym.st_shndx == SHN_ABS)
			continue;
		name = elf_strptr(elf, shdr->sh_link, sym.st_name);
		if (!name || !*name)
			continue;
		len = strcspn(name, "@");
		if (!old_version(versions, (int)i, name, len) && !take(ctx, name, len, &sym))
			return false;
	}
	return true;
}

bool inspect_elf_symbols(Elf *elf, uint32_t type, inspect_elf_symbol take, void *ctx)
{
	Elf_Scn *scn = NULL;
	bool found = false;

	for (int i = 0; i < MAX_SECTIONS && (scn = elf_nextscn(elf, scn)); i++) {
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != type)
			continue;
		found = true;
		if (!read_table(elf, scn, &shdr, take, ctx))
			break;
	}
	return found;
}

bool inspect_elf_has_sections(Elf *elf)
{
	static const char *const any[] = { ".shstrtab", ".text", ".dynstr" };
	GElf_Shdr shdr;

	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++)
		if (inspect_elf_section(elf, any[i], &shdr))
			return true;
	return false;
}

bool inspect_elf_is_go(Elf *elf)
{
	static const char *const marks[] = { ".gopclntab", ".note.go.buildid",
					     ".data.rel.ro.gopclntab", ".go.buildinfo" };
	GElf_Shdr shdr;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (inspect_elf_section(elf, marks[i], &shdr))
			return true;
	}
	return false;
}
