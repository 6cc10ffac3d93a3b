/* SPDX-License-Identifier: MIT */
#include "image_symbols.h"

#include <string.h>
#include <unistd.h>

#include "image_debug.h"

static int walk_table(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, image_symbol_fn each,
		      void *ctx)
{
	size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Data *data = elf_getdata(scn, NULL);

	if (!data || !data->d_buf || !entry)
		return 0;
	for (size_t i = 1; i < data->d_size / entry; i++) {
		const char *name;
		GElf_Sym sym;
		size_t len;
		int err;

		if (i > INT32_MAX || !gelf_getsym(data, (int)i, &sym))
			break;
		name = elf_strptr(elf, shdr->sh_link, sym.st_name);
		if (!name)
			continue;
		/* Without "@@VERSION", which some linkers leave in the full table. */
		len = strcspn(name, "@");
		err = len ? each(ctx, &sym, name, len) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* All tables of `type`. 1: there was one, 0: none, or -errno. */
static int walk_tables(Elf *elf, uint32_t type, image_symbol_fn each, void *ctx)
{
	Elf_Scn *scn = NULL;
	int found = 0;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		int err;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != type)
			continue;
		err = walk_table(elf, scn, &shdr, each, ctx);
		if (err)
			return err;
		found = 1;
	}
	return found;
}

static int walk_debug_file(Elf *elf, const char *path, image_symbol_fn each, void *ctx)
{
	int fd = image_debug_open(elf, path);
	Elf *debug;
	int err = 0;

	if (fd < 0)
		return 0;
	debug = elf_begin(fd, ELF_C_READ, NULL);
	if (debug)
		err = walk_tables(debug, SHT_SYMTAB, each, ctx);
	elf_end(debug);
	close(fd);
	return err < 0 ? err : 0;
}

int image_symbols_walk(Elf *elf, const char *path, image_symbol_fn each, void *ctx)
{
	int err = walk_tables(elf, SHT_SYMTAB, each, ctx);

	if (!err)
		err = walk_debug_file(elf, path, each, ctx);
	if (err >= 0)
		err = walk_tables(elf, SHT_DYNSYM, each, ctx);
	return err < 0 ? err : 0;
}
