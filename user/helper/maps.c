/* SPDX-License-Identifier: MIT */
#include "maps.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* vm.max_map_count is 65530 unless raised; a program that raised it far beyond loses names, not
 * memory. */
#define MAX_ENTRIES (1u << 18)
#define MAX_NAMES (16u << 20)
#define MAX_LINE                                                                                   \
	8192 /* the kernel cuts paths at a page, each newline of which may take four bytes */
#define CHUNK 65536

struct cursor {
	const char *at, *end;
};

static bool take_hex(struct cursor *c, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = c->at;
	uint64_t value = 0;

	for (; c->at < c->end && *c->at; c->at++) {
		const char *digit = strchr(digits, *c->at);

		if (!digit)
			break;
		if (value >> 60)
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*out = value;
	return c->at > start;
}

static bool take_decimal(struct cursor *c, uint64_t *out)
{
	const char *start = c->at;
	uint64_t value = 0;

	for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *c->at - '0', &value))
			return false;
	}
	*out = value;
	return c->at > start;
}

static bool take_char(struct cursor *c, char expected)
{
	if (c->at == c->end || *c->at != expected)
		return false;
	c->at++;
	return true;
}

static bool take_flags(struct cursor *c, uint32_t *flags)
{
	static const struct {
		char off, on;
		uint32_t flag;
	} columns[] = {
		{ '-', 'r', 0 },
		{ '-', 'w', MAPS_WRITE },
		{ '-', 'x', MAPS_EXEC },
		{ 'p', 's', MAPS_SHARED },
	};

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (take_char(c, columns[i].on))
			*flags |= columns[i].flag;
		else if (!take_char(c, columns[i].off))
			return false;
	}
	return true;
}

static bool take_columns(struct cursor *c, struct maps_entry *e)
{
	uint64_t major, minor;

	if (!take_hex(c, &e->start) || !take_char(c, '-') || !take_hex(c, &e->end) ||
	    !take_char(c, ' ') || !take_flags(c, &e->flags) || !take_char(c, ' ') ||
	    !take_hex(c, &e->offset) || !take_char(c, ' ') || !take_hex(c, &major) ||
	    !take_char(c, ':') || !take_hex(c, &minor) || !take_char(c, ' ') ||
	    !take_decimal(c, &e->ino))
		return false;
	if (c->at < c->end && !take_char(c, ' '))
		return false;
	while (take_char(c, ' '))
		;
	if (e->start >= e->end || major >> 12 || minor >> 20)
		return false;
	e->dev = (uint32_t)(major << 20 | minor);
	return true;
}

/* Neighbouring mappings are mostly of one file: its name is kept once. */
static int add_name(struct maps *m, struct maps_entry *e, const char *name, size_t len)
{
	const char *last = m->count ? maps_name(m, &m->entries[m->count - 1]) : NULL;

	if (m->names.len + len + 2 > MAX_NAMES)
		return -E2BIG;
	if (!m->names.len)
		buf_add(&m->names, "", 1);
	if (!len)
		return m->names.err;
	if (last && strlen(last) == len && !memcmp(last, name, len)) {
		e->name = m->entries[m->count - 1].name;
		return m->names.err;
	}
	e->name = (uint32_t)m->names.len;
	buf_add(&m->names, name, len);
	buf_add(&m->names, "", 1);
	return m->names.err;
}

static int parse_line(struct maps *m, const char *line, size_t len)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	struct cursor c = { line, line + len };
	struct maps_entry e = { 0 };
	size_t name_len;
	int err;

	if (len > MAX_LINE || memchr(line, '\0', len) || !take_columns(&c, &e))
		return -EBADMSG;
	if (m->count == MAX_ENTRIES)
		return -E2BIG;
	/*
	 * The file is read in pieces while the program maps and unmaps: a mapping that grew in
	 * between can be told twice. The first telling stands.
	 */
	if (m->count && e.start < m->entries[m->count - 1].end)
		return 0;
	name_len = (size_t)(c.end - c.at);
	if (e.ino && name_len > tail && !memcmp(c.end - tail, deleted, tail)) {
		e.flags |= MAPS_DELETED;
		name_len -= tail;
	}
	err = add_name(m, &e, c.at, name_len);
	if (err)
		return err;
	buf_add(&m->memory, &e, sizeof(e));
	if (m->memory.err)
		return m->memory.err;
	m->entries = (const struct maps_entry *)m->memory.data;
	m->count++;
	return 0;
}

int maps_parse(struct maps *m, const char *text, size_t len)
{
	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) : len;
		int err = newline ? parse_line(m, text, line) : -EBADMSG;

		if (err)
			return err;
		text += line + 1;
		len -= line + 1;
	}
	return 0;
}

/* Parse the whole lines at the start of `text`; how many bytes they were, or -errno. */
static ssize_t parse_whole_lines(struct maps *m, const char *text, size_t len)
{
	const char *last = memrchr(text, '\n', len);
	size_t whole = last ? (size_t)(last - text) + 1 : 0;
	int err = maps_parse(m, text, whole);

	return err ? err : (ssize_t)whole;
}

int maps_read(struct maps *m, int fd)
{
	char *text = malloc(CHUNK);
	size_t held = 0;
	ssize_t got;
	int err = 0;

	maps_release(m);
	if (!text)
		return -ENOMEM;
	while ((got = read(fd, text + held, CHUNK - held)) != 0) {
		ssize_t used;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err = -errno;
			goto out;
		}
		held += (size_t)got;
		used = parse_whole_lines(m, text, held);
		if (used < 0 || (!used && held == CHUNK)) {
			err = used < 0 ? (int)used : -EBADMSG;
			goto out;
		}
		held -= (size_t)used;
		memmove(text, text + used, held);
	}
	if (held)
		err = -EBADMSG;
out:
	free(text);
	if (err)
		maps_release(m);
	return err;
}

const struct maps_entry *maps_find(const struct maps *m, uint64_t addr)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->entries[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->count && m->entries[low].start <= addr ? &m->entries[low] : NULL;
}

const char *maps_name(const struct maps *m, const struct maps_entry *e)
{
	return (const char *)m->names.data + e->name;
}

enum maps_kind maps_kind(const struct maps *m, const struct maps_entry *e)
{
	const char *name = maps_name(m, e);

	/* Shared anonymous memory is a file of the kernel's own, with a number. */
	if (e->ino)
		return e->flags & MAPS_SHARED ? MAPS_FILE_SHARED : MAPS_FILE_PRIVATE;
	if (!strcmp(name, "[heap]"))
		return MAPS_HEAP;
	if (!strcmp(name, "[stack]"))
		return MAPS_STACK;
	/* "[anon:NAME]" is anonymous memory that the program gave a name. */
	if (!*name || !strncmp(name, "[anon", 5))
		return MAPS_ANON;
	return MAPS_SPECIAL;
}

size_t maps_size(const struct maps *m)
{
	return m->memory.cap + m->names.cap;
}

void maps_release(struct maps *m)
{
	buf_free(&m->memory);
	buf_free(&m->names);
	*m = (struct maps){ 0 };
}
