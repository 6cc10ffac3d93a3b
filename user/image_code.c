/* SPDX-License-Identifier: MIT */
#include "image_code.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "image_functions.h"
#include "image_rules.h"

#define MAX_IMAGES 512
#define MAX_VDSO 65536

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#endif

struct code {
	struct image_code public;
	uint32_t refs;
	uint32_t dev;
	uint64_t ino;
	off_t size;
	struct timespec changed;
	uint64_t used; /* when, counted in calls */
	int fd;
	Elf *elf;
	struct image_rules *rules;
	struct image_functions *functions;
	bool asked_functions;
};

struct image_code_cache {
	struct code *codes[MAX_IMAGES];
	size_t count;
	uint64_t calls;
	struct code *vdso;
};

static struct code *code_of(struct image_code *public)
{
	return (struct code *)public;
}

struct image_code_cache *image_code_cache_new(void)
{
	return elf_version(EV_CURRENT) == EV_NONE ? NULL
						  : calloc(1, sizeof(struct image_code_cache));
}

void image_code_put(struct image_code *public)
{
	struct code *code = public ? code_of(public) : NULL;

	if (!code || --code->refs)
		return;
	image_rules_free(code->rules);
	image_functions_free(code->functions);
	elf_end(code->elf);
	if (code->fd >= 0)
		close(code->fd);
	map_free(&code->public.named);
	free((char *)code->public.path);
	free(code);
}

static struct image_code *hold(struct code *code)
{
	code->refs++;
	return &code->public;
}

/* Owned by its first holder. Takes `fd` and `elf`, which may be NULL. */
static struct code *code_new(int fd, Elf *elf, const char *path)
{
	struct code *code = calloc(1, sizeof(*code));
	GElf_Ehdr ehdr;

	if (!code) {
		elf_end(elf);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	code->refs = 1;
	code->fd = fd;
	code->elf = elf;
	code->public.path = strdup(path);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_machine != MACHINE ||
	    !code->public.path || image_layout_read(&code->public.layout, elf)) {
		image_code_put(&code->public);
		return NULL;
	}
	code->public.entry = ehdr.e_entry;
	return code;
}

static void drop(struct image_code_cache *c, size_t i)
{
	image_code_put(&c->codes[i]->public);
	c->codes[i] = c->codes[--c->count];
}

/* Make room by what nobody holds and was not asked for longest. False: there is none. */
static bool make_room(struct image_code_cache *c)
{
	size_t oldest = MAX_IMAGES;

	if (c->count < MAX_IMAGES)
		return true;
	for (size_t i = 0; i < c->count; i++) {
		if (c->codes[i]->refs == 1 &&
		    (oldest == MAX_IMAGES || c->codes[i]->used < c->codes[oldest]->used))
			oldest = i;
	}
	if (oldest == MAX_IMAGES)
		return false;
	drop(c, oldest);
	return true;
}

static struct code *read_file(const struct stat *st, int fd, const char *path)
{
	struct code *code;
	int own;

	if (!S_ISREG(st->st_mode) || st->st_size > (off_t)IMAGE_MAX_FILE)
		return NULL;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	/* Not mapped: a file cut while it is read must give an error, not a signal. */
	code = own < 0 ? NULL : code_new(own, elf_begin(own, ELF_C_READ, NULL), path);
	if (code) {
		code->size = st->st_size;
		code->changed = st->st_ctim;
	}
	return code;
}

static bool unchanged(const struct code *code, const struct stat *st)
{
	return code->size == st->st_size && code->changed.tv_sec == st->st_ctim.tv_sec &&
	       code->changed.tv_nsec == st->st_ctim.tv_nsec;
}

struct image_code *image_code_cache_get(struct image_code_cache *c, uint32_t dev, uint64_t ino,
					int fd, const char *path)
{
	bool readable;
	struct stat st;
	struct code *code;

	c->calls++;
	readable = fd >= 0 && !fstat(fd, &st);
	for (size_t i = 0; i < c->count; i++) {
		if (c->codes[i]->dev != dev || c->codes[i]->ino != ino)
			continue;
		if (!readable || unchanged(c->codes[i], &st)) {
			c->codes[i]->used = c->calls;
			return hold(c->codes[i]);
		}
		drop(c, i);
		break;
	}
	if (!readable || !make_room(c))
		return NULL;
	code = read_file(&st, fd, path);
	if (!code)
		return NULL;
	code->dev = dev;
	code->ino = ino;
	code->used = c->calls;
	c->codes[c->count++] = code;
	return hold(code);
}

/* The same code in every process of this kernel, so our own tells all. */
static struct code *read_vdso(void)
{
	const char *start = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)start;
	size_t len;

	if (!start)
		return NULL;
	/* Its section headers come last. */
	len = ehdr->e_shoff + (size_t)ehdr->e_shnum * ehdr->e_shentsize;
	if (len < sizeof(*ehdr) || len > MAX_VDSO)
		return NULL;
	return code_new(-1, elf_memory((char *)start, len), "[vdso]");
}

struct image_code *image_code_cache_vdso(struct image_code_cache *c)
{
	if (!c->vdso)
		c->vdso = read_vdso();
	return c->vdso ? hold(c->vdso) : NULL;
}

const struct unwind_rule *image_code_rule(struct image_code *public, uint64_t vaddr)
{
	struct code *code = code_of(public);

	if (!code->rules)
		code->rules = image_rules_new(code->elf);
	return code->rules ? image_rules_find(code->rules, vaddr) : NULL;
}

const char *image_code_function(struct image_code *public, uint64_t vaddr, uint64_t *start)
{
	struct code *code = code_of(public);

	if (!code->asked_functions)
		code->functions = image_functions_read(code->elf, public->path);
	code->asked_functions = true;
	*start = vaddr;
	return code->functions ? image_functions_find(code->functions, vaddr, start) : NULL;
}

#define ENTRY_BYTES 64 /* the code at the entry is a few instructions that call the rest */

bool image_code_is_first(struct image_code *public, uint64_t vaddr)
{
	static const char *const names[] = { "_start", "clone", "__clone", "clone3", "__clone3" };
	uint64_t start;
	const char *name;

	if (public->entry && vaddr - public->entry < ENTRY_BYTES)
		return true;
	name = image_code_function(public, vaddr, &start);
	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

void image_code_cache_free(struct image_code_cache *c)
{
	if (!c)
		return;
	while (c->count)
		drop(c, 0);
	if (c->vdso)
		image_code_put(&c->vdso->public);
	free(c);
}
