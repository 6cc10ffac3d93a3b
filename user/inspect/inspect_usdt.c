/* SPDX-License-Identifier: MIT */
#include "inspect_usdt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect_image.h"

#define PROVIDER "gil"
#define NOTE_OWNER "stapsdt"
#define NOTE_TYPE 3
#define MAX_NOTES 65536

static const struct {
	const char *name;
	enum gt_lock_role role;
} probes[] = {
	{ "request", GT_LOCK_REQUEST },
	{ "acquired", GT_LOCK_ACQUIRED },
	{ "released", GT_LOCK_RELEASED },
	{ "forced_switch", GT_LOCK_FORCED },
};

/* What a note says, its strings inside the note. */
struct note {
	uint64_t location, base, semaphore;
	const char *provider, *name, *arguments;
};

struct scan {
	const struct inspect_elf *e;
	struct inspect_image *img;
	uint64_t base; /* where .stapsdt.base is now, 0: not told */
};

/* Three addresses, then three strings. The note is for this machine: its bytes are in our order. */
static bool read_note(const char *desc, size_t len, struct note *out)
{
	const char *strings[3];
	uint64_t words[3];
	size_t at = sizeof(words);

	if (len < at)
		return false;
	memcpy(words, desc, sizeof(words));
	for (size_t i = 0; i < 3; i++) {
		const char *end = memchr(desc + at, '\0', len - at);

		if (!end)
			return false;
		strings[i] = desc + at;
		at = (size_t)(end - desc) + 1;
	}
	*out = (struct note){ .location = words[0],
			      .base = words[1],
			      .semaphore = words[2],
			      .provider = strings[0],
			      .name = strings[1],
			      .arguments = strings[2] };
	return true;
}

/* What the assembler left at a probe's place. Anything else there means that the note is wrong. */
static bool is_nop(const struct inspect_elf *e, uint64_t offset)
{
	static const uint8_t x86[] = { 0x90 }, x86_long[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	static const uint8_t arm[] = { 0x1f, 0x20, 0x03, 0xd5 };
	uint8_t code[5] = { 0 };

	if (pread(e->fd, code, sizeof(code), (off_t)offset) < 4)
		return false;
	if (e->machine == EM_AARCH64)
		return !memcmp(code, arm, sizeof(arm));
	return !memcmp(code, x86, sizeof(x86)) || !memcmp(code, x86_long, sizeof(x86_long));
}

struct wanted {
	const char *name;
	size_t len;
	uint64_t vaddr;
	bool found;
};

static bool compare(void *ctx, const char *name, size_t len, const GElf_Sym *sym)
{
	struct wanted *w = ctx;

	if (len == w->len && !memcmp(name, w->name, len)) {
		w->vaddr = sym->st_value;
		w->found = true;
	}
	return !w->found;
}

static bool find_symbol(void *ctx, const char *name, size_t len, uint64_t *vaddr)
{
	const struct inspect_elf *e = ctx;
	struct wanted w = { .name = name, .len = len };

	inspect_elf_symbols(e->elf, SHT_SYMTAB, compare, &w);
	if (!w.found)
		inspect_elf_symbols(e->elf, SHT_DYNSYM, compare, &w);
	*vaddr = w.vaddr;
	return w.found;
}

static enum gt_lock_role role_of(const char *name)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (!strcmp(name, probes[i].name))
			return probes[i].role;
	}
	return GT_LOCK_ROLES;
}

/* False: there is no room for more. */
static bool add_probe(const struct scan *s, const struct note *n)
{
	struct inspect_place p = { .flags = GT_LOCK_SITE_USDT };
	/* What was linked again (prelink) moved; the notes did not. */
	uint64_t moved = s->base && n->base ? s->base - n->base : 0;
	uint64_t location = n->location + moved;
	enum gt_lock_role role = role_of(n->name);

	if (strcmp(n->provider, PROVIDER) || role == GT_LOCK_ROLES)
		return true;
	snprintf(p.name, sizeof(p.name), PROVIDER ":%s", n->name);
	if (!inspect_elf_offset(s->e, location, true, &p.offset) || !is_nop(s->e, p.offset)) {
		inspect_image_note(s->img, "its note of static probe %s leads nowhere", p.name);
		return true;
	}
	/* Without its semaphore raised, the program never gets to the probe. */
	if (n->semaphore && !inspect_elf_offset(s->e, n->semaphore + moved, false, &p.semaphore)) {
		inspect_image_note(s->img, "the switch of static probe %s is not in the file",
				   p.name);
		return true;
	}
	if (!inspect_usdt_argument(n->arguments, s->e->machine, location, find_symbol, (void *)s->e,
				   &p.site))
		inspect_image_note(s->img, "static probe %s does not tell which lock", p.name);
	p.site.role = role;
	return inspect_image_add(s->img, &p);
}

static void read_notes(const struct scan *s, Elf_Data *data)
{
	size_t at = 0, name_at, desc_at;
	GElf_Nhdr head;

	for (int i = 0; i < MAX_NOTES; i++) {
		const char *bytes = data->d_buf;
		struct note n;

		at = gelf_getnote(data, at, &head, &name_at, &desc_at);
		if (!at)
			return;
		if (head.n_type != NOTE_TYPE || head.n_namesz != sizeof(NOTE_OWNER) ||
		    memcmp(bytes + name_at, NOTE_OWNER, sizeof(NOTE_OWNER)))
			continue;
		if (read_note(bytes + desc_at, head.n_descsz, &n) && !add_probe(s, &n))
			return;
	}
}

void inspect_usdt(const struct inspect_elf *e, struct inspect_image *img)
{
	struct scan s = { .e = e, .img = img };
	GElf_Shdr shdr;
	Elf_Scn *scn = inspect_elf_section(e->elf, ".stapsdt.base", &shdr);
	Elf_Data *data;

	if (scn)
		s.base = shdr.sh_addr;
	scn = inspect_elf_section(e->elf, ".note.stapsdt", &shdr);
	data = scn && shdr.sh_type == SHT_NOTE ? elf_getdata(scn, NULL) : NULL;
	if (data && data->d_buf)
		read_notes(&s, data);
}
