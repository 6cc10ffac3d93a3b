/* SPDX-License-Identifier: MIT */
#include "image_code.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/helper/demangle.h"
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
	struct image_lines *lines;
	bool asked_functions, asked_lines, asked_debug_rules;
	struct image_code_trouble *trouble;
};

struct image_code_cache {
	struct code *codes[MAX_IMAGES];
	size_t count;
	uint64_t calls;
	struct code *vdso;
	struct image_code_trouble *trouble;
};

void image_code_trouble_note(struct image_code_trouble *t)
{
	size_t at = t->nbad % (sizeof(t->bad) / sizeof(t->bad[0]));

	if (!t->reading)
		return;
	t->bad[at].reading = t->reading;
	t->reading = IMAGE_CODE_NOTHING;
	t->bad[at].dev = t->dev;
	t->bad[at].ino = t->ino;
	t->nbad++;
}

static bool is_bad(const struct image_code_trouble *t, uint32_t dev, uint64_t ino,
		   enum image_code_reading reading)
{
	size_t n = sizeof(t->bad) / sizeof(t->bad[0]);

	for (size_t i = 0; i < n && i < t->nbad; i++) {
		if (t->bad[i].dev == dev && t->bad[i].ino == ino && t->bad[i].reading >= reading)
			return true;
	}
	return false;
}

static void begin_reading(struct image_code_trouble *t, uint32_t dev, uint64_t ino,
			  enum image_code_reading reading)
{
	t->dev = dev;
	t->ino = ino;
	t->reading = reading;
}

static void end_reading(struct image_code_trouble *t)
{
	t->reading = IMAGE_CODE_NOTHING;
}

static struct code *code_of(struct image_code *public)
{
	return (struct code *)public;
}

struct image_code_cache *image_code_cache_new(struct image_code_trouble *t)
{
	struct image_code_cache *c = elf_version(EV_CURRENT) == EV_NONE ? NULL
									: calloc(1, sizeof(*c));

	if (c)
		c->trouble = t;
	return c;
}

void image_code_put(struct image_code *public)
{
	struct code *code = public ? code_of(public) : NULL;

	if (!code || --code->refs)
		return;
	image_rules_free(code->rules);
	image_functions_free(code->functions);
	image_lines_free(code->lines);
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
	if (!readable || is_bad(c->trouble, dev, ino, IMAGE_CODE_REST) || !make_room(c))
		return NULL;
	begin_reading(c->trouble, dev, ino, IMAGE_CODE_REST);
	code = read_file(&st, fd, path);
	end_reading(c->trouble);
	if (!code)
		return NULL;
	code->trouble = c->trouble;
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
	if (!c->vdso)
		return NULL;
	c->vdso->trouble = c->trouble;
	return hold(c->vdso);
}

static struct image_lines *lines_of(struct code *code)
{
	if (!code->asked_lines && !is_bad(code->trouble, code->dev, code->ino, IMAGE_CODE_LINES))
		code->lines = image_lines_open(code->elf, code->public.path);
	code->asked_lines = true;
	return code->lines;
}

static const struct unwind_rule *read_rule(struct code *code, uint64_t vaddr)
{
	const struct unwind_rule *rule;

	if (!code->rules)
		code->rules = image_rules_new(code->elf);
	if (!code->rules)
		return NULL;
	rule = image_rules_find(code->rules, vaddr);
	if (rule || code->asked_debug_rules || !lines_of(code))
		return rule;
	/* Programs without .eh_frame may have .debug_frame. */
	code->asked_debug_rules = true;
	image_rules_debug(code->rules, image_lines_dwarf(code->lines));
	return image_rules_find(code->rules, vaddr);
}

const struct unwind_rule *image_code_rule(struct image_code *public, uint64_t vaddr)
{
	struct code *code = code_of(public);
	const struct unwind_rule *rule;

	begin_reading(code->trouble, code->dev, code->ino, IMAGE_CODE_REST);
	rule = read_rule(code, vaddr);
	end_reading(code->trouble);
	return rule;
}

const char *image_code_function(struct image_code *public, uint64_t vaddr, uint64_t *start)
{
	struct code *code = code_of(public);

	begin_reading(code->trouble, code->dev, code->ino, IMAGE_CODE_REST);
	if (!code->asked_functions)
		code->functions = image_functions_read(code->elf, public->path);
	code->asked_functions = true;
	end_reading(code->trouble);
	*start = vaddr;
	return code->functions ? image_functions_find(code->functions, vaddr, start) : NULL;
}

size_t image_code_lines(struct image_code *public, uint64_t vaddr,
			struct image_lines_function out[IMAGE_LINES_MAX])
{
	struct code *code = code_of(public);
	size_t n = 0;

	begin_reading(code->trouble, code->dev, code->ino, IMAGE_CODE_LINES);
	if (lines_of(code))
		n = image_lines_find(code->lines, vaddr, out);
	end_reading(code->trouble);
	return n;
}

void image_code_demangle(struct image_code *public, const char *symbol, char *to, size_t room)
{
	struct code *code = code_of(public);

	begin_reading(code->trouble, code->dev, code->ino, IMAGE_CODE_REST);
	if (!demangle(symbol, to, room))
		snprintf(to, room, "%s", symbol);
	end_reading(code->trouble);
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
