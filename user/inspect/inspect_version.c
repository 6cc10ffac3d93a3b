/* SPDX-License-Identifier: MIT */
#include "inspect_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (1u << 20)
#define OVERLAP 64		/* longer than any text that is looked for */
#define MAX_SEARCH (256u << 20) /* bytes of a file that are read for a text */
#define MAX_OBJECT 4096		/* bytes of a variable that are */

/* "3.10.13" or "3.10", in at most `room` bytes: how many they are; 0: there is no version. */
static size_t read_version(const char *text, size_t room, struct inspect_version *out)
{
	uint32_t parts[3] = { 0 };
	size_t at = 0, n;

	for (n = 0; n < 3; n++) {
		size_t next = at + (n > 0), digits = 0;

		if (n && (at >= room || text[at] != '.'))
			break;
		for (; next < room && text[next] >= '0' && text[next] <= '9' && digits < 3;
		     next++, digits++)
			parts[n] = parts[n] * 10 + (uint32_t)(text[next] - '0');
		if (!digits)
			break;
		at = next;
	}
	if (n < 2 || parts[0] > 255 || parts[1] > 255 || parts[2] > 255)
		return 0;
	out->version = parts[0] << 16 | parts[1] << 8 | parts[2];
	out->exact = n == 3;
	return at;
}

/* A version to be found in a file, if all that look like it agree. */
struct search {
	const char *before; /* what stands before the version, `before_len` bytes; or, */
	size_t before_len;
	bool begins; /* how it begins */
	bool alone;  /* the text ends with the version, but for letters like "rc1" and "+" */
	struct inspect_version found;
	bool several;
};

static bool ends_well(const char *at, const char *end)
{
	for (int i = 0; at < end && i < 6; i++, at++) {
		if (!*at)
			return true;
		if (!strchr("+abrc0123456789", *at))
			break;
	}
	return false;
}

static bool within_number(const char *bytes, const char *at)
{
	return at > bytes && (at[-1] == '.' || (at[-1] >= '0' && at[-1] <= '9'));
}

static void search_bytes(struct search *s, const char *bytes, size_t len)
{
	const char *end = bytes + len, *at = bytes, *hit;

	while ((hit = memmem(at, (size_t)(end - at), s->before, s->before_len))) {
		const char *text = s->begins ? hit : hit + s->before_len;
		size_t room = (size_t)(end - text), used;
		struct inspect_version v = { 0 };

		at = hit + 1;
		used = read_version(text, room < 16 ? room : 16, &v);
		if (!used || !v.exact || (s->alone && !ends_well(text + used, end)) ||
		    (s->begins && within_number(bytes, text)))
			continue;
		if (s->found.version && s->found.version != v.version)
			s->several = true;
		s->found = v;
	}
}

/* Through what is loaded of the file, code aside. Two different answers are none. */
static struct inspect_version search_file(const struct inspect_elf *e, struct search *s)
{
	static const struct inspect_version unknown;
	char *bytes = malloc(CHUNK + OVERLAP);
	uint64_t left = MAX_SEARCH;

	if (!bytes)
		return unknown;
	for (size_t i = 0; i < e->nsegments; i++) {
		uint64_t at = 0;

		if (e->segments[i].exec && e->nsegments > 2)
			continue;
		while (at < e->segments[i].filesz && left) {
			uint64_t more = e->segments[i].filesz - at;
			ssize_t got = pread(e->fd, bytes,
					    more < CHUNK + OVERLAP ? more : CHUNK + OVERLAP,
					    (off_t)(e->segments[i].offset + at));

			if (got <= 0)
				break;
			search_bytes(s, bytes, (size_t)got);
			at += CHUNK;
			left -= left < CHUNK ? left : CHUNK;
		}
	}
	free(bytes);
	return s->several ? unknown : s->found;
}

/* "libpython3.11.so.1.0", "python3.13t": the version behind `word` in `name`. */
static struct inspect_version in_name(const char *name, const char *word)
{
	struct inspect_version v = { 0 };
	const char *at = strstr(name, word);

	if (at) {
		at += strlen(word);
		at += read_version(at, strlen(at), &v);
		v.threaded = v.version && *at == 't';
	}
	v.exact = false;
	v.version &= 0xffff00;
	return v;
}

static const char *soname(const struct inspect_elf *e, char *to, size_t room)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = inspect_elf_section(e->elf, ".dynamic", &shdr);
	Elf_Data *data = scn && shdr.sh_type == SHT_DYNAMIC ? elf_getdata(scn, NULL) : NULL;
	GElf_Dyn dyn;

	*to = '\0';
	for (int i = 0; data && i < 4096 && gelf_getdyn(data, i, &dyn); i++) {
		const char *name;

		if (dyn.d_tag != DT_SONAME)
			continue;
		name = elf_strptr(e->elf, shdr.sh_link, dyn.d_un.d_val);
		snprintf(to, room, "%s", name ? name : "");
		break;
	}
	return to;
}

static struct inspect_version by_name(const struct inspect_elf *e, const char *path,
				      const char *word)
{
	const char *slash = strrchr(path, '/');
	char name[256];
	struct inspect_version v = in_name(soname(e, name, sizeof(name)), word);

	return v.version ? v : in_name(slash ? slash + 1 : path, word);
}

struct inspect_version inspect_version_cpython(const struct inspect_elf *e,
					       const struct inspect_symbols *s, const char *path)
{
	const struct inspect_symbol *data = inspect_symbols_find(s, "Py_Version");
	struct inspect_version named = by_name(e, path, "python"), exact = { 0 };
	struct search search = { .begins = true, .alone = true };
	char text[16];
	uint32_t hex;

	/* From 3.11 on: PY_VERSION_HEX. */
	if (data && inspect_elf_read(e, data->vaddr, &hex, sizeof(hex)) && hex >> 24 == 3) {
		named.version = hex >> 8;
		named.exact = true;
		return named;
	}
	if (!named.version)
		return named;
	/* Its text is in there, maybe as the end of another. */
	search.before_len = (size_t)snprintf(text, sizeof(text), "%u.%u.", named.version >> 16,
					     named.version >> 8 & 255);
	search.before = text;
	exact = search_file(e, &search);
	exact.threaded = named.threaded;
	return exact.version ? exact : named;
}

struct inspect_version inspect_version_pypy(const struct inspect_elf *e,
					    const struct inspect_symbols *s, const char *path)
{
	struct search search = { .before = "[PyPy ", .before_len = 6 };

	return search_file(e, &search);
}

struct inspect_version inspect_version_ruby(const struct inspect_elf *e,
					    const struct inspect_symbols *s, const char *path)
{
	const struct inspect_symbol *data = inspect_symbols_find(s, "ruby_version");
	struct inspect_version v = { 0 };
	char text[16] = "";

	if (data && inspect_elf_read(e, data->vaddr, text, sizeof(text) - 1))
		read_version(text, strlen(text), &v);
	return v;
}

/* What module Sys of the program's standard library has for a version. */
static struct inspect_version in_ocaml_data(const struct inspect_elf *e,
					    const struct inspect_symbols *s)
{
	uint64_t begin = 0, end = 0;
	struct search search = { .before = "", .before_len = 1, .alone = true };
	char bytes[MAX_OBJECT];

	for (uint32_t i = 0; i < s->n; i++) {
		const char *name = s->items[i].name;

		if (strncmp(name, "camlStdlib__Sys", 15))
			continue;
		if (strstr(name, "data_begin"))
			begin = s->items[i].vaddr;
		if (strstr(name, "data_end"))
			end = s->items[i].vaddr;
	}
	if (begin && end > begin && end - begin <= sizeof(bytes) &&
	    inspect_elf_read(e, begin, bytes, end - begin))
		search_bytes(&search, bytes, end - begin);
	if (search.several)
		search.found.version = 0;
	return search.found;
}

struct inspect_version inspect_version_ocaml(const struct inspect_elf *e,
					     const struct inspect_symbols *s, const char *path)
{
	struct search search = { .before = "The OCaml runtime, version ", .before_len = 27 };
	struct inspect_version v = in_ocaml_data(e, s);

	return v.version ? v : search_file(e, &search);
}
