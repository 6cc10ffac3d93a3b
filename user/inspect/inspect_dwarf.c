/* SPDX-License-Identifier: MIT */
#include "inspect_dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "user/image/image_debug.h"
#include "inspect_elf.h"

#define MAX_DIES (8u << 20)
#define MAX_UNITS (1u << 20)
#define MAX_DEPTH 128

/* What link-time optimization calls the units that it makes of many. */
#define MERGED_UNIT "<artificial>"

struct walk {
	const char *const *names;
	inspect_dwarf_site site;
	void *ctx;
	uint32_t dies;
	bool stop;
};

static const char *find_name(const char *const *names, const char *name)
{
	for (size_t i = 0; name && names[i]; i++) {
		if (!strcmp(names[i], name))
			return names[i];
	}
	return NULL;
}

/* The wanted function that `die` is code of, maybe inlined. */
static const char *code_of(const struct walk *w, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;
	int tag = dwarf_tag(die);

	if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
		return NULL;
	if (dwarf_attr(die, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, &origin))
		return find_name(w->names, dwarf_diename(&origin));
	return find_name(w->names, dwarf_diename(die));
}

/* Where it is entered: said outright, or the start of its first piece. */
static bool entry_of(Dwarf_Die *die, uint64_t *vaddr)
{
	Dwarf_Addr base, start, end, entry;

	if (!dwarf_entrypc(die, &entry)) {
		*vaddr = entry;
		return true;
	}
	if (dwarf_ranges(die, 0, &base, &start, &end) <= 0)
		return false;
	*vaddr = start;
	return true;
}

static void visit(struct walk *w, Dwarf_Die *path, size_t depth)
{
	const char *name, *outer = NULL;
	uint64_t vaddr;

	if (dwarf_tag(&path[depth]) != DW_TAG_inlined_subroutine)
		return;
	name = code_of(w, &path[depth]);
	if (!name || !entry_of(&path[depth], &vaddr))
		return;
	for (size_t i = depth; i-- > 0 && !outer;)
		outer = code_of(w, &path[i]);
	if (!w->site(w->ctx, name, outer, vaddr))
		w->stop = true;
}

/* The next entry beside `die`; it must lie behind it, or a damaged file could lead in circles. */
static int next_to(struct walk *w, Dwarf_Die *die)
{
	Dwarf_Off before = dwarf_dieoffset(die);
	int err = dwarf_siblingof(die, die);

	if (err < 0 || (!err && dwarf_dieoffset(die) <= before))
		return -EBADMSG;
	return err ? 0 : 1;
}

/* All entries below the unit's own, with a stack of bounded depth. */
static int walk_unit(struct walk *w, Dwarf_Die *unit)
{
	Dwarf_Die path[MAX_DEPTH];
	size_t depth = 0;
	int there = dwarf_child(unit, &path[0]);

	if (there)
		return there < 0 ? -EBADMSG : 0;
	for (;;) {
		if (++w->dies > MAX_DIES)
			return -E2BIG;
		visit(w, path, depth);
		if (w->stop)
			return 0;
		if (depth + 1 < MAX_DEPTH && !dwarf_child(&path[depth], &path[depth + 1])) {
			depth++;
			continue;
		}
		while (!(there = next_to(w, &path[depth]))) {
			if (!depth)
				return 0;
			depth--;
		}
		if (there < 0)
			return there;
	}
}

static const char *text_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	const char *text = dwarf_attr(die, name, &attr) ? dwarf_formstring(&attr) : NULL;

	return text ? text : "";
}

/*
 * GCC inlines into the unit itself or, when it optimizes at link time, into units of its own
 * making; LLVM, which may have merged units under their old names, into any.
 */
static bool is_wanted_unit(Dwarf_Die *unit, const char *const *files)
{
	const char *name = text_of(unit, DW_AT_name), *slash = strrchr(name, '/');

	return !strcmp(name, MERGED_UNIT) || find_name(files, slash ? slash + 1 : name) ||
	       strstr(text_of(unit, DW_AT_producer), "clang");
}

/* Its entries are in another file (split DWARF). */
static bool is_elsewhere(Dwarf_Die *unit)
{
	return dwarf_hasattr(unit, DW_AT_dwo_name) || dwarf_hasattr(unit, DW_AT_GNU_dwo_name);
}

static int walk_units(struct walk *w, Dwarf *dwarf, const char *const *files)
{
	Dwarf_CU *cu = NULL;
	bool any = false;

	for (uint32_t i = 0; i < MAX_UNITS && !w->stop; i++) {
		Dwarf_Die unit;
		int err = dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL);

		if (err)
			return err < 0 ? -EBADMSG : any ? 0 : -ENODATA;
		if (!is_wanted_unit(&unit, files))
			continue;
		if (is_elsewhere(&unit))
			return -ENODATA;
		any = true;
		err = walk_unit(w, &unit);
		if (err)
			return err;
	}
	return w->stop ? 0 : -E2BIG;
}

/*
 * Several debug files may share a supplementary one. libdw would open it by itself, wherever the
 * file says it is: it gets ours, which is found like any debug file, or the information is not
 * used.
 */
static int open_shared(Dwarf *dwarf, Elf *elf, Elf **shared_elf, Dwarf **shared)
{
	GElf_Shdr shdr;
	int fd;

	if (!inspect_elf_section(elf, ".gnu_debugaltlink", &shdr))
		return -1;
	fd = image_debug_open_shared(dwarf);
	if (fd < 0)
		return -ENOENT;
	*shared_elf = elf_begin(fd, ELF_C_READ, NULL);
	*shared = image_debug_begin(*shared_elf);
	if (*shared) {
		dwarf_setalt(dwarf, *shared);
		return fd;
	}
	elf_end(*shared_elf);
	*shared_elf = NULL;
	close(fd);
	return -ENOENT;
}

int inspect_dwarf(Elf *elf, const char *const *files, const char *const *names,
		  inspect_dwarf_site site, void *ctx)
{
	struct walk w = { .names = names, .site = site, .ctx = ctx };
	Dwarf *dwarf = NULL, *shared = NULL;
	Elf *shared_elf = NULL;
	GElf_Shdr shdr;
	int err = -ENOENT, fd;

	/* There is always a unit's header; what is stripped has no such section. */
	if (!inspect_elf_section(elf, ".debug_info", &shdr) || shdr.sh_type == SHT_NOBITS)
		return -ENOENT;
	dwarf = image_debug_begin(elf);
	if (!dwarf)
		return -EBADMSG;
	fd = open_shared(dwarf, elf, &shared_elf, &shared);
	if (fd != -ENOENT)
		err = walk_units(&w, dwarf, files);
	dwarf_end(dwarf);
	dwarf_end(shared);
	elf_end(shared_elf);
	if (fd >= 0)
		close(fd);
	return err;
}
