/* SPDX-License-Identifier: MIT */
#include "image_debug.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "image_file.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define MAX_BUILD_ID 64

struct build_id {
	const void *bytes;
	size_t len;
};

static bool build_id_of(Elf *elf, struct build_id *id)
{
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id->bytes);

	id->len = len > 0 ? (size_t)len : 0;
	return id->len >= 2 && id->len <= MAX_BUILD_ID;
}

static bool matches(int fd, const struct build_id *wanted)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	struct build_id id;
	bool same = elf && build_id_of(elf, &id) && id.len == wanted->len &&
		    !memcmp(id.bytes, wanted->bytes, id.len);

	elf_end(elf);
	return same;
}

static int open_matching(const char *path, const struct build_id *wanted)
{
	struct stat st;
	int fd = image_file_open(path);

	if (fd < 0)
		return -ENOENT;
	if (!fstat(fd, &st) && st.st_size <= (off_t)IMAGE_MAX_FILE && matches(fd, wanted))
		return fd;
	close(fd);
	return -ESTALE;
}

static int open_by_build_id(const struct build_id *id)
{
	char path[sizeof(DEBUG_ROOT) + 2 * MAX_BUILD_ID + 32];
	const unsigned char *bytes = id->bytes;
	int at = snprintf(path, sizeof(path), DEBUG_ROOT "/.build-id/%02x/", bytes[0]);

	for (size_t i = 1; i < id->len; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x", bytes[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	return open_matching(path, id);
}

/* The places that .gnu_debuglink, a bare file name, is meant for. */
static int open_by_link(const char *link, const char *path, const struct build_id *id)
{
	static const struct {
		const char *before, *after;
	} places[] = {
		{ "", "/" },
		{ "", "/.debug/" },
		{ DEBUG_ROOT, "/" },
	};
	const char *slash = strrchr(path, '/');
	char candidate[PATH_MAX];
	int err = -ENOENT;

	if (*path != '/' || strchr(link, '/'))
		return -ENOENT;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int len = snprintf(candidate, sizeof(candidate), "%s%.*s%s%s", places[i].before,
				   (int)(slash - path), path, places[i].after, link);
		int fd = len < (int)sizeof(candidate) ? open_matching(candidate, id) : -ENOENT;

		if (fd >= 0)
			return fd;
		if (fd == -ESTALE)
			err = fd;
	}
	return err;
}

static bool is_debug(const char *name)
{
	return !strncmp(name, ".debug_", strlen(".debug_")) ||
	       !strncmp(name, ".zdebug_", strlen(".zdebug_"));
}

static uint64_t inflated_size(Elf_Scn *scn, const GElf_Shdr *shdr)
{
	GElf_Chdr chdr;

	return (shdr->sh_flags & SHF_COMPRESSED) && gelf_getchdr(scn, &chdr) ? chdr.ch_size
									     : shdr->sh_size;
}

/* Has it the section from which all else is found? And how large are all of them? */
static bool own_size(Elf *elf, uint64_t *size)
{
	Elf_Scn *scn = NULL;
	bool info = false;
	size_t names;

	*size = 0;
	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (!name || !is_debug(name))
			continue;
		info |= !strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info");
		if (__builtin_add_overflow(*size, inflated_size(scn, &shdr), size))
			*size = UINT64_MAX;
	}
	return info;
}

bool image_debug_inside(Elf *elf)
{
	uint64_t size;

	return own_size(elf, &size);
}

uint64_t image_debug_size(Elf *elf, const char *path)
{
	uint64_t size;
	Elf *debug;
	int fd;

	if (own_size(elf, &size))
		return size;
	fd = image_debug_open(elf, path);
	if (fd < 0)
		return 0;
	debug = elf_begin(fd, ELF_C_READ, NULL);
	if (!debug || !own_size(debug, &size))
		size = 0;
	elf_end(debug);
	close(fd);
	return size;
}

static bool has_strings(const char *name)
{
	return !strcmp(name, ".debug_str") || !strcmp(name, ".debug_line_str") ||
	       !strcmp(name, ".zdebug_str") || !strcmp(name, ".zdebug_line_str");
}

/* libdw 0.188 reads a string to its end wherever that is, be it beyond the section. */
static bool strings_end(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = NULL;
		const Elf_Data *data;
		GElf_Shdr shdr;

		if (gelf_getshdr(scn, &shdr))
			name = elf_strptr(elf, names, shdr.sh_name);
		if (!name || !has_strings(name))
			continue;
		data = elf_getdata(scn, NULL);
		if (data && data->d_buf && data->d_size &&
		    ((const char *)data->d_buf)[data->d_size - 1])
			return false;
	}
	return true;
}

/* The library would end the process in order; a worker that is lost is replaced. */
static __attribute__((noreturn)) void out_of_memory(void)
{
	abort();
}

Dwarf *image_debug_begin(Elf *elf)
{
	uint64_t size;
	Dwarf *dwarf;

	own_size(elf, &size);
	if (size > IMAGE_DEBUG_MAX)
		return NULL;
	dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	/* It has inflated what was compressed. */
	if (dwarf && !strings_end(elf)) {
		dwarf_end(dwarf);
		return NULL;
	}
	if (dwarf)
		dwarf_new_oom_handler(dwarf, out_of_memory);
	return dwarf;
}

int image_debug_open(Elf *elf, const char *path)
{
	struct build_id id;
	const char *link;
	GElf_Word crc;
	int fd;

	/* Without a build-id nothing but a checksum says that the file belongs here: not enough to
	 * trust. */
	if (!build_id_of(elf, &id))
		return -ENOENT;
	fd = open_by_build_id(&id);
	if (fd >= 0 || !path)
		return fd;
	link = dwelf_elf_gnu_debuglink(elf, &crc);
	return link && *link ? open_by_link(link, path, &id) : -ENOENT;
}

int image_debug_open_shared(Dwarf *dwarf)
{
	struct build_id id;
	const char *name = NULL;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id.bytes);
	int fd;

	if (len < 2 || len > MAX_BUILD_ID)
		return -ENOENT;
	id.len = (size_t)len;
	fd = open_by_build_id(&id);
	if (fd < 0 && !strncmp(name, DEBUG_ROOT "/", sizeof(DEBUG_ROOT)) && !strstr(name, "/../"))
		fd = open_matching(name, &id);
	return fd < 0 ? -ENOENT : fd;
}
