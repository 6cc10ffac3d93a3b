/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_debug.h"
#include "lib/buf.h"

#define MAX_SEGMENTS 64
#define MAX_SYMBOLS (4u << 20)
#define MAX_NAMES (64u << 20)
#define MAX_NAME 512	 /* longer names (templates) are cut */
#define MAX_LOOK_BACK 64 /* mappings between a segment's start and an address in it */

struct segment {
	uint64_t offset, vaddr, filesz, memsz;
	bool exec;
};

struct variable {
	uint64_t vaddr, size;
	uint32_t name;
	bool local;
};

struct image {
	struct segment segments[MAX_SEGMENTS];
	size_t nsegments;
	bool fixed; /* ET_EXEC: loaded where it says */
	uint64_t page;
	struct buf variables; /* struct variable */
	struct buf names;     /* NUL-terminated, one behind the other */
};

static int read_segments(struct image *img, Elf *elf)
{
	GElf_Ehdr ehdr;
	size_t n;

	if (!gelf_getehdr(elf, &ehdr) || elf_getphdrnum(elf, &n))
		return -ENOEXEC;
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return -ENOEXEC;
	img->fixed = ehdr.e_type == ET_EXEC;
	for (size_t i = 0; i < n && img->nsegments < MAX_SEGMENTS; i++) {
		struct segment *s = &img->segments[img->nsegments];
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr))
			return -ENOEXEC;
		if (phdr.p_type != PT_LOAD || phdr.p_filesz > phdr.p_memsz ||
		    phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr)
			continue;
		*s = (struct segment){ .offset = phdr.p_offset,
				       .vaddr = phdr.p_vaddr,
				       .filesz = phdr.p_filesz,
				       .memsz = phdr.p_memsz,
				       .exec = phdr.p_flags & PF_X };
		img->nsegments++;
	}
	return img->nsegments ? 0 : -ENOEXEC;
}

static bool is_variable(const GElf_Sym *sym)
{
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_OBJECT:
	case STT_COMMON:
	case STT_NOTYPE: /* assembly and some compilers' data */
		break;
	default:
		return false;
	}
	return sym->st_size && sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS;
}

static size_t count_variables(const struct image *img)
{
	return img->variables.len / sizeof(struct variable);
}

static const char *name_of(const struct image *img, const struct variable *v)
{
	return (const char *)img->names.data + v->name;
}

static int add_variable(struct image *img, const GElf_Sym *sym, const char *name)
{
	struct variable v = { .vaddr = sym->st_value,
			      .size = sym->st_size,
			      .name = (uint32_t)img->names.len,
			      .local = GELF_ST_BIND(sym->st_info) == STB_LOCAL };
	/* Without "@@VERSION", which some linkers leave in the full table. */
	size_t len = strcspn(name, "@");

	if (len > MAX_NAME)
		len = MAX_NAME;
	if (!len || count_variables(img) == MAX_SYMBOLS || img->names.len + len + 1 > MAX_NAMES)
		return 0;
	buf_add(&img->names, name, len);
	buf_add(&img->names, "", 1);
	buf_add(&img->variables, &v, sizeof(v));
	return img->names.err ? img->names.err : img->variables.err;
}

/* A damaged table gives what can be read of it. */
static int read_table(struct image *img, Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Data *data = elf_getdata(scn, NULL);

	if (!data || !data->d_buf || !entry)
		return 0;
	for (size_t i = 1; i < data->d_size / entry; i++) {
		const char *name;
		GElf_Sym sym;
		int err;

		if (i > INT32_MAX || !gelf_getsym(data, (int)i, &sym))
			break;
		if (!is_variable(&sym))
			continue;
		name = elf_strptr(elf, shdr->sh_link, sym.st_name);
		err = name ? add_variable(img, &sym, name) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* All tables of `type`. 1: there was one, 0: none, or -errno. */
static int read_tables(struct image *img, Elf *elf, uint32_t type)
{
	Elf_Scn *scn = NULL;
	int found = 0;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		int err;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != type)
			continue;
		err = read_table(img, elf, scn, &shdr);
		if (err)
			return err;
		found = 1;
	}
	return found;
}

static int read_debug_file(struct image *img, Elf *elf, const char *path)
{
	int fd = image_debug_open(elf, path);
	Elf *debug;
	int err = 0;

	if (fd < 0)
		return 0;
	debug = elf_begin(fd, ELF_C_READ, NULL);
	if (debug)
		err = read_tables(img, debug, SHT_SYMTAB);
	elf_end(debug);
	close(fd);
	return err < 0 ? err : 0;
}

static int read_variables(struct image *img, Elf *elf, const char *path)
{
	int err = read_tables(img, elf, SHT_SYMTAB);

	if (!err)
		err = read_debug_file(img, elf, path);
	if (err >= 0)
		err = read_tables(img, elf, SHT_DYNSYM);
	return err < 0 ? err : 0;
}

struct image *image_read(int fd, const char *path, int *err)
{
	struct image *img = NULL;
	struct stat st;
	/* Not mapped: a file cut while it is read must give an error, not a signal. */
	Elf *elf = NULL;

	*err = -ENOEXEC;
	if (elf_version(EV_CURRENT) == EV_NONE || fstat(fd, &st) || !S_ISREG(st.st_mode))
		goto out;
	*err = -EFBIG;
	if (st.st_size > (off_t)IMAGE_MAX_FILE)
		goto out;
	*err = -ENOEXEC;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		goto out;
	*err = -ENOMEM;
	img = calloc(1, sizeof(*img));
	if (!img)
		goto out;
	img->page = (uint64_t)sysconf(_SC_PAGESIZE);
	*err = read_segments(img, elf);
	if (!*err)
		*err = read_variables(img, elf, path);
out:
	elf_end(elf);
	if (*err) {
		image_free(img);
		return NULL;
	}
	return img;
}

static uint64_t page_down(const struct image *img, uint64_t x)
{
	return x & ~(img->page - 1);
}

/*
 * The place of `addr` with the image moved by `bias`. With `e`, a mapping that holds `addr`, the
 * file offset that the segment implies must be the one that is mapped.
 */
static bool place(const struct image *img, uint64_t bias, uint64_t addr, const struct maps_entry *e,
		  struct image_place *out)
{
	uint64_t vaddr = addr - bias;

	for (size_t i = 0; i < img->nsegments; i++) {
		const struct segment *s = &img->segments[i];
		uint64_t first = e ? page_down(img, s->vaddr) : s->vaddr;
		uint64_t end = s->vaddr + s->memsz;

		if (e)
			end = page_down(img, end + img->page - 1);
		if (vaddr < first || vaddr >= end)
			continue;
		out->vaddr = vaddr;
		out->offset = s->offset + (vaddr - s->vaddr);
		if (!e || (out->offset == e->offset + (addr - e->start) &&
			   s->exec == !!(e->flags & MAPS_EXEC)))
			return true;
	}
	return false;
}

/*
 * How many segments begin where their part of the file `ino` of `e` is mapped, with the image moved
 * by `bias`. Segments may share a page of the file, so one mapping alone can suggest two biases.
 */
static size_t explained(const struct image *img, const struct maps *m, const struct maps_entry *e,
			uint64_t bias)
{
	size_t n = 0;

	for (size_t i = 0; i < img->nsegments; i++) {
		uint64_t at = img->segments[i].vaddr + bias;
		const struct maps_entry *there = maps_find(m, at);
		struct image_place unused;

		if (there && there->dev == e->dev && there->ino == e->ino &&
		    place(img, bias, at, there, &unused))
			n++;
	}
	return n;
}

/* The bias that explains the most, of those that make some segment begin at mapping `at`. */
static size_t try_biases(const struct image *img, const struct maps *m, const struct maps_entry *at,
			 size_t best, uint64_t *bias)
{
	for (size_t i = 0; i < img->nsegments; i++) {
		const struct segment *s = &img->segments[i];
		uint64_t candidate = at->start - page_down(img, s->vaddr);
		size_t n;

		if (page_down(img, s->offset) != at->offset ||
		    s->exec != !!(at->flags & MAPS_EXEC) || (img->fixed && candidate))
			continue;
		n = explained(img, m, at, candidate);
		if (n > best) {
			best = n;
			*bias = candidate;
		}
	}
	return best;
}

bool image_locate(const struct image *img, const struct maps *m, const struct maps_entry *e,
		  uint64_t addr, struct image_place *out)
{
	uint64_t bias = 0;
	size_t best = 0;

	/* Protecting part of a segment splits its mapping: the segment may begin some mappings
	 * before. */
	for (size_t i = 0; i < MAX_LOOK_BACK && e - i >= m->entries; i++) {
		const struct maps_entry *at = e - i;

		if (at->dev == e->dev && at->ino == e->ino)
			best = try_biases(img, m, at, best, &bias);
	}
	return best && place(img, bias, addr, addr < e->end ? e : NULL, out);
}

bool image_locate_code(const struct image *img, uint64_t start_code, uint64_t addr,
		       struct image_place *out)
{
	const struct segment *first = NULL;

	for (size_t i = 0; i < img->nsegments; i++) {
		const struct segment *s = &img->segments[i];

		if (s->exec && (!first || s->vaddr < first->vaddr))
			first = s;
	}
	/* The kernel's start_code is the lowest p_vaddr of an executable segment plus the bias. */
	if (!first || (start_code - first->vaddr) % img->page ||
	    (img->fixed && start_code != first->vaddr))
		return false;
	return place(img, start_code - first->vaddr, addr, NULL, out);
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

static bool better(const struct image *img, const struct variable *a, const struct variable *b)
{
	const char *x = name_of(img, a), *y = name_of(img, b);

	if (a->local != b->local)
		return b->local;
	if (a->size != b->size)
		return a->size > b->size;
	if (underscores(x) != underscores(y))
		return underscores(x) < underscores(y);
	return strcmp(x, y) < 0;
}

/* Symbols may overlap, so all are looked at; words are asked for once each, and few lie in images.
 */
const char *image_symbol(const struct image *img, uint64_t vaddr, uint64_t *into)
{
	const struct variable *v = (const struct variable *)img->variables.data, *best = NULL;

	for (size_t i = 0; i < count_variables(img); i++, v++) {
		if (vaddr < v->vaddr || vaddr - v->vaddr >= v->size)
			continue;
		if (!best || better(img, v, best))
			best = v;
	}
	if (!best)
		return NULL;
	*into = vaddr - best->vaddr;
	return name_of(img, best);
}

size_t image_size(const struct image *img)
{
	return sizeof(*img) + img->variables.cap + img->names.cap;
}

void image_free(struct image *img)
{
	if (!img)
		return;
	buf_free(&img->variables);
	buf_free(&img->names);
	free(img);
}
