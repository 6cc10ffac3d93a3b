/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_symbols.h"
#include "lib/buf.h"

#define MAX_SYMBOLS (4u << 20)
#define MAX_NAMES (64u << 20)
#define MAX_NAME 512 /* longer names (templates) are cut */

struct variable {
	uint64_t vaddr, size;
	uint32_t name;
	bool local;
};

struct image {
	struct image_layout layout;
	struct buf variables; /* struct variable */
	struct buf names;     /* NUL-terminated, one behind the other */
};

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

static int add_variable(void *ctx, const GElf_Sym *sym, const char *name, size_t len)
{
	struct image *img = ctx;
	struct variable v = { .vaddr = sym->st_value,
			      .size = sym->st_size,
			      .name = (uint32_t)img->names.len,
			      .local = GELF_ST_BIND(sym->st_info) == STB_LOCAL };

	if (len > MAX_NAME)
		len = MAX_NAME;
	if (!is_variable(sym) || count_variables(img) == MAX_SYMBOLS ||
	    img->names.len + len + 1 > MAX_NAMES)
		return 0;
	buf_add(&img->names, name, len);
	buf_add(&img->names, "", 1);
	buf_add(&img->variables, &v, sizeof(v));
	return img->names.err ? img->names.err : img->variables.err;
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
	*err = image_layout_read(&img->layout, elf);
	if (!*err)
		*err = image_symbols_walk(elf, path, add_variable, img);
out:
	elf_end(elf);
	if (*err) {
		image_free(img);
		return NULL;
	}
	return img;
}

bool image_locate(const struct image *img, const struct maps *m, const struct maps_entry *e,
		  uint64_t addr, struct image_place *out)
{
	return image_layout_locate(&img->layout, m, e, addr, out);
}

bool image_locate_code(const struct image *img, uint64_t start_code, uint64_t addr,
		       struct image_place *out)
{
	return image_layout_locate_code(&img->layout, start_code, addr, out);
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
